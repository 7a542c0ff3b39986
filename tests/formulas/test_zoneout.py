"""Zoneout: where all units of a member keep their state it skips the step, where one does its
cotangent passes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruverify import VARIANTS, Variant, float64
from gruverify.arithmetic import NDArray
from gruverify.backends import NumpyBackend
from gruverify.cell import PATTERNS, masks_of, pattern, unit_masks_of
from gruverify.invariants.core._masked import no_unit_masks, with_every_mask

from ..invariants._built import a_case

NUMPY = NumpyBackend()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_member_of_which_every_unit_keeps_its_state_skips_the_step(variant: Variant) -> None:
    case = with_every_mask(a_case(float64, variant, T=4))
    keep = masks_of(case)
    whole = keep[..., None] | no_unit_masks(case)
    given, cotangents = (case.cell, case.inputs, case.state), (case.d_outputs, case.d_last)

    outputs, last = NUMPY.sequence_zoneout(*given, whole)
    found = NUMPY.sequence_zoneout_vjp(*given, whole, *cotangents)

    skipped, end = NUMPY.sequence_masked(*given, keep)
    expected = dict(NUMPY.sequence_masked_vjp(*given, keep, *cotangents).items())
    np.testing.assert_array_equal(outputs, skipped)
    np.testing.assert_array_equal(last, end)
    assert dict(found.items()).keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_gradients_are_those_of_finite_differences(variant: Variant) -> None:
    case = a_case(float64, variant, T=4)
    case = replace(case, d_outputs=np.linspace(-1, 1, 4 * case.state.size).reshape(4, 2, 3))
    kept, ε = unit_masks_of(case), 1e-6

    def loss(state: NDArray) -> float:
        outputs, last = NUMPY.sequence_zoneout(case.cell, case.inputs, state, kept)
        return float((outputs * case.d_outputs).sum() + (last * case.d_last).sum())

    found = NUMPY.sequence_zoneout_vjp(
        case.cell, case.inputs, case.state, kept, case.d_outputs, case.d_last
    ).state

    assert found is not None
    moves = np.eye(case.state.size).reshape(-1, *case.state.shape) * ε
    slopes = [(loss(case.state + δ) - loss(case.state - δ)) / (2 * ε) for δ in moves]
    np.testing.assert_allclose(found.ravel(), slopes, rtol=1e-7, atol=1e-9)


def test_every_unit_has_a_pattern_of_its_own() -> None:
    case = with_every_mask(a_case(float64, T=4))
    found = unit_masks_of(case)

    np.testing.assert_array_equal(found[..., 0], masks_of(case))
    patterns = {pattern(name, 4).tobytes() for name in PATTERNS}
    B, H = case.state.shape
    each = {found[:, b, i].tobytes() for b in range(B) for i in range(H)}
    assert each == patterns
    assert all(len({found[:, b, i].tobytes() for i in range(H)}) == H for b in range(B))


def test_a_gradient_needs_a_cotangent() -> None:
    case = a_case(float64)

    with pytest.raises(ValueError, match="at least one cotangent"):
        NUMPY.sequence_zoneout_vjp(
            case.cell, case.inputs, case.state, unit_masks_of(case), None, None
        )
