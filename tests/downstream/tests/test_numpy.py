"""The NumPy layer, with data from gruverify's strategies."""

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from tinygru._numpy import gru, gru_with_gates_swapped

import gruverify
import strategies
from gruverify import strategies as gst
from gruverify.backends import NumpyBackend

suite = settings(max_examples=40, deadline=None, derandomize=True, database=None)
search = settings(suite, max_examples=500, suppress_health_check=list(HealthCheck))


def expected(cell, xs, h):
    """What gruverify's own backend says."""
    return NumpyBackend().sequence(cell, xs, h)[0]


def close(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-10)


@suite
@given(gst.cases(formats=[gruverify.float64], variants=[strategies.PYTORCH]))
def test_states_are_those_of_the_mathematics(case):
    assert close(
        gru(case.cell.packed(), case.inputs, case.state),
        expected(case.cell, case.inputs, case.state),
    )


@suite
@given(strategies.problems())
def test_dtype_and_shape_are_kept_whatever_the_layout_of_memory(problem):
    weights, xs, h = problem
    states = gru(weights, xs, h)
    assert (states.shape, states.dtype) == ((len(xs), *h.shape), np.float64)
    # Not bit for bit: a product of matrices adds up in another order where they lie in memory in
    # another.
    assert close(states, gru(weights, xs.copy("C"), h.copy("C")))


@suite
@given(st.data())
def test_an_empty_sequence_has_no_states(data):
    cell = data.draw(gst.cells(max_I=1, variants=[strategies.PYTORCH]))
    h = data.draw(
        gst.states(min_B=0, min_H=cell.hidden_size, max_H=cell.hidden_size, formats=[cell.format])
    )
    xs = data.draw(
        gst.inputs(min_T=0, max_T=0, min_B=len(h), max_B=len(h), max_I=1, formats=[cell.format])
    )
    assert gru(cell.packed(), xs, h).shape == (0, *h.shape)


@suite
@given(
    gst.cases(
        regimes=["carry"], formats=[gruverify.float32], variants=[strategies.PYTORCH], max_T=8
    )
)
def test_a_latch_keeps_its_state(case):
    latched = ["z=1" in label.split() for label in case.regimes]
    last = gru(case.cell.packed(), case.inputs, case.state)[-1][:, latched]
    assert np.allclose(last, case.state[:, latched], atol=1e-5)


@suite
@given(...)
def test_types_are_enough(cell: gruverify.Cell, variant: gruverify.Variant):
    assert cell.variant in gruverify.VARIANTS
    assert variant in gruverify.VARIANTS


def test_finds_gates_that_are_swapped():
    def differs(case):
        return not close(
            gru(case.cell.packed(), case.inputs, case.state),
            gru_with_gates_swapped(case.cell.packed(), case.inputs, case.state),
        )

    cases = gst.cases(formats=[gruverify.float64], variants=[strategies.PYTORCH])
    case = find(cases, differs, settings=search)
    assert case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1}


@pytest.mark.parametrize("module", [strategies, gst])
def test_both_modules_of_that_name_are_themselves(module):
    assert hasattr(module, "problems") == (module is strategies)
