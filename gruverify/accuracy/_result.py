"""Targets side by side: what was measured of each, by format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gruverify._visible import error_line
from gruverify.accuracy._answers import COMPARED, Errors, errors_of
from gruverify.accuracy._functions import Shown, shown_functions
from gruverify.accuracy._truth import arb_missing
from gruverify.arithmetic import Format, float64
from gruverify.backends import Backend, declarations_of, offers, one_thread, resolve

#: Of a target that shows others: errors would be those of σ and tanh.
_OTHERS = "not measured: it declares other activation functions than σ and tanh, or a clip"
#: Of a target that shows no single layer: `resolve` derives a step wherever one follows.
_NO_STEP = "it has no step and no sequence, and none follows from a stack of one layer"


@dataclass(frozen=True, eq=False)
class Accuracy:
    """What was measured of a target in a format: its functions, and its answers by the method;
    `trouble` says what was not, and why.
    """

    target: str
    format: Format
    shown: tuple[Shown, ...] = ()
    answers: Mapping[str, Errors] = field(default_factory=dict)
    trouble: str = ""


def accuracy(
    target: str, formats: Sequence[Format] | None = None, *, cases: int = 50, seed: int = 0
) -> list[Accuracy]:
    """What a target of that name is worth, in each of the formats that it claims.

    cases: how many cases of answers are drawn per format.

    Raises:
        UnknownTarget, TargetUnavailable: as `gruverify.check` raises them.
    """
    backend = resolve(target)
    claimed = [fmt for fmt in backend.formats if formats is None or fmt in formats]
    return [accuracy_of(backend, fmt, target, cases, seed) for fmt in claimed]


def accuracy_of(
    backend: Backend, fmt: Format, target: str, cases: int = 50, seed: int = 0
) -> Accuracy:
    """What a backend is worth in one format; `target` is how the result calls it."""
    if not offers(backend, "step") and not offers(backend, "sequence"):
        return Accuracy(target, fmt, trouble=_NO_STEP)
    if declarations_of(backend).other_functions:
        return Accuracy(target, fmt, trouble=_OTHERS)
    missing = arb_missing()
    if missing and fmt == float64:
        return Accuracy(target, fmt, trouble=f"not measured: {missing}")
    with one_thread(), np.errstate(all="ignore"):
        try:
            shown = tuple(shown_functions(backend, fmt))
        except Exception as raised:  # whatever the target raises
            return Accuracy(target, fmt, trouble=f"not measured: {error_line(raised)}")
        if missing:
            return Accuracy(target, fmt, shown, trouble=f"σ and tanh alone are measured: {missing}")
        offered = [method for method in COMPARED if offers(backend, method)]
        answers = {m: errors_of(m, backend, fmt, cases, seed, target) for m in offered}
    return Accuracy(target, fmt, shown, answers)
