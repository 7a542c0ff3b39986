"""The options of the plugin and of pyproject.toml, read and checked for a run of pytest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gruverify import _pytest
from gruverify._config import configuration
from gruverify.arithmetic import FORMATS, Format, formats_named
from gruverify.backends import MEMORY, PATIENCE, Limits, require_named
from gruverify.engine import (
    EVERYTHING,
    PROFILES,
    BadSelection,
    Selection,
    files_for,
    require_known_names,
    selection,
)


@dataclass(frozen=True)
class Options:
    """formats: those that are tested; profile: of gruverify, "" to leave it to Hypothesis' own;
    chosen: of the invariants; seed: what was given as --hypothesis-seed, None if Hypothesis draws
    one; limits: of a target that is a program.
    """

    formats: tuple[Format, ...] = FORMATS
    profile: str = ""
    chosen: Selection = EVERYTHING
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)


_READ = pytest.StashKey[dict[str | None, Options]]()


def current(target: object = None) -> Options:
    """The options of the run that is going on, for a target; without the plugin there are none."""
    if _pytest.RUNS:
        return options_of(_pytest.RUNS[-1], target)
    return Options()


def named(target: object) -> object:
    """What the project's table of targets gives for a name, else the target itself."""
    if _pytest.RUNS and isinstance(target, str):
        return configuration(_pytest.RUNS[-1].rootpath).targets.get(target, target)
    return target


def options_of(config: pytest.Config, target: object = None) -> Options:
    """The options of a run: for a target, if it is one that the project has a table of.

    Raises:
        pytest.UsageError: one of them is wrong; the message says which, and what is near.
    """
    name = target if isinstance(target, str) else None
    read = config.stash.setdefault(_READ, {})
    # Read once for each target: files of xfails may be long, and every test asks.
    if name not in read:
        read[name] = _read(config, name)
    return read[name]


def overridden(config: pytest.Config, target: str | None) -> Iterator[str]:
    """A line for each key of pyproject.toml that an option of pytest, or of its ini file, wins
    over.
    """
    for key, table in configuration(config.rootpath).options(target).items():
        for name in (key, key.removesuffix("s")):
            given = _pytest.given_value(config, name)
            if given and _as_list(given) != _as_list(table.values[key]):
                yield table.overridden(key, f"--gru-{name}")


def _as_list(value: Any) -> list[str]:
    """One or several texts, or a list of formats with commas, as texts."""
    if isinstance(value, str):
        return value.split(",")
    return [str(each) for each in value]


def _read(config: pytest.Config, target: str | None) -> Options:
    try:
        project = configuration(config.rootpath)
        require_named(project)
        options = project.options(target)
        require_known_names(options)
        configured = {key: table.values[key] for key, table in options.items()}
        formats = _pytest.option_value(config, "formats") or ",".join(configured.get("formats", ()))
        profile = _pytest.option_value(config, "profile") or configured.get("profile", "")
        if profile and profile not in PROFILES:
            raise ValueError(
                f"--gru-profile={profile} is unknown: choose from {', '.join(PROFILES)}"
            )
        skips = _pytest.option_value(config, "skips-file") or configured.get("skips-files", ())
        xfails = _pytest.option_value(config, "xfails-file") or configured.get("xfails-files", ())
        chosen = selection(
            only=_pytest.option_value(config, "only") or configured.get("only", ()),
            skip=configured.get("skip", ()),
            # Of a folder, a target without a name has no file.
            skips_files=files_for(target or "", skips),
            xfails_files=files_for(target or "", xfails),
        )
        return Options(
            formats_named(formats) if formats else FORMATS,
            profile,
            chosen,
            _seed(config),
            _limits(configured),
        )
    except (BadSelection, ValueError) as wrong:
        raise pytest.UsageError(f"gruverify: {wrong}") from None


def _limits(configured: Mapping[str, Any]) -> Limits:
    """Those of pyproject.toml: seconds of patience, and GiB of memory."""
    for name in ("patience", "memory"):
        if not 0 < configured.get(name, 1) < math.inf:
            raise ValueError(f"{name} = {configured[name]} must be a number above 0")
    patience = float(configured.get("patience", PATIENCE))
    return Limits(patience, int(configured.get("memory", MEMORY / 2**30) * 2**30))


def _seed(config: pytest.Config) -> int | None:
    given = config.getoption("--hypothesis-seed", None)
    # Hypothesis takes any text for a seed; only a number can be shown as one.
    if given is not None and str(given).isdecimal():
        return int(given)
    return None
