"""What is exact costs nothing, a sum of any length claims something, and what is flushed or carried
is in the ball.
"""

from __future__ import annotations

import numpy as np
import pytest

from gruverify.arithmetic import (
    FORMATS,
    Ball,
    Format,
    Rounding,
    bfloat16,
    blend,
    float16,
    float32,
    float64,
    sigmoid,
    tanh,
)

formats = pytest.mark.parametrize("fmt", FORMATS, ids=str)


def exact(mode: Rounding, *values: float) -> Ball:
    return Ball.exact(mode, np.array(values))


@formats
def test_a_single_term_among_zeros_is_not_rounded(fmt: Format) -> None:
    mode = Rounding(fmt)
    W, x = np.zeros((3, 5)), np.zeros((2, 5))
    W[1, 2], x[:, 2] = 1.0, 0.75
    product = Ball.exact(mode, x) @ Ball.exact(mode, W).T + exact(mode, 0.0, 0.0, 0.0)

    assert product.mid[:, 1].tolist() == [0.75, 0.75]
    assert not product.radius[:, [0, 2]].any()
    # Underflow excepted; halves also round the product once when they store it.
    stored = mode.u if mode.wide else 0.0
    assert (product.radius[:, 1] <= stored * 0.75 * (1 + 2.0**-20) + 4 * mode.eta).all()


