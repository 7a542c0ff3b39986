"""What a run is to do, and what it says of itself."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any

from gruverify._visible import visible
from gruverify.arithmetic import Format
from gruverify.backends import (
    EVERY_METHOD,
    TARGETS,
    Backend,
    Sizes,
    declarations_of,
    declared_variants,
    drawn_sizes,
    meant_by,
    offers,
)
from gruverify.engine._deaths import Death
from gruverify.engine._profile import PROFILES
from gruverify.engine._saved import NOTHING_SAVED, Saved, fitting
from gruverify.engine._search import Aim, aimed, names, sizes_survey, streams_for
from gruverify.engine._selection import EVERYTHING, Selection
from gruverify.engine._sizes import is_within
from gruverify.engine._stream import Stream
from gruverify.engine._witness import encode_variant
from gruverify.invariants import Invariant


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run does: how many cases of which formats, from which seed, within how many seconds
    (None: no limit), and which invariants it asks.

    max_failures: a format ends when as many invariants have failed in it (None: when all cases are
    judged); keep_going: whether a format goes on where the likely cause explains all that has
    failed in it; shrink: whether small cases are looked for that fail; max_size: no case has a size
    above it; saved: witnesses of earlier runs, which are tried before a case is drawn, and do not
    change which are; deaths: what ended a process of the run already, and is not asked again; aim:
    what all cases are drawn at, where they are not drawn at random.
    """

    profile: str = "default"
    formats: tuple[Format, ...] | None = None
    seed: int = 0
    max_cases: int | None = None
    time_budget: float | None = None
    selection: Selection = EVERYTHING
    max_failures: int | None = None
    keep_going: bool = True
    shrink: bool = True
    max_size: int | None = None
    saved: Saved = NOTHING_SAVED
    deaths: tuple[Death, ...] = ()
    aim: Aim | None = None

    def __post_init__(self) -> None:
        # A NumPy integer is a whole number, too; Hypothesis and JSON take Python's alone.
        for name in ("seed", "max_cases", "max_failures", "max_size"):
            value: object = getattr(self, name)
            if isinstance(value, Integral) and not isinstance(value, bool):
                object.__setattr__(self, name, int(value))

    @property
    def cases(self) -> int:
        """Cases for each format."""
        if self.max_cases is None:
            return PROFILES[self.profile].cases
        return self.max_cases

    def asks(self, invariant: Invariant, number: int) -> bool:
        """Whether an invariant is checked on the case of that number in its format, from 0."""
        return self.max_cases is not None or PROFILES[self.profile].asks(invariant, number)


def formats_of(plan: Plan, backend: Backend) -> tuple[Format, ...]:
    """The formats of the run, in the backend's order."""
    if plan.formats is None:
        wanted = backend.formats
    else:
        wanted = plan.formats
    return tuple(fmt for fmt in backend.formats if fmt in wanted)


def streams_of(plan: Plan, backend: Backend, fmt: Format) -> list[Stream]:
    """The streams of cases that the run draws in a format."""
    about = backend, fmt, plan.seed, plan.cases
    if plan.aim is not None:
        return [aimed(*about, plan.aim, plan.max_size)]
    return [*streams_for(*about, plan.max_size), *sizes_survey(*about, plan.max_size)]


def _largest(sizes: Sizes) -> int:
    return max(sizes[letter] for letter in "HIBT")


def require(plan: Plan, backend: Backend) -> None:
    """Raise ValueError if the plan makes no sense for the backend."""
    if plan.profile not in PROFILES:
        raise ValueError(f"profile={plan.profile!r} is unknown: choose from {', '.join(PROFILES)}")
    for name in ("seed", "max_cases", "max_failures"):
        value: Any = getattr(plan, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
            raise ValueError(f"{name}={value!r} must be a whole number")
    if plan.cases < 1:
        raise ValueError(f"max_cases={plan.cases} must be at least 1")
    if plan.seed < 0:
        raise ValueError(f"seed={plan.seed} must not be negative")
    if plan.max_failures is not None and plan.max_failures < 1:
        raise ValueError(f"max_failures={plan.max_failures} must be at least 1")
    if plan.time_budget is not None:
        _require_seconds(plan.time_budget)
    if plan.max_size is not None:
        _require_size(plan.max_size, backend)
    if not formats_of(plan, backend):
        raise ValueError(
            f"{backend.name} claims none of the formats {names(plan.formats or ()) or '[]'}: "
            f"it has {names(backend.formats)}"
        )


def _require_seconds(time_budget: object) -> None:
    """Raise ValueError if a time budget is not a number above 0; a NaN is not."""
    if isinstance(time_budget, bool) or not isinstance(time_budget, Real):
        raise ValueError(f"time_budget={time_budget!r} must be a number of seconds")
    if not float(time_budget) > 0:
        raise ValueError(f"time_budget={time_budget} must be more than 0 seconds")


def _require_size(most: Any, backend: Backend) -> None:
    """Raise ValueError if no case of the backend has sizes up to `most`."""
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ValueError(f"max_size={most!r} must be a whole number of at least 1")
    declared = declarations_of(backend)
    # No size is drawn below what is declared, so such a cap would leave no case.
    for name in ("hidden_size", "input_size", "min_length"):
        if (getattr(declared, name) or 0) > most:
            raise ValueError(
                f"max_size={most}: the target declares {name}={getattr(declared, name)}, which is "
                "more"
            )
    if declared.shapes == "few" and not any(
        is_within(sizes, most) for sizes in drawn_sizes(declared)
    ):
        least = min(map(_largest, drawn_sizes(declared)))
        raise ValueError(
            f"max_size={most}: a target with shapes='few' is checked at sizes up to {least} at "
            "least"
        )


def header_of(backend: Backend, plan: Plan, target: str) -> dict[str, Any]:
    """What the run was: all that is needed to repeat it."""
    return {
        "target": target,
        "backend": visible(str(backend.name)),
        "seed": plan.seed,
        "profile": plan.profile,
        "cases": plan.cases,
        "max_size": plan.max_size,
        "formats": [fmt.name for fmt in formats_of(plan, backend)],
        "selection": plan.selection.values(),
        "methods": [method for method in EVERY_METHOD if offers(backend, method)],
        "declarations": declarations_of(backend).unusual(),
        "variants": [encode_variant(variant) for variant in declared_variants(backend)],
        "versions": versions(target) | version_of(backend),
        "replayed": replayed(plan, backend).values(),
    }


def replayed(plan: Plan, backend: Backend) -> Saved:
    """The saved witnesses that the run tries."""
    # Found out twice, for the header and for each format: both follow from the plan alone.
    formats, chosen = formats_of(plan, backend), plan.selection
    return fitting(
        plan.saved, backend, formats, profile=plan.profile, chosen=chosen, max_size=plan.max_size
    )


def versions(target: str = "") -> dict[str, str]:
    """Of Python and the packages that a result may depend on, those that a shipped target is about
    among them.
    """
    meant = meant_by(target)
    # Of a user's own target nobody knows what it depends on; torch is named, for most do.
    own = next((shipped.packages for shipped in TARGETS if shipped.name == meant), ())
    packages = ("gruverify", "numpy", "hypothesis", "ml_dtypes", "torch", *own)
    return {"python": platform.python_version(), **{p: v for p in packages if (v := _version(p))}}


def version_of(backend: Backend) -> dict[str, str]:
    """What a program says of its own version, where it says so in its greeting."""
    said = getattr(backend, "program_version", "")
    if said:
        return {"program": visible(f"{backend.name} {said}")}
    return {}


@cache  # a package keeps its version, and looking it up reads all that is said of it
def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
