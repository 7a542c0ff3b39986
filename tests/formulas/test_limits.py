"""The question's three cases: bounds that hold everywhere, orders of gradients, closed forms
(theory.md 3 and 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import mul
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from gruverify import VARIANTS, Case, Cell, Variant
from gruverify.arithmetic import Ball
from gruverify.cell import BLOCKS, Parameters
from gruverify.formulas import (
    Activations,
    Magnitudes,
    bptt,
    carry_gap,
    carry_growth,
    carry_rate,
    contributions,
    elman_gap,
    forget_gap,
    jacobian,
    magnitudes,
    pullback,
    sequence,
)
from tests.formulas._cases import NDArray, ball, balls, cases

pytestmark = pytest.mark.uncounted

resets = pytest.mark.parametrize("v", [Variant("after"), Variant("before")], ids=str)


# -- bounds ----------------------------------------------------------------------------------------


def stepped(case: Case) -> tuple[Parameters, Activations, Magnitudes]:
    p, inputs, h = balls(case)
    a = sequence(case.cell.variant, p, inputs[:1], h).steps[0]
    return p, a, magnitudes(case.cell, a)


def elman_jacobian(p: Parameters, a: Activations) -> NDArray:
    return np.asarray((1 - a.c.mid**2)[..., None] * p.W_hc.mid)


#: Each bound of a row of |J - limit|, and the limit.
BOUNDS: dict[
    str, tuple[Callable[[Magnitudes], NDArray], Callable[[Parameters, Activations], Any]]
] = {
    "(3.1) carry": (carry_gap, lambda p, a: np.eye(a.h.shape[-1])),
    "(3.10) carry, about the gate": (
        lambda m: m.take * carry_rate(m),
        lambda p, a: a.keep.mid[..., None] * np.eye(a.h.shape[-1]),
    ),
    "(3.2) forget": (forget_gap, lambda p, a: 0.0),
    "(3.3) Elman": (elman_gap, elman_jacobian),
}


@pytest.mark.parametrize("name", BOUNDS)
@given(case=cases())
def test_no_jacobian_is_farther_from_its_limit_than_the_bound(name: str, case: Case) -> None:
    bound, limit = BOUNDS[name]
    p, a, m = stepped(case)
    J = jacobian(case.cell.variant, p, a)[0]
    gap = np.abs(J.mid - limit(p, a)).sum(-1)

    assert (gap - J.radius.sum(-1) <= bound(m)).all()


@pytest.mark.parametrize(
    ("name", "regime"), list(zip(BOUNDS, ["carry", "carry", "forget", "elman"], strict=True))
)
def test_a_bound_is_small_in_its_regime_and_not_elsewhere(name: str, regime: str) -> None:
    """Vacuous bounds would hold too."""
    others = {"carry", "forget", "elman"} - {regime}

    assert (
        smallest(BOUNDS[name][0], regime)
        < 2.0**-24
        < min(smallest(BOUNDS[name][0], other) for other in others)
    )


def smallest(bound: Callable[[Magnitudes], NDArray], regime: str) -> float:
    """The smallest value of a bound over drawn cells of a regime that have all weights of a
    middling size.
    """
    found = [math.inf]

    @given(cases(regimes=[regime], pinned=False, min_H=2))
    def look(case: Case) -> None:
        if np.abs(case.cell.weight_hh).min() > 2.0**-8:
            found.append(float(bound(stepped(case)[2]).max()))

    look()
    return min(found)


#: Two members of two units: any numbers that are not alike.
SOME = np.arange(3.0, 23.0).reshape(10, 2) / 16
N_Z, N_R, N_C = np.array([0.5, 0.75]), np.array([1.25, 1.5]), np.array([1.75, 2.25])
W_HC = np.array([[0.75, 1.0], [1.5, 0.75]])


def some_magnitudes(v: Variant) -> Magnitudes:
    pairs = [SOME[2 * k : 2 * k + 2] + 4 * k for k in range(5)]
    h, q, r, not_r, z = pairs
    return Magnitudes(v, h, q, r, not_r, z, 1 + z, 2 + z, 3 + z, W_HC, N_Z, N_R, N_C)


@pytest.mark.parametrize("v", [v for v in VARIANTS if v.bias], ids=str)
def test_magnitudes_are_the_largest_in_the_balls(v: Variant) -> None:
    cell, h = plain_cell(v, None, None), ball(PLAIN[40:42][None])
    a = sequence(v, cell.parameters(ball), [ball(PLAIN[36:38][None])], h).steps[0]
    m = magnitudes(cell, a)
    gates = {
        "h": a.h,
        "r": a.r,
        "z": a.z,
        "not_r": 1 - a.r,
        "not_z": 1 - a.z,
        "keep": a.keep,
        "take": a.take,
    }
    for name, expected in gates.items():
        assert getattr(m, name) == pytest.approx(np.abs(expected.mid), rel=2.0**-40), name
        assert (getattr(m, name) >= np.abs(expected.mid)).all(), name
    W_hr, W_hz, W_hc = np.abs(cell.weight_hh).reshape(3, 2, 2)
    assert (m.W_hc == W_hc).all()
    for found, W in ((m.row_r, W_hr), (m.row_z, W_hz), (m.row_c, W_hc)):
        assert found == pytest.approx(W[:, 0] + W[:, 1])


@resets
def test_bounds_are_those_of_the_theory(v: Variant) -> None:
    """(3.1), (3.2), (3.3) and (3.10) with the norm of each row for the infinity norm, entry by
    entry.
    """
    m = some_magnitudes(v)
    for b, i in np.ndindex(2, 2):
        h, q, take, keep = (getattr(m, name)[b] for name in ("h", "q", "take", "keep"))
        reset_slope = h * N_R
        if v.reset == "after":
            carried = N_C[i] + q[i] * N_R[i] / 4
            through = {
                gate: getattr(m, gate)[b, i] * (N_C[i] + q[i] * N_R[i]) for gate in ("r", "not_r")
            }
        else:
            carried = sum(W_HC[i, j] * (1 + reset_slope[j] / 4) for j in range(2))
            through = {
                gate: sum(
                    W_HC[i, j] * getattr(m, gate)[b, j] * (1 + reset_slope[j]) for j in range(2)
                )
                for gate in ("r", "not_r")
            }
        update = (1 + h[i]) * N_Z[i]
        assert carry_rate(m)[b, i] == pytest.approx(update + carried)
        assert carry_gap(m)[b, i] == pytest.approx(take[i] * (1 + update + carried))
        assert forget_gap(m)[b, i] == pytest.approx(keep[i] * (1 + update) + through["r"])
        assert elman_gap(m)[b, i] == pytest.approx(
            keep[i] * (1 + update + N_C[i]) + through["not_r"]
        )


@resets
def test_growth_is_that_of_each_members_worst_unit(v: Variant) -> None:
    """(3.6): Π (1 + ε_t C_t) - 1."""
    m = some_magnitudes(v)
    worst = carry_gap(m).max(axis=1)

    assert carry_growth([m, m, m]) == pytest.approx((1 + worst) ** 3 - 1)


@given(cases())
def test_a_product_of_carrying_jacobians_grows_no_faster(case: Case) -> None:
    """(3.6), by float64 products of at most four factors."""
    p, inputs, h = balls(case)
    run = sequence(case.cell.variant, p, inputs, h)
    product, radius = np.eye(case.sizes["H"])[None], np.zeros(())
    for a in run.steps:
        J = jacobian(case.cell.variant, p, a)[0]
        radius = (
            radius * np.abs(J.mid).sum(-1).max()
            + J.radius.sum(-1).max() * np.abs(product).sum(-1).max()
        )
        product = J.mid @ product
    gap = np.abs(product - np.eye(case.sizes["H"])).sum(-1).max(-1)
    with np.errstate(over="ignore"):
        bound = carry_growth([magnitudes(case.cell, a) for a in run.steps])

    assert (gap - radius <= bound * (1 + 64 * case.format.unit_roundoff)).all()


# -- orders of gradients, table 4.1 ----------------------------------------------------------------

#: A cell in which nothing is special.
PLAIN = np.random.default_rng(7).uniform(0.25, 1, 64) * np.resize([1, -1, -1, 1, -1], 64)


def plain_cell(v: Variant, update_bias: float | None, reset_bias: float | None) -> Cell:
    """H = 2, I = 2, the biases b_xr and b_xz as given, or as any other."""
    bias_ih = PLAIN[24:30].copy()
    for gate, bias in ((0, reset_bias), (1, update_bias)):
        bias_ih[2 * gate : 2 * gate + 2] = PLAIN[24 + 2 * gate] if bias is None else bias
    return Cell(v, PLAIN[:12].reshape(6, 2), PLAIN[12:24].reshape(6, 2), bias_ih, PLAIN[30:36])


#: The path by how it drives z and r to 0 (-1) or 1 (+1) by a bias of ±a, None for a gate that
#: stays; then for (reset after, reset before) the exponents k in e^{-ka} of J, the update gate's
#: parameters, the reset gate's, W_xc and b_xc, W_hc, and b_hc. For z to 1 the first is that of J -
#: I.
TABLE: dict[str, tuple[tuple[int | None, int | None], tuple[str, str]]] = {
    "z=r=t": ((-1, -1), ("1 1 1 0 1 1", "1 1 1 0 1 0")),
    "z=t": ((-1, None), ("0 1 0 0 0 0", "0 1 0 0 0 0")),
    "r=t": ((None, -1), ("0 0 1 0 1 1", "0 0 1 0 1 0")),
    "z=t, r=1-t": ((-1, 1), ("0 1 1 0 0 0", "0 1 1 0 0 0")),
    "z=1-t": ((1, None), ("1 1 1 1 1 1", "1 1 1 1 1 1")),
    "z=1-t, r=t": ((1, -1), ("1 1 2 1 2 2", "1 1 2 1 2 1")),
}

PATHS = {
    "update": ("W_xz", "W_hz", "b_xz"),
    "reset": ("W_xr", "W_hr", "b_xr"),
    "candidate": ("W_xc", "b_xc"),
}


def sizes_at(v: Variant, z: float | None, r: float | None) -> list[list[float]]:
    """What table 4.1 lists: the largest entries of J (minus I where z goes to 1) and of the
    immediate derivatives.
    """
    cell = plain_cell(v, z, r)
    p, x, h = cell.parameters(), PLAIN[36:38][None], PLAIN[40:42][None] / 2
    a = sequence(v, p, [x], h).steps[0]
    back = pullback(v, p, a, np.ones((1, 2))).parameters
    J = jacobian(v, p, a)[0] - (np.eye(2) if z is not None and z > 0 else 0)
    groups = [
        [J],
        *([getattr(back, name) for name in names] for names in PATHS.values()),
        [back.W_hc],
        [back.b_hc],
    ]
    return [[float(np.abs(entry).max()) for entry in group] for group in groups]


@resets
@pytest.mark.parametrize("path", TABLE)
def test_gradients_vanish_at_the_orders_of_table_4_1(path: str, v: Variant) -> None:
    (z, r), orders = TABLE[path]
    near, far = 9.0, 14.0
    drive = lambda sign, a: None if sign is None else sign * a  # noqa: E731  # twice below
    before, after = (sizes_at(v, drive(z, a), drive(r, a)) for a in (near, far))
    found = [
        {
            round(math.log(larger / smaller) / (far - near))
            for larger, smaller in zip(one, other, strict=True)
        }
        for one, other in zip(before, after, strict=True)
    ]

    assert found == [{int(order)} for order in orders[v.reset == "before"].split()]


# -- the question ----------------------------------------------------------------------------------


def runs(v: Variant, z: float, r: float, T: int) -> Any:
    cell = plain_cell(v, z, r)
    inputs = [PLAIN[36 + 2 * t : 38 + 2 * t][None] for t in range(T)]
    return sequence(v, cell.parameters(), inputs, PLAIN[60:62][None])


@resets
def test_the_update_gradient_of_a_forgetting_cell_does_not_fade_with_its_length(v: Variant) -> None:
    """The term k = T has no Jacobian in front of it; all the others have, and vanish."""
    last = np.ones((1, 2))
    sizes, starts = [], []
    for T in (1, 4, 12):
        run = runs(v, -12.0, -12.0, T)
        terms = [
            float(np.abs(term.parameters.W_xz).max()) for term in contributions(run, None, last)
        ]
        assert sum(terms[1:]) < terms[0] * 2.0**-10
        sizes.append(terms[0])
        starts.append(float(np.abs(bptt(run, None, last).state).max()))

    assert min(sizes) > 2.0**-6 * max(sizes)
    assert starts[2] < starts[1] ** 2 < starts[0] ** 4


@resets
def test_what_is_carried_reaches_every_step(v: Variant) -> None:
    run = runs(v, 30.0, 0.0, 12)
    cotangents = [term.cotangent for term in contributions(run, None, np.ones((1, 2)))]

    assert all(np.abs(g - 1).max() < 2.0**-30 for g in cotangents)


def test_an_elman_cell_is_a_plain_recurrent_unit() -> None:
    """(3.3) at its limit: z = 0 and r = 1 in float64, J = D(1-c²) W_hc in every bit but the
    roundings of the two.
    """
    cell = plain_cell(Variant(), -800.0, 800.0)
    p = cell.parameters(ball)
    a = sequence(cell.variant, p, [ball(PLAIN[36:38][None])], ball(PLAIN[40:42][None])).steps[0]
    J = jacobian(cell.variant, p, a)[0]

    assert (a.z.mid == 0).all()
    assert (a.r.mid == 1).all()
    assert (np.abs(J.mid - elman_jacobian(p, a)) <= J.radius).all()


# -- constant gates (4.6) --------------------------------------------------------------------------


@resets
@pytest.mark.parametrize("K", [1, 10, 100])
def test_constant_gates_have_a_closed_form(v: Variant, K: int) -> None:
    """One unit without recurrent weights: h_K = c + z^K (h_0 - c), from which all derivatives
    follow.
    """
    zero = np.zeros((3, 1))
    cell = Cell(v, zero, zero, np.array([0.25, 2.0, 0.5]), np.array([0.0, 0.0, 0.75]))
    p, h0 = cell.parameters(ball), ball(np.array([[-0.5]]))
    run = sequence(v, p, [ball(np.zeros((1, 1)))] * K, h0)
    gradients = bptt(run, None, ball(np.ones((1, 1))))
    z, c = run.steps[0].z, run.steps[0].c
    power = reduce(mul, [z] * K)

    assert overlap(run.states[-1], c + power * (h0 - c))
    assert overlap(gradients.state, power)
    assert overlap(gradients.parameters.b_xz[None], float(K) * power * (1 - z) * (h0 - c))
    assert overlap(gradients.parameters.b_xc[None], (1 - power) * (1 - c * c))


def overlap(one: Ball, other: Ball) -> bool:
    return bool((np.abs(one.mid - other.mid) <= one.radius + other.radius).all())


@pytest.mark.parametrize("K", [1, 10, 100])
def test_the_update_bias_is_felt_most_at_the_gate_k_over_k_plus_1(K: int) -> None:
    """(4.6): K z^K (1-z) is largest at z = K/(K+1), where it is (K/(K+1))^(K+1)."""

    def felt(z: float) -> float:
        cell = Cell(
            Variant(),
            *[np.zeros((3, 1))] * 2,
            np.array([0.0, math.log(z / (1 - z)), 0.0]),
            np.zeros(3),
        )
        run = sequence(Variant(), cell.parameters(), [np.zeros((1, 1))] * K, np.ones((1, 1)))
        return float(bptt(run, None, np.ones((1, 1))).parameters.b_xz.item())

    best = K / (K + 1)
    assert felt(best) == pytest.approx(best ** (K + 1))
    assert felt(best) > max(felt(best * 0.99), felt(1 - (1 - best) * 0.99))


@resets
def test_parameters_without_gradient_tell_the_reset_side(v: Variant) -> None:
    """(4.7): from h_0 = 0 over one step the reset gate is felt through b_hc only, and only after
    the product.
    """
    cell = plain_cell(v, None, None)
    run = sequence(v, cell.parameters(), [PLAIN[36:38][None]], np.zeros((1, 2)))
    found = bptt(run, None, np.ones((1, 2))).parameters
    zero = {name for name in BLOCKS if not np.asarray(getattr(found, name)).any()}

    assert zero == {"W_hz", "W_hr", "W_hc"} | (
        {"W_xr", "b_xr", "b_hr"} if v.reset == "before" else set()
    )
