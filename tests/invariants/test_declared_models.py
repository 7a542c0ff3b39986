"""Right implementations of other models of rounding: once they declare what they do, every bound
holds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import (
    Case,
    Cell,
    Gradients,
    Stack,
    StackCase,
    Variant,
    assert_holds,
    bfloat16,
    float16,
    float32,
)
from gruverify.arithmetic import NDArray
from gruverify.backends import NumpyBackend
from gruverify.cell import pack
from gruverify.formulas import Run, bptt, sequence

NUMPY = NumpyBackend()


def drawn(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    shapes = (9, 2), (9, 3), (9,), (9,)
    cell = Cell(Variant(), *(float32.cast(rng.normal(size=shape)) for shape in shapes))
    state = float32.cast(rng.uniform(-1, 1, (2, 3)))
    arrays = (float32.cast(rng.normal(size=shape)) for shape in ((6, 2, 2), (6, 2, 3), (2, 3)))
    inputs, d_outputs, d_last = arrays
    return Case(cell, inputs, state, d_outputs, d_last)


def stored(h: NDArray) -> NDArray:
    """Rounded to bfloat16, as a number of its own format."""
    return bfloat16.cast(h).astype(h.dtype)


class NarrowBetweenSteps(NumpyBackend):
    """A state, and a cotangent of it, that are kept in bfloat16 from step to step."""

    carry = "bfloat16"

    def sequence(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> Any:
        assert state is not None
        outputs, h = list[NDArray](), state
        for x in inputs:
            outputs.append(NUMPY.step(cell, x, h))
            h = stored(outputs[-1])
        return np.stack(outputs), outputs[-1].copy()

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        assert state is not None
        assert d_last is not None
        before = [state, *map(stored, self.sequence(cell, inputs, state)[0])]
        g, back, sums = d_last, list[Gradients](), dict[str, NDArray]()
        for t in reversed(range(len(inputs))):
            if d_outputs is not None:
                g = g + d_outputs[t]
            back.append(NUMPY.step_vjp(cell, inputs[t], before[t], g))
            found = back[-1].state
            assert found is not None
            g = stored(found)
        for name in cell.packed():
            sums[name] = sum(getattr(one, name) for one in back)
        steps = np.stack([one.inputs for one in reversed(back)])
        return Gradients(**sums, inputs=steps, state=back[-1].state)


@pytest.mark.parametrize(
    "id",
    [
        "agreement/each-step",
        "agreement/long-gradient",
        "regimes/constant-gates",
        "regimes/constant-gates-gradient",
        "regimes/chrono-gradient",
        "dynamics/error-in-time",
        "dynamics/counting",
    ],
)
def test_a_state_that_is_narrower_between_steps_is_allowed_for(id: str) -> None:
    backend = NarrowBetweenSteps()
    for seed in range(5):
        assert_holds(id, backend, drawn(seed))


def flushed(h: NDArray) -> NDArray:
    return np.asarray(np.where(np.abs(h) < float32.min_normal, h.dtype.type(0), h))


class FlushesGivenStates(NumpyBackend):
    """Subnormal numbers of a given state are 0."""

    subnormals = False

    def sequence(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> Any:
        assert state is not None
        return NUMPY.sequence(cell, inputs, flushed(state))

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None = None,
        batch_first: bool = False,
    ) -> Any:
        assert states is not None
        return NUMPY.stack(stack, inputs, flushed(states), lengths, batch_first)


def subnormal_start(steps: int) -> Case:
    """A start of 10^-39, which a weight of 10^38 makes a tenth of a pre-activation."""
    cast = float32.cast
    cell = Cell(
        Variant(), cast(np.zeros((3, 1))), cast([[0.0], [1e38], [0.0]]), *map(cast, [[0, 0, 1]] * 2)
    )
    still = cast(np.zeros((steps, 1, 1)))
    return Case(cell, still, cast([[1e-39]]), still, cast([[1]]))


def test_a_given_state_that_is_flushed_is_allowed_for_at_the_first_of_many_steps() -> None:
    assert_holds("agreement/each-step", FlushesGivenStates(), subnormal_start(2))


def test_so_it_is_in_a_stack_and_where_a_member_has_no_step() -> None:
    case = subnormal_start(2)
    twice = [np.repeat(a, 2, axis=-2) for a in (case.inputs, case.state, case.d_outputs)]
    inputs, state, d_outputs = twice
    lengths = np.array([2, 0])
    stack = Stack(((case.cell,),))
    padded = StackCase(stack, inputs, state[None], d_outputs, state[None], lengths)
    assert_holds("stack/each-step", FlushesGivenStates(), padded)


class TwoGates(NumpyBackend):
    """The blend as σ(a)∘h' + σ(-a)∘c, with a sigmoid that errs by up to 5 u."""

    blend = "D"

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        a = x @ cell.weight_ih[1:2].T
        return np.asarray(self._gate(a) * h + self._gate(-a) * np.ones_like(h))

    def _gate(self, a: NDArray) -> NDArray:
        one = a.dtype.type(1)
        return np.asarray(one / (one + np.exp(-a)))


