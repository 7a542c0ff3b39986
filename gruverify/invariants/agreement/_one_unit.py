"""One unit by itself, at moderate gates: so few roundings that the balls are at their smallest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Cell
from gruverify.invariants.core._blocks import letters, pairs
from gruverify.invariants.core._changes import clipped
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import STATES, Residual, compare
from gruverify.invariants.core._trial import Change, Trial

#: No number of the case is larger, so that no pre-activation is beyond four.
_MODERATE = 1.0


def alone(case: Case) -> Case:
    """The first unit, input, member and step, with numbers of at most 1: a case of four sums and
    hardly saturated.
    """
    H = case.cell.hidden_size

    def first(array: NDArray) -> NDArray:
        # Row 0 of each gate's block: unit 0, in packed order.
        rows = array[::H]
        return clipped(rows if array.ndim == 1 else rows[:, :1], _MODERATE)

    cell = Cell(case.cell.variant, *(first(array) for array in case.cell.packed().values()))
    return replace(
        case,
        cell=cell,
        inputs=clipped(case.inputs[:1, :1, :1], _MODERATE),
        state=clipped(case.state[:1, :1], _MODERATE),
        # One cotangent of 1 at the end: every factor of a gradient counts in full.
        d_outputs=np.zeros_like(case.d_outputs[:1, :1, :1]),
        d_last=np.ones_like(case.d_last[:1, :1]),
        regimes=(),
    )


@invariant(
    "agreement/one-unit",
    "h of the first unit, input and member alone, at moderate gates",
    source="theory 2, (2.1)",
    needs=["step"],
    resizes=True,
    asks_more=True,
)
def one_unit(trial: Trial) -> Iterator[Residual]:
    small = trial.on(alone)
    yield compare("h of one unit", "bi", small.observed.step, small.exact.next_state, scale=STATES)


@invariant(
    "agreement/one-unit-gradient",
    "dL/dθ, dL/dx and dL/dh' of the first unit, input and member alone, at moderate gates",
    source="theory 2, (2.4)",
    needs=["sequence_vjp"],
    resizes=True,
    asks_more=True,
)
def one_unit_gradient(trial: Trial) -> Iterator[Residual]:
    small = trial.on(alone)
    found, expected = small.observed.sequence_vjp, small.exact.gradients
    for block, actual, ball in pairs(small.case.cell.variant, found, expected.parameters):
        yield compare(f"dL/d{block} of one unit", letters(block), actual, ball)
    yield compare("dL/dx of one unit", "bj", found.inputs[0], expected.inputs[0])
    if found.state is not None:
        yield compare("dL/dh_0 of one unit", "bi", found.state, expected.state)


def _reading(gate: str) -> Change:
    """One unit of which this gate alone reads the input."""
    kept = np.array([[name == gate] for name in "rzc"])

    def one_reader(case: Case) -> Case:
        small = alone(case)
        return replace(
            small,
            cell=replace(
                small.cell, weight_ih=small.cell.weight_ih * kept.astype(small.format.dtype)
            ),
        )

    return one_reader


_READERS = {gate: _reading(gate) for gate in "rzc"}


@invariant(
    "agreement/one-gate-reads-the-input",
    "dL/dx = (∂h/∂a) W_x where one gate alone reads x: a product, of which every factor counts "
    "in full",
    source="theory 2, (2.3)",
    needs=["sequence_vjp"],
    resizes=True,
    asks_more=True,
)
def one_gate_reads_the_input(trial: Trial) -> Iterator[Residual]:
    for gate, reading in _READERS.items():
        # With three gates reading, one wrong term can hide behind two larger ones; alone it is all
        # there is.
        small = trial.on(reading)
        found, expected = small.observed.sequence_vjp.inputs[0], small.exact.gradients.inputs[0]
        yield compare(f"dL/dx through {gate} alone", "bj", found, expected)
