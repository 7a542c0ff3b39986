"""Every operation on balls holds what implementations compute for it, in any order, association and
accumulator.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruverify.arithmetic import FORMATS, Ball, Format, Rounding, bfloat16, float16
from tests.arithmetic._exact import escapes
from tests.arithmetic._experiments import EXPERIMENTS
from tests.arithmetic._operands import numbers

pytestmark = pytest.mark.uncounted


each_format = pytest.mark.parametrize("fmt", FORMATS, ids=str)
each_operation = pytest.mark.parametrize("name", EXPERIMENTS)

#: Every form of the blend is tried.
FORMS = "A+B+C"


@pytest.mark.thinned
@each_format
@each_operation
@settings(max_examples=12)
@given(data=st.data())
def test_the_ball_holds_every_way_to_compute_it(
    name: str, fmt: Format, data: st.DataObject
) -> None:
    experiment = EXPERIMENTS[name]
    operands = data.draw(experiment.operands(fmt), label="operands")

    assert list(experiment.escapees(Rounding(fmt, accumulates=fmt, blend=FORMS), operands)) == []


@pytest.mark.thinned
@pytest.mark.parametrize("fmt", [float16, bfloat16], ids=str)
@each_operation
@settings(max_examples=12)
@given(data=st.data())
def test_halves_that_add_up_in_float32_and_store_each_operand(
    name: str, fmt: Format, data: st.DataObject
) -> None:
    experiment = EXPERIMENTS[name]
    operands = data.draw(experiment.operands(fmt), label="operands")

    assert list(experiment.escapees(Rounding(fmt, blend=FORMS), operands)) == []


@pytest.mark.thinned
@each_format
@each_operation
@settings(max_examples=12)
@given(data=st.data())
def test_the_ball_holds_what_is_flushed_to_zero(
    name: str, fmt: Format, data: st.DataObject
) -> None:
    experiment = EXPERIMENTS[name]
    # Next to the smallest normal number, where most results are below it.
    ends = st.integers(fmt.min_exponent - fmt.precision + 1, fmt.min_exponent)
    near = st.builds(math.ldexp, st.integers(1 - 2**fmt.precision, 2**fmt.precision - 1), ends)
    operands = data.draw(experiment.operands(fmt, st.one_of(near, numbers(fmt))), label="operands")
    mode = Rounding(fmt, accumulates=fmt, blend=FORMS, subnormals=False)

    assert list(experiment.escapees(mode, operands)) == []


@each_operation
@settings(max_examples=12)
@given(data=st.data())
def test_what_is_exact_costs_nothing_that_is_needed(name: str, data: st.DataObject) -> None:
    """Zeros and powers of two, which count neither as terms nor as roundings."""
    experiment = EXPERIMENTS[name]
    plain = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.5, 4.0, 2.0**-12]), numbers(float16))
    operands = data.draw(experiment.operands(float16, plain), label="operands")

    for mode in (
        Rounding(float16, accumulates=float16, blend=FORMS),
        Rounding(float16, blend=FORMS),
    ):
        assert list(experiment.escapees(mode, operands)) == []


def test_catches_halves_that_add_up_in_the_format_undeclared() -> None:
    """Sixty-four halves of an ulp each are lost beside 1, one by one; in float32 they add up to
    1/8.
    """
    small = [2.0**-9] * 64
    terms = np.array([1.0, *small])
    sequential = bfloat16.dtype.type(0)
    for term in terms:
        sequential = bfloat16.dtype.type(sequential + bfloat16.dtype.type(term))
    undeclared, declared = (
        Ball.exact(mode, terms[None]) @ Ball.exact(mode, np.ones((len(terms), 1)))
        for mode in (Rounding(bfloat16), Rounding(bfloat16, accumulates=bfloat16))
    )

    assert float(sequential) == 1
    assert escapes(undeclared, sequential)
    assert not escapes(declared, sequential)