def test_two_gates_that_add_up_to_more_than_1_leave_the_box_by_what_they_round() -> None:
    cast, members = float32.cast, 4096
    cell = Cell(
        Variant(),
        cast([[0], [1], [0]]),
        cast(np.zeros((3, 1))),
        *map(cast, [[0, 0, 2048], [0, 0, 0]]),
    )
    inputs = cast(np.linspace(-9, 9, members).reshape(1, members, 1))
    ones = cast(np.ones((members, 1)))
    case = Case(cell, inputs, ones, 0 * inputs, 0 * ones)
    assert TwoGates().step(cell, inputs[0], ones).max() > 1
    assert_holds("bounds/box", TwoGates(), case)


def test_a_gate_whose_large_biases_cancel_need_not_be_shut() -> None:
    # 8.1 + 20000 - 20032 is -23.9, and -16 in float16, where σ is 10^-7 and not 0.
    cast = float16.cast
    cell = Cell(
        Variant(),
        cast([[0], [1], [0]]),
        cast(np.zeros((3, 1))),
        cast([0, 20000, 1]),
        cast([0, -20032, 1]),
    )
    case = Case(cell, cast([[[8.1]]]), cast([[-0.9]]), cast([[[0]]]), cast([[1]]))
    assert NUMPY.sequence_vjp(cell, case.inputs, case.state, None, case.d_last).weight_hh[1] != 0
    assert_holds("regimes/closed-update-gate", NUMPY, case)


class Rounding11Bits(np.ndarray[Any, np.dtype[Any]]):
    """Arrays of which the operands of matrix products are rounded to 11 bits, as TF32 is."""

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(_to_11_bits(self), _to_11_bits(other)).view(Rounding11Bits)


def _to_11_bits(array: NDArray) -> NDArray:
    significands, exponents = np.frexp(np.asarray(array, np.float64))
    return np.asarray(np.ldexp(np.rint(significands * 2**11) / 2**11, exponents), np.float32)


def lifted(array: NDArray) -> NDArray:
    return array.view(Rounding11Bits)


class RoundsOperands(NumpyBackend):
    """Matrix products in TF32."""

    products = "tf32"

    def _rounded_run(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> Run:
        assert state is not None
        steps = [lifted(x) for x in inputs]
        return sequence(cell.variant, cell.parameters(lifted), steps, lifted(state))

    def sequence(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> Any:
        outputs = np.stack(
            [np.asarray(h) for h in self._rounded_run(cell, inputs, state).states[1:]]
        )
        return outputs, outputs[-1].copy()

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        assert d_outputs is not None
        assert d_last is not None
        run = self._rounded_run(cell, inputs, state)
        back = bptt(run, [lifted(d) for d in d_outputs], lifted(d_last))
        steps = np.stack([np.asarray(x) for x in back.inputs])
        parameters = back.parameters.map(np.asarray)
        return pack(parameters, steps, np.asarray(back.state), cell.variant.bias)


@pytest.mark.parametrize(
    "id", ["agreement/each-step", "agreement/each-cotangent", "gradient/outer-product"]
)
def test_cotangents_that_a_product_rounds_before_it_shows_them_are_allowed_for(id: str) -> None:
    for seed in range(5):
        assert_holds(id, RoundsOperands(), drawn(seed))


class SinglesInside(NumpyBackend):
    """Takes float64, and computes in float32, where more than 2^128 is infinite."""

    computes = "float32"

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        inner = Cell(cell.variant, *(float32.cast(a) for a in cell.packed().values()))
        return NUMPY.step(inner, float32.cast(x), float32.cast(h)).astype(x.dtype)


def test_inputs_are_scaled_within_the_range_of_the_format_that_is_computed_in() -> None:
    rng = np.random.default_rng(0)
    shapes = (9, 4), (9, 3), (9,), (9,)
    cell = Cell(Variant(), *(rng.normal(size=shape) for shape in shapes))
    x, h = rng.normal(size=(1, 2, 4)), rng.uniform(-1, 1, (2, 3))
    assert_holds("symmetry/scaling", SinglesInside(), Case(cell, x, h, h[None], h))
