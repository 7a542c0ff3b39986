"""Two outputs of one model: where they part, and what rounding explains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, float32
from gruverify.judging import Distance, distance, record, rule

from ._runs import KAPPA, NDArray, Run, run
from .test_judge import run_of


def apart(one: Run, first: NDArray, second: NDArray, **given: Any) -> Distance:
    """The distance of two outputs of a run."""
    records = [
        record(one.stack, one.inputs, outputs, state=one.state, **given)
        for outputs in (first, second)
    ]
    return distance(
        records[0], records[1], KAPPA, (rule(records[0], KAPPA), rule(records[1], KAPPA))
    )


def wider(one: Run) -> NDArray:
    """What the same run gives in float64, rounded at its end."""

    def widened(cell: Cell) -> Cell:
        packed = {name: array.astype(np.float64) for name, array in cell.packed().items()}
        return Cell(cell.variant, **packed)

    stack = Stack(tuple(map(tuple, one.stack.each(widened))))
    return float32.cast(run_of(stack, one.inputs.astype(np.float64), one.state.astype(np.float64)))


def test_equal_outputs_do_not_part() -> None:
    one = run()

    found = apart(one, one.outputs, one.outputs)

    assert (found.part, found.sentence) == (None, "the two outputs are equal, bit for bit")


@pytest.mark.uncounted
@pytest.mark.parametrize("layers", [1, 2])
def test_what_rounding_explains_is_above_what_two_right_runs_are_apart(layers: int) -> None:
    one = run(H=4, T=60, layers=layers, reach=0.5)

    found = apart(one, one.outputs, wider(one))

    assert found.part is not None
    assert found.explained is not None
    assert (found.apart <= found.explained).all()
    assert found.explained.max() < 2.0**-10
    assert "steps a difference of" in found.sentence


def test_float16_records_may_be_half_an_ulp_of_it_farther_apart() -> None:
    one = run(H=4, T=10, reach=0.5)
    narrow = one.outputs.astype(np.float16)

    found = apart(one, one.outputs, narrow)

    assert found.explained is not None
    assert (found.apart <= found.explained).all()
    assert 2.0**-13 < found.apart.max() < found.explained.max() < 2.0**-9


@pytest.mark.uncounted
def test_what_is_no_rounding_is_not_explained() -> None:
    one = run()
    other = one.outputs.copy()
    other[5, 1, 2] += 0.5

    found = apart(one, one.outputs, other)

    assert (found.part, found.explained) == ((5, 1, 2), None)
    assert found.sentence.endswith("not both are what rounding allows, step by step")


def test_padding_is_no_difference() -> None:
    lengths = [3, 20]
    one = run(directions=2, lengths=lengths)
    padded = one.outputs.copy()
    padded[3:, 0] = 7

    assert apart(one, one.outputs, padded, lengths=lengths).part is None


def test_of_two_directions_the_wider_bound_holds_each_in_its_own_order() -> None:
    one = run(H=4, T=12, directions=2, reach=0.5)
    other = one.outputs.copy()
    other[7, 0, ::4] = np.nextafter(other[7, 0, ::4], np.float32(0))
    [(forward, backward)] = one.stack.cells
    halves = [(x[..., :4], x[..., 4:]) for x in (one.outputs, other)]
    records = [
        Run(Stack(((forward,),)), one.inputs, one.state[:1], halves[0][0]),
        Run(Stack(((backward,),)), one.inputs[::-1], one.state[1:], halves[0][1][::-1]),
    ]
    along = apart(records[0], halves[0][0], halves[1][0]).explained
    against = apart(records[1], halves[0][1][::-1], halves[1][1][::-1]).explained

    found = apart(one, one.outputs, other).explained

    assert found is not None
    assert along is not None
    assert against is not None
    assert np.array_equal(found, np.maximum(along, against[::-1]))


def test_of_two_layers_in_both_directions_a_bound_is_found() -> None:
    one = run(H=3, T=8, layers=2, directions=2, reach=0.5)

    found = apart(one, one.outputs, wider(one))

    assert found.explained is not None
    assert (found.apart <= found.explained).all()
    assert 0 < found.apart.max() < found.explained.max() < 2.0**-10


def test_a_bound_of_any_two_states_is_said_to_say_nothing() -> None:
    found = Distance(np.full(3, 1e-6), np.full(3, 16.0), (0, 0, 0))

    assert "a bound over 1 steps says nothing here" in found.sentence


def test_behind_the_last_step_of_a_member_nothing_is_apart() -> None:
    one = run(H=4, T=6, reach=0.5)
    other = one.outputs.copy()
    other[1, 0, 1] = np.nextafter(other[1, 0, 1], np.float32(2))

    found = apart(one, one.outputs, other, lengths=[3, 6])

    assert found.explained is not None
    assert found.apart.shape == found.explained.shape == (6,)
    assert found.explained[:3].all()
    assert not found.apart[3:].any()
    assert not found.explained[3:].any()
