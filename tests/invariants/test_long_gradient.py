"""Gradients at the states that were returned, held by norms: whatever the backward pass is made
of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gruverify import FORMATS, Backend, Format, assert_holds, float32, float64
from gruverify.arithmetic import Ball, Rounding, spectral_norms
from gruverify.backends import NumpyBackend

from ._built import COMPLETE
from ._long import BACKWARD, long_case
from .test_each_step import asked, backend_named

ID = "agreement/long-gradient"


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", COMPLETE)
def test_right_backend_passes_long_runs_in_every_variant(name: str, format: Format) -> None:
    backend = backend_named(name)
    for variant in backend.variants:
        assert_holds(ID, backend, long_case(format, variant, H=6, I=3, T=16))
    assert_holds(ID, backend, long_case(format, H=48, T=12))


@pytest.mark.uncounted
@pytest.mark.parametrize("format", [float32, float64], ids=lambda f: f.name)
def test_bounds_claim_something_at_any_length(format: Format) -> None:
    residuals = asked(ID, NumpyBackend(), long_case(format, H=48, T=48))
    assert all(residual.claimed == residual.compared for residual in residuals)


@pytest.mark.uncounted
@pytest.mark.parametrize("faulty", BACKWARD, ids=lambda f: f.__name__)
def test_catches_backward_faults(faulty: Callable[[], Backend]) -> None:
    backend = faulty()
    for variant in backend.variants:
        if variant.bias:
            assert (
                max(r.margin for r in asked(ID, backend, long_case(float32, variant, H=32, T=16)))
                > 2
            )


def test_norm_of_a_gradient_whose_squares_underflow_is_no_bound_of_0() -> None:
    case = long_case(float64, H=2, I=1, T=1)
    tiny = replace(case, d_outputs=0 * case.d_outputs, d_last=case.d_last * 1e-222)
    residuals = asked(ID, NumpyBackend(), tiny)
    assert all(residual.bound > 0 for residual in residuals if residual.where.startswith("dL/dh_0"))
    assert max(residual.margin for residual in residuals) <= 1


def test_separate_passes_are_asked_too() -> None:
    class Separate(NumpyBackend):
        separate_passes = True

    assert_holds(ID, Separate(), long_case(float32))


def test_spectral_norms_of_subnormal_matrices_are_not_rounded_down() -> None:
    smallest = np.array([[[3.0, 1.0], [1.0, 1.0]]]) * float64.min_subnormal
    mode = Rounding(float32)

    # The norm is 2 + √2 of the smallest number.
    assert spectral_norms(Ball.exact(mode, smallest)) >= 4 * float64.min_subnormal
    assert spectral_norms(Ball(mode, 0 * smallest, smallest)) >= 4 * float64.min_subnormal


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150, 1e200])
def test_spectral_norm_is_that_of_the_midpoint_and_of_any_matrix_around_it(scale: float) -> None:
    random, mode = np.random.default_rng(0), Rounding(float32)
    mid = random.normal(size=(3, 16, 16)) * scale
    exact = np.linalg.norm(mid, 2, axis=(1, 2))
    norms = spectral_norms(Ball.exact(mode, mid))
    assert (norms >= exact).all()
    np.testing.assert_allclose(norms, exact, rtol=1e-9)
    rad = np.full(mid.shape, scale / 8)
    corner = np.linalg.norm(mid + rad * np.sign(random.normal(size=mid.shape)), 2, axis=(1, 2))
    assert (spectral_norms(Ball(mode, mid, rad)) >= corner).all()
    assert (spectral_norms(Ball(mode, mid, rad)) <= exact + 16 * scale / 8 * (1 + 1e-9)).all()