@formats
def test_an_exact_zero_makes_every_product_one(fmt: Format) -> None:
    mode = Rounding(fmt)
    wide = Ball(mode, np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    product = wide * exact(mode, 0.0, 3.0) * wide

    assert product.radius[0] == 0
    assert product.radius[1] > 0
    assert tanh(product).radius[0] == 0
    assert tanh(product).mid[0] == 0


@formats
def test_a_power_of_two_rounds_nothing(fmt: Format) -> None:
    mode = Rounding(fmt)
    product = exact(mode, 0.75, 0.75) * exact(mode, 0.5, 0.625)

    assert product.radius[0] <= 2 * mode.eta
    assert product.radius[1] >= mode.u * 0.46875


@formats
def test_nothing_exact_is_claimed_where_a_factor_overflows(fmt: Format) -> None:
    mode = Rounding(fmt)
    unknown = Ball(mode, np.array([1.0]), np.array([np.inf]))

    with np.errstate(invalid="ignore"):
        assert (unknown * exact(mode, 0.0)).radius.item() == np.inf
        assert (unknown * exact(mode, 0.0) + exact(mode, 1.0)).radius.item() == np.inf


@pytest.mark.parametrize("pre_activation", [-9.3, -24.2, -75.6])
def test_a_small_gate_is_known_to_its_own_accuracy(pre_activation: float) -> None:
    """With c = 0 and h' = 1 the state is the gate itself, unless form C is declared."""
    for forms, units in (("A+B", 4.1), ("A+B+C", 1.1 * np.exp(-pre_activation))):
        mode = Rounding(float32, blend=forms)
        gate = sigmoid(exact(mode, float(np.float32(pre_activation))))
        state = blend(gate, exact(mode, 1.0), tanh(exact(mode, 0.0)))
        relative = (state.radius / state.mid).item() / mode.u
        assert relative <= units
    assert relative > 1000


@formats
@pytest.mark.parametrize("terms", [2**7, 2**13])
def test_a_long_sum_never_claims_nothing_at_all(fmt: Format, terms: int) -> None:
    for accumulates in (None, fmt):
        mode = Rounding(fmt, accumulates=accumulates)
        one = Ball.exact(mode, np.full((1, terms), 2.0**-8)) @ Ball.exact(
            mode, np.full((terms, 1), 0.75)
        )
        assert np.isfinite(one.radius).all()
    wide = Rounding(fmt)
    dot = Ball.exact(wide, np.full((1, terms), 2.0**-8)) @ Ball.exact(
        wide, np.full((terms, 1), 0.75)
    )
    # In halves the accumulator's own roundings hardly show beside that of what is stored.
    most = (
        3 * fmt.unit_roundoff + terms * (float32 if wide.wide else fmt).unit_roundoff * 2
    ) * dot.mid
    assert (dot.radius <= most).all()


@pytest.mark.parametrize(("products", "kept"), [("bf16", 8), ("tf32", 11)])
def test_rounded_operands_of_matrix_products(products: str, kept: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (float32.cast(rng.normal(size=shape)).astype(np.float64) for shape in ((4, 64), (64, 4)))
    plain, coarse = (
        Ball.exact(mode, a) @ Ball.exact(mode, b)
        for mode in (Rounding(float32), Rounding(float32, products=products))  # type: ignore[arg-type]
    )
    found = _kept(a, kept) @ _kept(b, kept)

    assert (np.abs(found - plain.mid) > plain.radius).any()
    assert (np.abs(found - coarse.mid) <= coarse.radius).all()


def _kept(a: np.ndarray, bits: int) -> np.ndarray:
    significand, exponent = np.frexp(a)
    return np.ldexp(np.round(np.ldexp(significand, bits)), exponent - bits)


def test_sums_over_the_batch_in_the_format_itself() -> None:
    column, ones = np.full((256, 1), 1 + 2.0**-7), np.ones((256, 1))
    for values in (column, ones):
        wide, own = (
            Ball.exact(Rounding(bfloat16, sums_in_format=s), values) for s in (False, True)
        )
        assert (own.sum(0).radius > 20 * wide.sum(0).radius).all()
        assert ((own.T @ own).radius > 20 * (wide.T @ wide).radius).all()
        # What is no sum over the batch is not added up so.
        assert ((own @ own.T).radius == (wide @ wide.T).radius).all()


@formats
def test_a_flushed_number_may_be_zero(fmt: Format) -> None:
    kept, flushed = (
        exact(Rounding(fmt, subnormals=s), fmt.min_normal / 2, 0.0, 1.0) for s in (True, False)
    )

    assert not kept.radius.any()
    assert flushed.radius.tolist() == [fmt.min_normal / 2, 0.0, 0.0]


@formats
def test_an_observed_number_may_have_been_carried_wider_or_flushed(fmt: Format) -> None:
    values = fmt.cast([0.0, 0.75])
    plain, carried, flushed = (
        Ball.observed(mode, values).radius
        for mode in (Rounding(fmt), Rounding(fmt, carry=1.0), Rounding(fmt, subnormals=False))
    )

    assert not plain.any()
    assert (carried >= fmt.unit_roundoff * np.array([0.0, 0.75])).all()
    assert carried[0] >= fmt.min_subnormal
    assert (flushed >= fmt.min_normal).all()


def test_the_derivative_of_a_reset_before_survives_an_underflow_in_reverse_mode() -> None:
    """W_hc D(s) W_hr from the left: α may be subnormal before it meets weights that are large."""
    mode = Rounding(float16)
    W_hc, W_hr, s, take = (np.array(a) for a in ([[24.0]], [[30.0]], [[2.0**-9]], [[2.0**-13]]))
    d, rows = Ball(mode, take, take * mode.u), Ball(mode, s, s * mode.u)
    into = Ball.exact(mode, W_hc) * Ball(mode, s, s * mode.u)[..., None, :] + Ball.exact(
        mode, W_hc
    ) @ Ball.combined_rows([(rows, Ball.exact(mode, W_hr))], None)
    whole = d[..., :, None] * into

    assert (whole.radius >= 4 * float16.min_subnormal * 24 * 30).all()


def test_accumulators_of_another_format_are_charged_both() -> None:
    ones = np.full((1, 64), 0.75)
    coarse, fine = (
        (Ball.exact(mode, ones) @ Ball.exact(mode, ones.T)).radius.item()
        for mode in (Rounding(float64, accumulates=float32), Rounding(float64))
    )
    assert coarse > 2**20 * fine
