"""Which term of its gradients a backend lacks, or has another for, whose steps are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.backends import Backend, derived_methods, offers
from gruverify.cell import Case, Gradients
from gruverify.engine._backward import BACKWARD, Backward
from gruverify.formulas import Bptt, Run
from gruverify.invariants import Exact, Obstacle, Residual, Trial, compare, compared

#: The backward pass that lacks nothing.
RIGHT = Backward()


def lacking(backend: Backend, cases: Sequence[Case]) -> tuple[str, ...]:
    """What every case agrees with in the place of the right gradients, by the names of `BACKWARD`;
    empty if nothing is wrong with them.

    A method whose answers are right says nothing: who writes a Jacobian and a pullback by hand errs
    in one of them.
    """
    variants = dict.fromkeys(case.variant for case in cases)
    left = dict[str, _Fate]()
    for words, line in BACKWARD.items():
        if all(line.there_in(variant) for variant in variants):
            left[words] = _Fate(line)
    answers = [answer for method in METHODS for answer in _wrong(backend, method, cases)]
    for answer in answers:
        for words, fate in list(left.items()):
            if not fate.enter(answer):
                del left[words]
    if not answers:
        return ()
    return tuple(words for words, fate in left.items() if fate.claims)


@dataclass(frozen=True)
class _Answer:
    """What a method answered, and what the mathematics allows for the case."""

    method: str
    exact: Exact
    found: Any

    def residuals(self, line: Backward) -> list[Residual]:
        """How far it is from what a backward pass gives."""
        return gradient_residuals(self.exact, self.method, line, self.found)


def gradient_residuals(exact: Exact, method: str, line: Backward, found: Any) -> list[Residual]:
    """How far what a method of `METHODS` answered is from what a backward pass gives."""
    with np.errstate(over="ignore", invalid="ignore"):
        return list(METHODS[method](exact, line, found))


def _wrong(backend: Backend, method: str, cases: Sequence[Case]) -> list[_Answer]:
    """The answers of a method, if some of them are wrong; none if they follow from another's."""
    answers = list[_Answer]()
    if not offers(backend, method) or method in derived_methods(backend):
        return []
    for case in cases:
        trial = Trial(case, backend)
        with suppress(Obstacle):
            answers.append(_Answer(method, trial.exact, getattr(trial.observed, method)))
    if all(_agree(answer.residuals(RIGHT)) for answer in answers):
        return []
    return answers


@dataclass
class _Fate:
    """How many answers agree with a backward pass, and of how many the bounds claim something."""

    line: Backward
    agreeing: int = 0
    claiming: int = 0

    @property
    def claims(self) -> bool:
        """Whether at least half of them do."""
        return 2 * self.claiming >= self.agreeing > 0

    def enter(self, answer: _Answer) -> bool:
        """Whether an answer agrees with it."""
        found = answer.residuals(self.line)
        if not _agree(found):
            return False
        self.agreeing += 1
        self.claiming += all(residual.claims for residual in found)
        return True


def _agree(residuals: Sequence[Residual]) -> bool:
    return all(residual.margin <= 1 for residual in residuals)


def _sequence_vjp(exact: Exact, line: Backward, found: Gradients) -> Iterator[Residual]:
    d_outputs = [Ball.exact(exact.mode, d) for d in exact.case.d_outputs]
    expected = line.gradients(exact.run, d_outputs, exact.d_last)
    yield from compared(exact.case.variant, found, expected)


def _step_vjp(exact: Exact, line: Backward, found: Gradients) -> Iterator[Residual]:
    expected = line.of_step().gradients(_first(exact), None, exact.d_last)
    yield from compared(exact.case.variant, replace(found, inputs=found.inputs[None]), expected)


def _step_jacobian(exact: Exact, line: Backward, found: Any) -> Iterator[Residual]:
    """Row by row: what comes back of a cotangent that is one unit's."""
    for i, row in enumerate(np.eye(exact.case.sizes["H"])):
        unit = np.tile(row, (exact.case.sizes["B"], 1))
        expected = line.of_step().gradients(_first(exact), None, Ball.exact(exact.mode, unit))
        yield from _row(i, found, expected)


def _row(i: int, found: Any, expected: Bptt) -> Iterator[Residual]:
    yield compare(f"∂h_{i}/∂h'", "bj", found[0][:, i], expected.state)
    yield compare(f"∂h_{i}/∂x", "bj", found[1][:, i], expected.inputs[0])


def _first(exact: Exact) -> Run:
    """The run of the first step alone."""
    return Run(exact.case.variant, exact.parameters, [exact.step], [exact.state, exact.next_state])


#: How each method that shows first derivatives is read.
METHODS: dict[str, Callable[[Exact, Backward, Any], Iterator[Residual]]] = {
    "step_vjp": _step_vjp,
    "sequence_vjp": _sequence_vjp,
    "step_jacobian": _step_jacobian,
}
