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
    keep_going: bool = True,
    shrink: bool = True,
    max_size: int | None = None,
    replay: str | Path | None = None,
    listener: Listener = lambda event: None,
    name: str | None = None,
) -> Result:
    """Verify a target in this process: what `gruverify check` does in several.

    Args:
        target: What `gruverify check` takes, or an object: a function step(cell, x, h), an
            `nn.Module`, a backend.
        profile: How much is tried: "quick", "default" or "deep".
        formats: The formats, each itself or by its name ("f32"); all that the target claims unless
            given.
        seed: The same seed draws the same cases.
        max_cases: Cases per format, instead of the profile's; every invariant is checked on each.
        time_budget: Seconds after which no further case is drawn.
        only: Patterns of the invariants to check; all unless given.
        skip: Patterns of the invariants not to check.
        skips_files: Files that list such invariants.
        xfails_files: Files that list invariants which are expected to fail.
        strict: Whether the run fails if one that is expected to fail passes.
        max_failures: How many invariants may fail before a format ends.
        keep_going: Whether a format goes on where the likely cause explains all that has failed in
            it; the command line does so with `--keep-going` alone.
        shrink: Whether small cases that fail are looked for.
        max_size: No case has a larger size, whatever the profile would ask for.
        replay: A folder to which `gruverify check` saved witnesses of the target; they are tried
            first.
        listener: Is called with each event of the run.
        name: How the result calls the target: its own text if it is one, else the backend's name.

    Returns:
        What was found, with the verdict.

    Raises:
        UnknownTarget: The target cannot be made into a backend.
        TargetUnavailable: What the target needs is not installed here.
        ValueError: An option is out of range, the backend claims none of the formats, or a
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
        keep_going=keep_going,
        shrink=shrink,
        saved=NOTHING_SAVED if replay is None else saved_witnesses(replay, name),
    )
    result = run(backend, plan, name, listener)
    # Whether what failed fails in a new process, too, the command line alone finds out: see
    # `concluded_apart`.
    return explained(result, target)
