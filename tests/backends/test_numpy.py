"""The formulas in NumPy as a backend."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Format, Variant, float16
from gruverify.backends import METHODS, NumpyBackend, offers
from gruverify.invariants import INVARIANTS

from ._cases import OF_CELLS, case, falsified, judged, same

NUMPY = NumpyBackend()


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize(("variant", "format"), [*zip(VARIANTS, cycle(FORMATS))], ids=str)
def test_no_invariant_falls_in_any_variant_and_format(variant: Variant, format: Format) -> None:
    assert falsified(NUMPY, case(variant, format)) == set()


def test_offers_every_method_of_the_contract_but_a_second_way_to_the_hessian() -> None:
    assert [method for method in METHODS if not offers(NUMPY, method)] == ["sequence_hvp_reverse"]
    assert NUMPY.name == "numpy"
    assert tuple(NUMPY.variants) == VARIANTS
    assert tuple(NUMPY.formats) == FORMATS


@pytest.mark.uncounted
def test_every_invariant_is_asked_of_it() -> None:
    lacking = {"sequence_hvp_reverse", "reloaded"}
    assert judged(NUMPY, case()) == {
        id for id in OF_CELLS if lacking.isdisjoint(INVARIANTS[id].needs)
    } - {"agreement/kinks"}  # of other activation functions alone


def test_no_state_is_a_state_of_zeros() -> None:
    one = case()
    zeros = np.zeros_like(one.state)

    outputs, last = NUMPY.sequence(one.cell, one.inputs, None)

    expected_outputs, expected_last = NUMPY.sequence(one.cell, one.inputs, zeros)
    np.testing.assert_array_equal(outputs, expected_outputs)
    np.testing.assert_array_equal(last, expected_last)
    missing, given = (
        NUMPY.sequence_vjp(one.cell, one.inputs, s, None, one.d_last) for s in (None, zeros)
    )
    assert same(missing, given)


def test_a_missing_cotangent_is_one_of_zeros() -> None:
    one = case()
    c, x, h, g, g_last = one.cell, one.inputs, one.state, one.d_outputs, one.d_last

    assert same(
        NUMPY.sequence_vjp(c, x, h, None, g_last), NUMPY.sequence_vjp(c, x, h, 0 * g, g_last)
    )
    assert same(NUMPY.sequence_vjp(c, x, h, g, None), NUMPY.sequence_vjp(c, x, h, g, 0 * g_last))


def test_no_steps_give_no_outputs_and_the_state_back() -> None:
    one = case(H=3, B=2)

    outputs, last = NUMPY.sequence(one.cell, one.inputs[:0], one.state)

    assert outputs.shape == (0, 2, 3)
    np.testing.assert_array_equal(last, one.state)


def test_a_sequence_is_its_steps() -> None:
    one = case()
    h = one.state

    outputs, last = NUMPY.sequence(one.cell, one.inputs, one.state)

    for t, x in enumerate(one.inputs):
        h = NUMPY.step(one.cell, x, h)
        np.testing.assert_array_equal(outputs[t], h)
    np.testing.assert_array_equal(last, h)


def test_without_biases_there_are_no_gradients_of_them() -> None:
    one = case(Variant(bias=False), float16)

    found = NUMPY.step_vjp(one.cell, one.inputs[0], one.state, one.d_last)

    assert found.bias_ih is None
    assert found.bias_hh is None
    assert found.weight_ih.dtype == np.float16


def test_without_steps_the_second_derivatives_are_0() -> None:
    one = case()
    tangent = NUMPY.sequence_vjp(one.cell, one.inputs, one.state, None, one.d_last)
    resting = replace(tangent, state=None)

    found = NUMPY.sequence_hvp(one.cell, one.inputs[:0], one.state, None, one.d_last, resting)

    assert found.state is not None
    assert found.state.shape == one.state.shape
    assert not any(array.any() for _, array in found.items())
