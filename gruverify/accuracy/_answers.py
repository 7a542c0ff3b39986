"""The errors of steps, Jacobians and gradients over cases that are drawn as `gruverify check` draws
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.accuracy._regimes import REGIMES, regime_of
from gruverify.accuracy._truth import PRECISIONS, Truth, distances
from gruverify.arithmetic import Format, NDArray
from gruverify.backends import Backend
from gruverify.cell import AnyCase, Case
from gruverify.engine import Witness, judge, streams_for
from gruverify.invariants import INVARIANTS, Trial, block_of, blocks_of

if TYPE_CHECKING:
    from gruverify.arithmetic.arb import ArbArray

Floats: TypeAlias = npt.NDArray[np.float64]
#: What was answered, what is true, and the number whose digits errors are counted in.
Compared: TypeAlias = "tuple[NDArray, ArbArray, float]"
#: A case, and the errors of what was answered to it.
Seen: TypeAlias = tuple[Case, Floats]


@dataclass(frozen=True, eq=False)
class Errors:
    """The errors of one method's answers, each an entry (N,), in units of roundoff: of next states
    of 1, for they lie in [-1, 1]; of Jacobians of 1 too, or of the largest entry of the array where
    that is larger; of gradients of the largest cotangent, or entry.

    regimes: the same by the regime of their cases; refused: how many cases were not answered;
    worst_case: the one with the largest error, as a witness of an invariant that is about it.
    """

    errors: Floats
    regimes: Mapping[str, Errors] = field(default_factory=dict)
    refused: int = 0
    worst_case: Witness | None = None

    @property
    def worst(self) -> float:
        """The largest error; NaN if there is none."""
        return self.percentile(100)

    def percentile(self, percent: float) -> float:
        """The error that that many percent of the entries do not exceed."""
        if not self.errors.size:
            return np.nan
        return float(np.percentile(self.errors, percent, method="higher"))


def errors_of(
    method: str, backend: Backend, fmt: Format, cases: int, seed: int, target: str = ""
) -> Errors:
    """Over the cases of cells that a run of that seed draws first; method: a key of `COMPARED`;
    target: what the witness of the worst case names, the backend by default. What is true is
    enclosed in Arb, with bits until each error is decided.

    Left out are states whose true value is larger than 1, and arrays whose largest entry is larger
    than the format's largest number or less than a normal one.

    Raises:
        ImportError: python-flint is not installed; the message says what installs it.
    """
    seen, refused = dict[str, list[Seen]](), 0

    def visit(case: AnyCase) -> None:
        nonlocal refused
        if not isinstance(case, Case):
            return
        try:
            answered = getattr(Trial(case, backend).observed, method)
        except Exception:  # whatever the target raises
            refused += 1
            return
        # Next to the target's own call: an error of ours is not a refusal of its.
        errors = _errors(method, case, answered)
        seen.setdefault(regime_of(case), []).append((case, errors))

    for stream in streams_for(backend, fmt, seed, cases):
        # The survey draws what is rare on purpose, and would weigh too much in percentiles.
        if stream.kind == "cells" and not stream.survey:
            stream.draw(visit)
    over = partial(_over, method, backend, target or backend.name)
    regimes = {name: over(seen[name]) for name in REGIMES if name in seen}
    return replace(over(list(chain(*seen.values()))), regimes=regimes, refused=refused)


def _over(method: str, backend: Backend, target: str, seen: Sequence[Seen]) -> Errors:
    """The errors of all the cases, with the witness of the one that has the largest."""
    errors = np.concatenate([np.zeros(0), *(each for _, each in seen)])
    if not errors.size:
        return Errors(errors)
    case, _ = max(seen, key=lambda one: one[1].max(initial=-1.0))
    # The invariant may hold of the case: a witness says where it is worst all the same.
    witnesses = (
        Witness(target, judgement.invariant.id, case, judgement.residual)
        for judgement in judge(case, backend, [INVARIANTS[_ABOUT[method]]])
    )
    return Errors(errors, worst_case=next(witnesses, None))


def _errors(method: str, case: Case, answered: Any) -> Floats:
    found = list[tuple[Floats, bool]]()
    for bits in PRECISIONS:
        truth = Truth(case, bits)
        found = [
            _error(truth, case.format, *each) for each in COMPARED[method](case, answered, truth)
        ]
        if all(decided for _, decided in found):
            break
    return np.concatenate([np.zeros(0), *(errors for errors, _ in found)])


def _error(
    truth: Truth, fmt: Format, answered: NDArray, true: ArbArray, scale: float
) -> tuple[Floats, bool]:
    if not fmt.min_normal <= scale <= fmt.max:
        # Left out, unless too little is known of it yet.
        least, most = np.maximum(true.lower, -true.upper), np.maximum(true.upper, -true.lower)
        return np.zeros(0), bool(most.max() < fmt.min_normal or least.max() >= fmt.max)
    # In Arb: of a small number a unit of roundoff may be less than float64 has a number for.
    errors, decided = distances(answered, true, truth.lift(scale) * fmt.unit_roundoff)
    return errors[np.abs(true.mid) <= scale], decided


def _step(case: Case, answered: NDArray, truth: Truth) -> Iterator[Compared]:
    yield answered, truth.next_state, 1.0


def _jacobian(case: Case, answered: tuple[NDArray, NDArray], truth: Truth) -> Iterator[Compared]:
    for mine, true in zip(answered, truth.jacobian, strict=True):
        yield _to_scale(mine, true, 1.0)


def _gradients(case: Case, answered: Any, truth: Truth) -> Iterator[Compared]:
    true = truth.gradients
    # Behind shut gates a gradient is as good as 0: its own size would be no measure.
    least = max(_largest(case.d_outputs), _largest(case.d_last))
    for block in blocks_of(case.variant):
        yield _to_scale(block_of(answered, block), getattr(true.parameters, block), least)
    of_inputs = max(least, *(_largest(x.mid) for x in true.inputs))
    for mine, x in zip(answered.inputs, true.inputs, strict=True):
        yield mine, x, of_inputs
    if answered.state is not None:
        yield _to_scale(answered.state, true.state, least)


def _to_scale(answered: NDArray, true: ArbArray, least: float) -> Compared:
    return answered, true, max(_largest(true.mid), least)


def _largest(array: NDArray) -> float:
    return float(np.abs(array.astype(np.float64)).max(initial=0.0))


#: By the method: an invariant that is about its answer.
_ABOUT = {
    "step": "agreement/step",
    "step_jacobian": "agreement/jacobian-state",
    "sequence_vjp": "agreement/analytic-gradient",
}
#: By the method that answers: its arrays, and the exact ones.
COMPARED: Mapping[str, Callable[[Case, Any, Truth], Iterator[Compared]]] = {
    "step": _step,
    "step_jacobian": _jacobian,
    "sequence_vjp": _gradients,
}
