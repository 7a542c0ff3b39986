"""A target verified in this process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gruverify.arithmetic import Format, formats_named
from gruverify.backends import resolve
from gruverify.engine._events import Listener
from gruverify.engine._explained import explained
from gruverify.engine._plan import Plan
from gruverify.engine._result import Result
from gruverify.engine._run import run
from gruverify.engine._saved import NOTHING_SAVED, saved_witnesses
from gruverify.engine._selection import selection


def check(
    target: object,
    *,
    profile: str = "default",
    formats: str | Iterable[Format | str] | None = None,
    seed: int = 0,
    max_cases: int | None = None,
    time_budget: float | None = None,
    only: str | Iterable[str] = (),
    skip: str | Iterable[str] = (),
    skips_files: Iterable[str | Path] = (),
    xfails_files: Iterable[str | Path] = (),
    strict: bool = False,
    max_failures: int | None = None,
    shrink: bool = True,
    max_size: int | None = None,
    replay: str | Path | None = None,
    listener: Listener = lambda event: None,
    name: str | None = None,
) -> Result:
    """Verify a target (see `gruverify.backends.resolve`) in this process.

    profile: "quick", "default" or "deep"; formats: all that the backend claims unless given, each
    itself or by its name ("f32"); max_cases: cases for each format, every invariant asked of each,
    instead of the profile's; max_size: no case has a larger size, whatever the profile would ask
    for; time_budget: seconds after which no further case is drawn; only, skip, skips_files and
    xfails_files: which invariants are asked and which are expected to fail; strict: whether one
    that does not fails the run (see `gruverify.engine.selection`); max_failures: how many
    invariants may fail before a format ends; shrink: whether small cases are looked for that fail;
    replay: a folder to which `gruverify check` saved witnesses of a target so called, which are
    tried first; listener: gets the events; name: how the result calls the target (its own text if
    it is one, else the backend's name).

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: an option is out of range, the backend claims none of the formats, or a
        selection makes no sense.
    """
    backend = resolve(target)
    name = name or (target if isinstance(target, str) else backend.name)
    plan = Plan(
        profile=profile,
        formats=None if formats is None else formats_named(formats),
        seed=seed,
        max_cases=max_cases,
        time_budget=time_budget,
        max_size=max_size,
        selection=selection(
            only=only, skip=skip, skips_files=skips_files, xfails_files=xfails_files, strict=strict
        ),
        max_failures=max_failures,
        shrink=shrink,
        saved=NOTHING_SAVED if replay is None else saved_witnesses(replay, name),
    )
    result = run(backend, plan, name, listener)
    return explained(result, target)
