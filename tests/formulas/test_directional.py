"""Derivatives along a direction: proved by SymPy for small cells, and held by balls against complex
steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gruverify import VARIANTS, Case, Gradients, Variant
from gruverify.cell import BLOCKS, Parameters, unpack
from gruverify.formulas import activations, bptt, directional_run, hvp, jvp, sequence
from tests.formulas._cases import NDArray, ball, balls, cases, escapes

pytestmark = pytest.mark.uncounted

#: So small that its square vanishes beside 1.
STEP = 2.0**-64
#: A smaller gate's derivative, times STEP, would be subnormal.
SMALLEST_GATE = 2.0**-512

variants = pytest.mark.parametrize("v", VARIANTS, ids=str)


def direction(case: Case) -> Gradients:
    """A direction without any order."""
    draw = np.random.default_rng(0)
    moving = {**case.cell.packed(), "inputs": case.inputs, "state": case.state}
    arrays = {name: draw.uniform(-1, 1, array.shape) for name, array in moving.items()}
    return Gradients(*(arrays.get(name) for name in Gradients.__dataclass_fields__))  # type: ignore[arg-type]


def stepped(case: Case, along: Gradients) -> tuple[Parameters, list[NDArray], NDArray]:
    """Parameters, inputs and state, a complex step along the direction."""

    def moved(array: NDArray, by: NDArray) -> NDArray:
        return np.asarray(array + 1j * STEP * by)

    packed = {
        name: moved(array, getattr(along, name)) for name, array in case.cell.packed().items()
    }
    inputs = [moved(x, d) for x, d in zip(case.inputs, along.inputs, strict=True)]
    return unpack(packed, case.sizes["H"]), inputs, moved(case.state, along.state)


def moderate(case: Case) -> bool:
    """Whether no gate is so nearly shut that the complex step underflows."""
    p, inputs, state = balls(case)
    steps = sequence(case.cell.variant, p, inputs, state).steps
    return all(min(a.r.mid.min(), a.z.mid.min()) > SMALLEST_GATE for a in steps)


def over_balls(case: Case, along: Gradients) -> Any:
    """The directional run in balls."""
    return directional_run(
        case.cell.variant,
        case.cell.parameters(ball),
        [ball(x) for x in case.inputs],
        ball(case.state),
        along,
        ball,
    )


def by_step(value: NDArray, found: Any) -> NDArray:
    """The derivative by the complex step. What it errs by itself, of the order STEP², is no
    derivative where the directional run has an exact 0.
    """
    derivative = value.imag / STEP
    exact = (found.mid == 0) & (found.radius == 0)
    return np.where(exact & (np.abs(derivative) < STEP), 0.0, derivative)


@pytest.mark.thinned
@variants
def test_both_products_are_complex_step_derivatives(v: Variant) -> None:
    @given(cases(variants=[v], max_H=3, max_T=3))
    def agrees(case: Case) -> None:
        if not moderate(case):
            return
        along = direction(case)
        directional = over_balls(case, along)
        run = sequence(v, *stepped(case, along))
        for found, state in zip(jvp(directional), run.states[1:], strict=True):
            assert not escapes(by_step(state, found), found)
        found = hvp(directional, [ball(d) for d in case.d_outputs], ball(case.d_last))
        expected = bptt(run, list(case.d_outputs), case.d_last)
        assert not escapes(by_step(expected.state, found.state), found.state)
        for x, stepped_x in zip(found.inputs, expected.inputs, strict=True):
            assert not escapes(by_step(stepped_x, x), x)
        for name in BLOCKS if v.bias else BLOCKS[:6]:
            part = getattr(found.parameters, name)
            assert not escapes(by_step(getattr(expected.parameters, name), part), part), name

    agrees()


def test_catches_a_parameter_that_stays_where_it_is() -> None:
    v, caught = Variant(), []

    @given(cases(variants=[v], max_H=3, max_T=2, regimes=["free"]))
    def look(case: Case) -> None:
        along = direction(case)
        still = Gradients(**{**vars(along), "weight_hh": 0 * along.weight_hh})
        run = sequence(v, *stepped(case, along))
        caught.append(escapes(run.states[-1].imag / STEP, jvp(over_balls(case, still))[-1]))

    look()
    assert np.mean(caught) > 0.5


@settings(max_examples=20)
@given(cases(variants=[Variant()], max_H=2, max_T=2))
def test_what_does_not_move_may_be_left_out(case: Case) -> None:
    still = {name: 0 * array for name, array in direction(case).items()}
    along = Gradients(**{**still, "state": np.ones(case.state.shape)})  # type: ignore[arg-type]
    v, p = case.cell.variant, case.cell.parameters(ball)
    given = v, p, [ball(x) for x in case.inputs], ball(case.state), along
    left_out = directional_run(*given, lambda values: ball(values) if values.any() else None)
    cotangents = [ball(d) for d in case.d_outputs], ball(case.d_last)
    found, expected = hvp(left_out, *cotangents), hvp(over_balls(case, along), *cotangents)
    pairs = [*zip(jvp(left_out), jvp(over_balls(case, along)), strict=True)]
    pairs += [*zip(found.inputs, expected.inputs, strict=True), (found.state, expected.state)]
    pairs += [(getattr(found.parameters, n), getattr(expected.parameters, n)) for n in BLOCKS]
    for one, other in pairs:
        assert not escapes(one.mid, other)
        np.testing.assert_allclose(one.radius, other.radius, rtol=1e-12)


@given(cases(variants=[Variant()], max_H=2, max_T=2))
def test_no_cotangent_is_a_cotangent_of_zeros(case: Case) -> None:
    run = over_balls(case, direction(case))
    d_outputs, d_last = [ball(d) for d in case.d_outputs], ball(case.d_last)
    nothing = [ball(0 * d) for d in case.d_outputs], ball(0 * case.d_last)
    for one, other in (
        ((None, d_last), (nothing[0], d_last)),
        ((d_outputs, None), (d_outputs, nothing[1])),
    ):
        assert not escapes(hvp(run, *one).state.mid, hvp(run, *other).state)


@pytest.mark.thinned
@variants
def test_both_products_are_proved_for_one_unit(v: Variant) -> None:
    """∂h/∂(θ, x, h')·v and its like for the gradient, as identities between polynomials in symbols
    and activations.
    """
    pytest.importorskip("sympy")
    from gruverify.arithmetic.symbolic import derivative, identical, symbols

    H = I = B = 1
    shapes = {
        "weight_ih": (3 * H, I),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    packed = {
        name: symbols(name, *shape) for name, shape in shapes.items() if v.bias or "weight" in name
    }
    x, h, g = symbols("x", B, I), symbols("h", B, H), symbols("g", B, H)
    moving = {**packed, "inputs": x, "state": h}
    names = {name: symbols(f"d{name}", *array.shape) for name, array in moving.items()}
    along = Gradients(
        **{"bias_ih": None, "bias_hh": None, **names, "inputs": names["inputs"][None]}
    )
    directional = directional_run(v, unpack(packed, H), [x], h, along, lambda array: array)
    run = sequence(v, unpack(packed, H), [x], h)

    def along_all(values: Any) -> Any:
        return sum(
            (derivative(values, array) * names[name]).reshape(*values.shape, -1).sum(-1)
            for name, array in moving.items()
        )

    assert identical(along_all(run.states[1]), jvp(directional)[0])
    found, back = hvp(directional, [g], None), bptt(run, [g], None)
    assert identical(along_all(back.state), found.state)
    assert identical(along_all(back.inputs[0]), found.inputs[0])
    for name in BLOCKS if v.bias else BLOCKS[:6]:
        assert identical(
            along_all(getattr(back.parameters, name)), getattr(found.parameters, name)
        ), name
    assert activations(v, unpack(packed, H), x, h).r.shape == (B, H)
