"""The project's question, put to implementations as black boxes: what becomes of J and of dL/dU_z
at extreme gates.

Where a gate is exactly 0 or 1 the answers are exact, and so are the comparisons.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from gruverify import Case, Cell, Format, Variant, float32, float64
from gruverify.arithmetic import Ball, Rounding
from gruverify.backends import TARGETS, resolve
from gruverify.invariants import Exact, Observed
from gruverify.invariants.core._blocks import block_of
from gruverify.invariants.core._residual import compare

from ._built import COMPLETE, SATURATED, case_of, cell_at

pytestmark = pytest.mark.uncounted

LENGTHS = (2, 4, 16, 64)
ALL = [
    (name, Variant(reset, update))
    for name, reset, update in product(COMPLETE, ("after", "before"), ("keep", "replace"))
    if name != "torch" or (reset, update) == ("after", "keep")
]

everywhere = pytest.mark.parametrize(
    ("name", "variant"), ALL, ids=[f"{name}-{v.reset}-{v.update}" for name, v in ALL]
)
in_format = pytest.mark.parametrize("format", [float32, float64], ids=lambda f: f.name)


def asked(name: str, case: Case) -> Observed:
    """What the backend of that name answers."""
    package = next(target.needs for target in TARGETS if target.name == name)
    if package:
        pytest.importorskip(package)
    return Observed(case, resolve(name))


def elman(cell: Cell, after: Any) -> Ball:
    """D(1-c²)W_hc, (B, H, H), from the state after a step with z = 0, which is c."""
    mode, W_hc = Rounding(cell.format), np.split(cell.weight_hh, 3)[2]
    c = Ball.exact(mode, after)
    return (1 - c * c)[:, :, None] * Ball.exact(mode, W_hc)


@in_format
@everywhere
def test_state_carried_for_ever_has_the_identity_as_jacobian(
    name: str, variant: Variant, format: Format
) -> None:
    case = case_of(cell_at(format, variant, kept=[SATURATED] * 3, r=[0.5, -1, 2]))
    assert np.array_equal(asked(name, case).step_jacobian[0], np.broadcast_to(np.eye(3), (2, 3, 3)))


@in_format
@everywhere
def test_state_is_carried_to_within_the_roundings_of_one_blend(
    name: str, variant: Variant, format: Format
) -> None:
    case = case_of(cell_at(format, variant, kept=[SATURATED] * 3, r=[0.5, -1, 2]))
    carried = Exact(case, Rounding(format)).next_state
    assert np.array_equal(carried.mid, case.state)
    assert compare("h", "bi", asked(name, case).step, carried).margin <= 1


@in_format
@everywhere
def test_gradient_is_carried_through_any_length_and_teaches_no_parameter(
    name: str, variant: Variant, format: Format
) -> None:
    cell = cell_at(format, variant, kept=[SATURATED] * 3, r=[0.5, -1, 2])
    case = case_of(cell, T=LENGTHS[-1])
    found = asked(name, case).sequence_vjp_of_last
    assert np.array_equal(found.state, case.d_last)
    assert not any(array.any() for gradient, array in found.items() if gradient != "state")


@in_format
@everywhere
def test_jacobian_tends_to_the_kept_share_of_the_state(
    name: str, variant: Variant, format: Format
) -> None:
    kept = format.sigmoid_saturates / 2
    case = case_of(cell_at(format, variant, kept=[kept] * 3, r=[0.5, -1, 2]))
    J = asked(name, case).step_jacobian[0].astype(np.float64)
    distance = np.abs(J - np.eye(3)).sum(2).max()
    assert 0 < distance < 64 * np.exp(-kept)


@in_format
@everywhere
def test_shut_gates_forget_and_only_the_candidate_learns(
    name: str, variant: Variant, format: Format
) -> None:
    case = case_of(cell_at(format, variant, kept=[-SATURATED] * 3, r=[-SATURATED] * 3))
    assert not asked(name, case).step_jacobian[0].any()
    found = asked(name, case).sequence_vjp_of_last
    silent = [
        block
        for block in ("W_hz", "W_xz", "b_xz", "W_hr", "W_xr", "b_xr", "W_hc")
        if not block_of(found, block).any()
    ]
    assert silent == ["W_hz", "W_xz", "b_xz", "W_hr", "W_xr", "b_xr", "W_hc"]
    assert block_of(found, "W_xc").all()
    assert block_of(found, "b_xc").all()
    assert block_of(found, "b_hc").any() == (variant.reset == "before")


@in_format
@everywhere
def test_gradient_of_the_update_gate_survives_any_length_as_long_as_the_gate_is_not_quite_shut(
    name: str, variant: Variant, format: Format
) -> None:
    shut = [-format.sigmoid_saturates / 2] * 3
    cell = cell_at(format, variant, kept=shut, r=shut)
    cases = [case_of(cell, T=T) for T in LENGTHS]
    assert (np.abs(asked(name, cases[0]).step_jacobian[0]) < 16 * np.exp(shut[0])).all()
    first, *later = (
        block_of(asked(name, case).sequence_vjp_of_last, "W_hz").astype(np.float64)
        for case in cases
    )
    assert first.all()
    for gradient in later:
        assert (np.abs(gradient) > np.abs(first) / 2).all()
        assert (np.abs(gradient) < 16 * np.exp(shut[0])).all()


@in_format
@everywhere
def test_open_reset_gate_and_shut_update_gate_make_an_elman_network(
    name: str, variant: Variant, format: Format
) -> None:
    case = case_of(cell_at(format, variant, kept=[-SATURATED] * 3, r=[SATURATED] * 3))
    c = asked(name, case).step
    assert compare("J", "bij", asked(name, case).step_jacobian[0], elman(case.cell, c)).margin <= 1
    gradient = asked(name, case).sequence_vjp_of_last
    assert not block_of(gradient, "W_hz").any()
    assert block_of(gradient, "W_hc").all()


@in_format
@everywhere
def test_units_of_one_cell_answer_each_for_itself(
    name: str, variant: Variant, format: Format
) -> None:
    carry, forget, recall = 0, 1, 2
    cell = cell_at(
        format,
        variant,
        kept=[SATURATED, -SATURATED, -SATURATED],
        r=[SATURATED, -SATURATED, SATURATED],
    )
    case = case_of(cell)
    J, c = asked(name, case).step_jacobian[0], asked(name, case).step
    assert np.array_equal(J[:, carry], np.broadcast_to(np.eye(3)[carry], (2, 3)))
    recalled = elman(case.cell, c)[:, recall]
    if variant.reset == "after":
        assert not J[:, forget].any()
        assert compare("J", "bj", J[:, recall], recalled).margin <= 1
    else:  # what is reset is the state: column by column
        assert not J[:, [forget, recall], forget].any()
        for j in (carry, recall):
            assert compare("J", "b", J[:, recall, j], recalled[:, j]).margin <= 1
