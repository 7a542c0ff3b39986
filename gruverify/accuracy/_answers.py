"""The errors of steps, Jacobians and gradients over cases that are drawn as `gruverify check` draws
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import AnyCase, Case
from gruverify.engine import Witness, draw, judge, streams_for
from gruverify.invariants import INVARIANTS, Exact, Trial, block_of, blocks_of

Floats: TypeAlias = npt.NDArray[np.float64]
#: What was answered, what is exact, and the number whose digits errors are counted in.
Compared: TypeAlias = tuple[NDArray, Floats, float]


@dataclass(frozen=True, eq=False)
class Errors:
    """The errors of one method's answers, each an entry (N,), in units of roundoff: of next states
    of 1, for they lie in [-1, 1]; of Jacobians of 1 too, or of the largest entry of the array where
    that is larger; of gradients of the largest cotangent, or entry.

    refused: how many cases were not answered; worst_case: the one with the largest error, as a
    witness of an invariant that is about it.
    """

    errors: Floats
    refused: int
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
    target: what the witness of the worst case names, the backend by default.

    Left out are states whose exact value is not finite or larger than 1, and arrays whose largest
    entry is not finite or less than a normal number.
    """
    found, refused = list[Floats](), 0
    most, worst = -1.0, list[Case]()

    def visit(case: AnyCase) -> None:
        nonlocal refused, most
        if not isinstance(case, Case):
            return
        try:
            answered = getattr(Trial(case, backend).observed, method)
        except Exception:  # whatever the target raises
            refused += 1
            return
        # Next to the target's own call: an error of ours is not a refusal of its.
        errors = _errors(method, case, answered)
        found.append(errors)
        if errors.size and errors.max() > most:
            most = float(errors.max())
            worst[:] = [case]

    for stream in streams_for(backend, fmt, seed, cases):
        # The survey draws what is rare on purpose, and would weigh too much in percentiles.
        if stream.kind == "cells" and not stream.survey:
            draw(stream.strategy, stream.count, stream.seed, visit)
    witnesses = [
        Witness(target or backend.name, judgement.invariant.id, case, judgement.residual)
        for case in worst
        for judgement in judge(case, backend, [INVARIANTS[_ABOUT[method]]])
    ]
    return Errors(np.concatenate([np.zeros(0), *found]), refused, next(iter(witnesses), None))


def _errors(method: str, case: Case, answered: Any) -> Floats:
    exact, fmt, found = Trial(case, NumpyBackend()).exact, case.format, [np.zeros(0)]
    for mine, true, scale in COMPARED[method](case, answered, exact):
        if fmt.min_normal <= scale < np.inf:
            # No number of the answer may be lost: a NaN is as far off as can be.
            error = np.abs(mine.astype(np.float64) - true) / (fmt.unit_roundoff * scale)
            error = np.where(np.isnan(error), np.inf, error)
            found.append(error[np.abs(true) <= scale])
    return np.concatenate(found)


def _step(case: Case, answered: NDArray, exact: Exact) -> Iterator[Compared]:
    yield answered, exact.next_state.mid, 1.0


def _jacobian(case: Case, answered: tuple[NDArray, NDArray], exact: Exact) -> Iterator[Compared]:
    of_state, of_input = answered
    yield _to_scale(of_state, exact.jacobian_of_state.mid, 1.0)
    yield _to_scale(of_input, exact.jacobian_of_input.mid, 1.0)


def _gradients(case: Case, answered: Any, exact: Exact) -> Iterator[Compared]:
    true = exact.gradients
    # Behind shut gates a gradient is as good as 0: its own size would be no measure.
    least = max(_largest(case.d_outputs), _largest(case.d_last))
    for block in blocks_of(case.variant):
        yield _to_scale(block_of(answered, block), getattr(true.parameters, block).mid, least)
    yield _to_scale(answered.inputs, np.stack([x.mid for x in true.inputs]), least)
    if answered.state is not None:
        yield _to_scale(answered.state, true.state.mid, least)


def _to_scale(answered: NDArray, true: Floats, least: float) -> Compared:
    return answered, true, max(_largest(true), least)


def _largest(array: NDArray) -> float:
    return float(np.abs(array.astype(np.float64)).max(initial=0.0))


#: By the method: an invariant that is about its answer.
_ABOUT = {
    "step": "agreement/step",
    "step_jacobian": "agreement/jacobian-state",
    "sequence_vjp": "agreement/analytic-gradient",
}
#: By the method that answers: its arrays, and the exact ones.
COMPARED: Mapping[str, Callable[[Case, Any, Exact], Iterator[Compared]]] = {
    "step": _step,
    "step_jacobian": _jacobian,
    "sequence_vjp": _gradients,
}
