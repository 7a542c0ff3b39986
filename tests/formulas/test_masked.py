"""A masked sequence is, member by member, the sequence of the steps that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from gruverify import VARIANTS, Case, Variant, float64
from gruverify.arithmetic import NDArray, Rounding
from gruverify.backends import NumpyBackend
from gruverify.cell import PATTERNS, masks_of
from gruverify.invariants import Exact
from gruverify.invariants.core._masked import no_masks, with_every_mask

from ..invariants._built import a_case

NUMPY = NumpyBackend()
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)


def masked_case(variant: Variant) -> Case:
    """A case in which every pattern of masks is some member's."""
    return with_every_mask(a_case(float64, variant, T=4))


def alone(case: Case, steps: NDArray, b: int) -> tuple[NDArray, NDArray]:
    """The inputs of a member at some steps, and its initial state."""
    return case.inputs[steps, b : b + 1], case.state[b : b + 1]


def members(case: Case) -> Iterator[tuple[int, NDArray]]:
    yield from enumerate(masks_of(case).T)


@every_variant
def test_a_member_has_the_states_of_the_steps_that_it_takes(variant: Variant) -> None:
    case = masked_case(variant)
    assert len(case.state) >= len(PATTERNS)
    exact = Exact(case, Rounding(float64))
    states = exact.masked_run(masks_of(case), no_masks(case)).states
    for b, kept in members(case):
        taken = np.flatnonzero(~kept)
        outputs, last = NUMPY.sequence(case.cell, *alone(case, taken, b))
        for at, t in enumerate(taken):
            found = states[t + 1][b : b + 1]
            assert (np.abs(outputs[at] - found.mid) <= found.radius).all()
        assert (np.abs(last - states[-1][b : b + 1].mid) <= states[-1][b : b + 1].radius).all()


@every_variant
def test_a_member_has_the_gradients_of_the_steps_that_it_takes(variant: Variant) -> None:
    case = masked_case(variant)
    found = Exact(case, Rounding(float64)).masked_gradients(masks_of(case), no_masks(case))
    for b, kept in members(case):
        taken, d_last = np.flatnonzero(~kept), case.d_last[b : b + 1].copy()
        d_outputs = np.zeros_like(case.d_outputs[:, b : b + 1])
        # The cotangent of a step that is skipped is one of the state that it keeps.
        for t, own in enumerate(case.d_outputs[:, b : b + 1]):
            before = taken[taken <= t]
            if len(before):
                d_outputs[before[-1]] += own
        alone_ = NUMPY.sequence_vjp(case.cell, *alone(case, taken, b), d_outputs[taken], d_last)
        for at, t in enumerate(taken):
            ball = found.inputs[t][b : b + 1]
            assert (np.abs(alone_.inputs[at] - ball.mid) <= ball.radius).all()
        for t in np.flatnonzero(kept):
            assert not found.inputs[t].magnitude[b].any()


@every_variant
def test_what_starts_anew_is_a_sequence_from_zeros(variant: Variant) -> None:
    case = masked_case(variant)
    exact = Exact(case, Rounding(float64))
    restart = masks_of(case)
    states = exact.masked_run(no_masks(case), restart).states
    for b, anew in members(case):
        starts = [0, *np.flatnonzero(anew), len(anew)]
        for first, end in pairwise(starts):
            if first == end:
                continue
            inputs, state = alone(case, np.arange(first, end), b)
            outputs, _ = NUMPY.sequence(case.cell, inputs, None if anew[first] else state)
            for t in range(first, end):
                ball = states[t + 1][b : b + 1]
                assert (np.abs(outputs[t - first] - ball.mid) <= ball.radius).all()


def test_no_cotangent_is_none() -> None:
    case = masked_case(VARIANTS[0])
    with pytest.raises(ValueError, match="a gradient needs at least one cotangent"):
        NUMPY.sequence_masked_vjp(case.cell, case.inputs, case.state, masks_of(case), None, None)
