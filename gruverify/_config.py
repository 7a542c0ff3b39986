"""[tool.gruverify] in pyproject.toml: what a project says once, for the command and for the pytest
plugin.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

#: The keys that there are, and how a value is written. Those that name files or folders are
#: relative to pyproject.toml.
KEYS: Mapping[str, str] = {
    "target": "a string or a list of strings",
    "targets": "a table of tables",
    "formats": "a list of strings",
    "profile": "a string",
    "seed": "an integer",
    "max-cases": "an integer",
    "max-size": "an integer",
    "max-failures": "an integer",
    "keep-going": "true or false",
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
#: Those that the table of a target may have, too: what is about one target and not about the run.
OF_A_TARGET = tuple(
    key for key in KEYS if key not in ("target", "targets", "report", "witnesses", "jobs")
)
_PATHS = ("skips-files", "xfails-files", "report", "witnesses")
_ROOT = "tool.gruverify"


class BadConfiguration(ValueError):
    """The table cannot be read; the message names file, key and way out."""


@dataclass(frozen=True)
class Table:
    """A table of a file: its name, and its values by key; empty where no file has it."""

    file: Path = Path("pyproject.toml")
    name: str = _ROOT
    values: Mapping[str, Any] = field(default_factory=dict)

    def wrong(self, key: str, message: str) -> BadConfiguration:
        """The error about a key."""
        return self.bad(f"{key} = {self.values[key]!r}: {message}")

    def bad(self, message: str) -> BadConfiguration:
        """The error about the table; the message says what is wrong with it."""
        return BadConfiguration(f"{self.file}: [{self.name}] {message}")

    def overridden(self, key: str, winner: str) -> str:
        """What is said of a value that the command line or the environment wins over."""
        return (
            f"{key} = {self.values[key]!r} of {self.file} [{self.name}] is overridden by {winner}"
        )

    def unknown(self, key: str, known: Iterable[str]) -> BadConfiguration:
        """The error about a key that there is not."""
        names = list(known)
        near = difflib.get_close_matches(key, names, n=1)
        if near:
            hint = f"did you mean {near[0]}?"
        else:
            hint = f"there are {', '.join(names)}"
        return self.bad(f"has no key {key!r}: {hint}")


@dataclass(frozen=True)
class NamedTarget(Table):
    """The table [tool.gruverify.targets.NAME]: a target by a name of the project's own.

    target: what the name stands for; options: the options of a check of it, by key; declares: every
    other value, unread: what is declared of the target.
    """

    target: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    declares: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration(Table):
    """The table [tool.gruverify], and by their names the targets that it has tables of."""

    targets: Mapping[str, NamedTarget] = field(default_factory=dict)

    @property
    def default_targets(self) -> tuple[str, ...]:
        """What is verified where no target is named: `target`, or else all that have a table."""
        given = self.values.get("target")
        if given is None:
            return tuple(self.targets)
        if isinstance(given, str):
            return (given,)
        return tuple(given)

    def options(self, target: str | None = None) -> dict[str, Table]:
        """The keys that are options, each with the table whose value holds: that of the target
        before that of all.
        """
        found: dict[str, Table] = {
            key: self for key in self.values if key not in ("target", "targets")
        }
        named = self.targets.get(target or "")
        if named is not None:
            found |= dict.fromkeys(named.options, replace(named, values=named.options))
        return found


def configuration(folder: Path) -> Configuration:
    """What the nearest pyproject.toml that has the table, in a folder or above it, says.

    Raises:
        BadConfiguration: the file is not TOML, or a key is unknown or of the wrong type.
    """
    # The nearest file that has the table, not the nearest file: a project may lie in another one.
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
            return _configuration(file, tools["gruverify"])
    return Configuration()


def _configuration(file: Path, values: Any) -> Configuration:
    table = _table(file, _ROOT, values)
    for key in table.values:
        if key not in KEYS:
            raise table.unknown(key, KEYS)
    checked = _checked(table, KEYS)
    named = checked.get("targets", {})
    targets = {name: _named_target(file, name, each) for name, each in named.items()}
    return Configuration(file, _ROOT, checked, targets)


def _named_target(file: Path, name: str, values: Any) -> NamedTarget:
    table = _table(file, f"{_ROOT}.targets.{_as_toml(name)}", values)
    # Such a name would be read as a module's object, or as an option.
    if not name or ":" in name or name.startswith("-"):
        raise table.bad("is not a name: it must not be empty, begin with - or have a :")
    if "target" not in table.values:
        raise table.bad('has no target: say what it stands for, as target = "pkg.module:object"')
    if not isinstance(table.values["target"], str):
        raise table.wrong("target", "it must be a string")
    options = _checked(table, OF_A_TARGET)
    rest = {key: value for key, value in table.values.items() if key not in options}
    target = rest.pop("target")
    return NamedTarget(file, table.name, table.values, target, options, rest)


def _table(file: Path, name: str, values: Any) -> Table:
    if not isinstance(values, dict):
        raise BadConfiguration(f"{file}: [{name}] is {values!r}: it must be a table")
    return Table(file, name, values)


def _checked(table: Table, keys: Iterable[str]) -> dict[str, Any]:
    """The values of those keys that the table has: of the right type, and paths from here."""
    checked: dict[str, Any] = {}
    for key in keys:
        if key in table.values:
            value = table.values[key]
            if not _has_kind(value, KEYS[key]):
                raise table.wrong(key, f"it must be {KEYS[key]}")
            checked[key] = _placed(value, table.file.parent) if key in _PATHS else value
    return checked


def _has_kind(value: object, kind: str) -> bool:
    # First, because Python has True as an integer.
    if isinstance(value, bool):
        return kind == "true or false"
    if kind == "a string or a list of strings":
        return isinstance(value, str) or (value != [] and _has_kind(value, "a list of strings"))
    if kind == "a list of strings":
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    kinds: dict[str, type | tuple[type, ...]] = {
        "a string": str,
        "an integer": int,
        "a number": (int, float),
        "a table of tables": dict,
    }
    return kind in kinds and isinstance(value, kinds[kind])


def _placed(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [str(folder / path) for path in value]
    return str(folder / value)


def _as_toml(name: str) -> str:
    """The name as a key of TOML."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    return f'"{name}"'
