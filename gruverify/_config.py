"""[tool.gruverify] in pyproject.toml: what a project says once, for the command and for the pytest
plugin.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: The keys that there are, and how a value is written. Those that name files or folders are
#: relative to pyproject.toml.
KEYS: Mapping[str, str] = {
    "target": "a string",
    "formats": "a list of strings",
    "profile": "a string",
    "seed": "an integer",
    "max-cases": "an integer",
    "max-size": "an integer",
    "max-failures": "an integer",
    "time-budget": "a number",
    "patience": "a number",
    "memory": "a number",
    "fail-under-gates": "a number",
    "only": "a list of strings",
    "skip": "a list of strings",
    "skips-files": "a list of strings",
    "xfails-files": "a list of strings",
    "strict": "true or false",
    "report": "a string",
    "witnesses": "a string",
    "jobs": "an integer",
}
_PATHS = ("skips-files", "xfails-files", "report", "witnesses")


class BadConfiguration(ValueError):
    """The table cannot be read; the message names file, key and way out."""


@dataclass(frozen=True)
class Configuration:
    """The table's values by key, and the file that they are from; empty where no file has the
    table.
    """

    file: Path = Path("pyproject.toml")
    values: Mapping[str, Any] = field(default_factory=dict)

    def wrong(self, key: str, message: str) -> BadConfiguration:
        """The error about a key."""
        return BadConfiguration(
            f"{self.file}: [tool.gruverify] {key} = {self.values[key]!r}: {message}"
        )


def configuration(folder: Path) -> Configuration:
    """What the nearest pyproject.toml that has the table, in a folder or above it, says.

    Raises:
        BadConfiguration: the file is no TOML, or a key is unknown or of the wrong type.
    """
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except OSError:
            continue
        except ValueError as wrong:  # no UTF-8, or no TOML
            raise BadConfiguration(f"{file}: {wrong}") from None
        tools = tables.get("tool")
        if isinstance(tools, dict) and "gruverify" in tools:
            return _checked(Configuration(file, tools["gruverify"]))
    return Configuration()


def _checked(read: Configuration) -> Configuration:
    if not isinstance(read.values, dict):
        raise BadConfiguration(
            f"{read.file}: [tool.gruverify] is {read.values!r}: it must be a table"
        )
    for key, value in read.values.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            if near:
                hint = f"did you mean {near[0]}?"
            else:
                hint = f"there are {', '.join(KEYS)}"
            raise BadConfiguration(f"{read.file}: [tool.gruverify] has no key {key!r}: {hint}")
        if not _is(value, KEYS[key]):
            raise read.wrong(key, f"it must be {KEYS[key]}")
    values = {
        key: _placed(value, read.file.parent) if key in _PATHS else value
        for key, value in read.values.items()
    }
    return Configuration(read.file, values)


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "true or false"
    if kind == "a list of strings":
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    kinds: dict[str, type | tuple[type, ...]] = {
        "a string": str,
        "an integer": int,
        "a number": (int, float),
    }
    return kind in kinds and isinstance(value, kinds[kind])


def _placed(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [str(folder / path) for path in value]
    return str(folder / value)
