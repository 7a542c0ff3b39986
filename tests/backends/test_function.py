"""Bare functions as backends."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Variant, backend, float32
from gruverify.arithmetic import KAPPA, sigmoid
from gruverify.backends import METHODS, FunctionBackend, NumpyBackend, offers, rounding_of

from ._cases import case, falsified, judged

NUMPY = NumpyBackend()


def my_step(cell: Any, x: Any, h: Any) -> Any:
    """A right step."""
    return NUMPY.step(cell, x, h)


def test_a_step_is_enough_and_claims_pytorchs_conventions() -> None:
    made = backend(step=my_step)

    assert isinstance(made, FunctionBackend)
    assert (made.name, made.variants, made.formats) == ("my_step", (Variant(),), FORMATS)
    assert (made.kappa_sigma, made.kappa_tanh) == (KAPPA, KAPPA)
    assert made.step is my_step


def test_what_is_not_given_is_not_offered() -> None:
    made = backend(step=my_step)

    assert [method for method in METHODS if offers(made, method)] == ["step"]


def test_what_needs_a_missing_method_is_not_asked() -> None:
    one = case()

    asked = judged(backend(step=my_step), one)

    assert {"agreement/step", "bounds/box", "contract/no-mutation"} <= asked
    assert (
        not {"agreement/jacobian-state", "agreement/outputs", "contract/finite-gradients"} & asked
    )
    assert falsified(backend(step=my_step), one) == set()


@pytest.mark.slow
@pytest.mark.uncounted
def test_all_functions_together_are_asked_everything() -> None:
    made = backend(
        step=NUMPY.step,
        step_jacobian=NUMPY.step_jacobian,
        step_vjp=NUMPY.step_vjp,
        sequence=NUMPY.sequence,
        sequence_vjp=NUMPY.sequence_vjp,
        sequence_jvp=NUMPY.sequence_jvp,
        sequence_hvp=NUMPY.sequence_hvp,
        sequence_masked=NUMPY.sequence_masked,
        sequence_masked_vjp=NUMPY.sequence_masked_vjp,
        sequence_restarted=NUMPY.sequence_restarted,
        sequence_restarted_vjp=NUMPY.sequence_restarted_vjp,
        sequence_marked=NUMPY.sequence_marked,
        sequence_marked_vjp=NUMPY.sequence_marked_vjp,
        sequence_zoneout=NUMPY.sequence_zoneout,
        sequence_zoneout_vjp=NUMPY.sequence_zoneout_vjp,
        zoneout="shares",
        stack_masked=NUMPY.stack_masked,
        stack_masked_vjp=NUMPY.stack_masked_vjp,
        variants=VARIANTS,
    )

    for variant in (VARIANTS[0], VARIANTS[-1]):
        one = case(variant)
        assert judged(made, one) == judged(NUMPY, one)
        assert falsified(made, one) == set()


def test_declarations_are_kept() -> None:
    made = backend(
        sequence=NUMPY.sequence,
        name="mine",
        variants=[Variant("before")],
        formats=[float32],
        kappa=2,
    )

    assert (made.name, made.variants, made.formats) == ("mine", (Variant("before"),), (float32,))
    assert (made.kappa_sigma, made.kappa_tanh) == (2, 2)


def coarse(a: Any) -> Any:
    """A sigmoid that always falls short by 60 u."""
    return sigmoid(a) * (1 - 60 * float32.unit_roundoff)


@pytest.mark.uncounted
def test_a_less_accurate_sigmoid_may_be_declared() -> None:
    def sloppy(cell: Any, x: Any, h: Any) -> Any:
        given, fed_back = x @ cell.weight_ih.T + cell.bias_ih, h @ cell.weight_hh.T + cell.bias_hh
        (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(given, 3, axis=1), np.split(fed_back, 3, axis=1)
        r, z = coarse(r_x + r_h), coarse(z_x + z_h)
        return ((1 - z) * np.tanh(n_x + r * n_h) + z * h).astype(h.dtype)

    cases = [case(format=float32, I=1, H=2, seed=seed) for seed in range(5)]

    assert {"agreement/step", "numerics/exact-values"} <= falsified(backend(step=sloppy), *cases)
    assert falsified(backend(step=sloppy, kappa=400), *cases) == set()


def test_a_callable_without_a_name_gets_one() -> None:
    assert backend(step=partial(my_step)).name == "function"


def test_no_function_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"needs at least one function: step, step_jacobian, step_vjp, sequence"
    ):
        backend()


def test_a_negative_kappa_is_refused() -> None:
    with pytest.raises(ValueError, match=r"kappa=-1 must not be negative"):
        backend(step=my_step, kappa=-1)


def test_an_accuracy_may_be_said_by_format() -> None:
    made = backend(step=my_step, kappa_sigma={"float32": 5.0}, formats=(float32,))
    assert rounding_of(made, float32).kappa_sigma == 5
