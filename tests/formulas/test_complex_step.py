"""Complex-step differentiation: f(x + ih) = f(x) + ih f'(x) + O(h²), without any cancellation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given

from gruverify import VARIANTS, Case, Variant
from gruverify.cell import unpack
from gruverify.formulas import Activations, activations, jacobian, pullback, step
from tests.formulas._cases import NDArray, ball, balls, cases, escapes

pytestmark = pytest.mark.uncounted

#: So small that its square vanishes beside 1.
H = 2.0**-64
#: A smaller gate's derivative, times H, would be subnormal.
SMALLEST_GATE = 2.0**-512

variants = pytest.mark.parametrize("v", VARIANTS, ids=str)


def derivative(f: Callable[[NDArray], NDArray], at: NDArray) -> NDArray:
    """∂f/∂at: f's shape, then at's."""
    columns = []
    for index in np.ndindex(at.shape):
        point = at.astype(complex)
        point[index] += 1j * H
        columns.append(f(point).imag / H)
    return np.stack(columns, -1).reshape(*columns[0].shape, *at.shape)


def moderate(a: Activations) -> bool:
    """Whether no gate is so nearly shut that the complex step underflows."""
    return bool(min(a.r.mid.min(), a.z.mid.min()) > SMALLEST_GATE)


def stepped(case: Case) -> Callable[[dict[str, NDArray], NDArray, NDArray], NDArray]:
    """One step as a function of packed parameters, input and state."""
    size = case.cell.hidden_size
    return lambda packed, x, h: step(case.cell.variant, unpack(packed, size), x, h)


def blocks_of(packed: str) -> list[str]:
    """The blocks of a packed parameter, in its order."""
    kind, side = packed.split("_")
    return [
        f"{'W' if kind == 'weight' else 'b'}_{'x' if side == 'ih' else 'h'}{gate}" for gate in "rzc"
    ]


@pytest.mark.thinned
@variants
def test_jacobian_is_the_complex_step_derivative(v: Variant) -> None:
    @given(cases(variants=[v], max_B=1, max_T=1))
    def agrees(case: Case) -> None:
        f, packed = stepped(case), case.cell.packed()
        p, [x], h = balls(case)
        a = activations(v, p, x, h)
        assume(moderate(a))
        by_state, by_input = jacobian(v, p, a)
        assert not escapes(
            derivative(lambda s: f(packed, case.inputs[0], s), case.state)[0, :, 0], by_state[0]
        )
        assert not escapes(
            derivative(lambda x: f(packed, x, case.state), case.inputs[0])[0, :, 0], by_input[0]
        )

    agrees()


@pytest.mark.thinned
@variants
def test_immediate_derivatives_are_the_complex_step_ones(v: Variant) -> None:
    @given(cases(variants=[v], max_T=1))
    def agrees(case: Case) -> None:
        f, packed = stepped(case), case.cell.packed()
        p, [x], h = balls(case)
        a = activations(v, p, x, h)
        assume(moderate(a))
        found = pullback(v, p, a, ball(case.d_last)).parameters
        for name in packed:
            by = derivative(
                lambda a, name=name: f({**packed, name: a}, case.inputs[0], case.state),
                packed[name],
            )
            gates = np.split(np.tensordot(case.d_last, by, 2), 3)
            for block, gate in zip(blocks_of(name), gates, strict=True):
                assert not escapes(gate, getattr(found, block)), block

    agrees()


def test_catches_a_parameter_left_out() -> None:
    """The complex step sees a gate's slope that is missing from the Jacobian."""
    v = Variant()
    caught = []

    @given(cases(variants=[v], max_B=1, max_T=1, regimes=["free"]))
    def look(case: Case) -> None:
        f, packed = stepped(case), case.cell.packed()
        p, [x], h = balls(case)
        a = activations(v, p, x, h)
        flat = jacobian(v, p, replace(a, r=ball(np.ones_like(case.state))))[0]
        caught.append(
            escapes(
                derivative(lambda s: f(packed, case.inputs[0], s), case.state)[0, :, 0], flat[0]
            )
        )

    look()
    assert np.mean(caught) > 0.5
