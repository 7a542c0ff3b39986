"""Faults of the bank are caught behind the adapters of JAX and ONNX, in the cases they declare.

Those of tests/campaigns/adapter_faults.py are more, and take minutes.
"""

from __future__ import annotations

from typing import Any

import pytest

from gruverify.engine import judge
from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.invariants import INVARIANTS

from ._behind import Pair, cases_for, pair_of_jax, pair_of_onnx

RIGHT = EQUIVALENTS["slope-of-tanh-by-factors"]
#: What the faults below show in.
SHOWS = ("agreement", "second-order", "stack", "masks")


def failing(pair: Pair) -> tuple[list[set[str]], list[set[str]]]:
    """The ids of what fails in each of a few cases, as the adapter declares and behind it."""
    cases = cases_for(pair.drawn_for, 3)
    asked = [invariant for invariant in INVARIANTS.values() if invariant.family in SHOWS]

    def found(backend: Any) -> list[set[str]]:
        judged = ([*judge(case, backend, asked)] for case in cases)
        return [{one.invariant.id for one in each if one.failed} for each in judged]

    return found(pair.declared()), found(pair.behind())


def require_caught_alike(pair: Pair | None) -> None:
    """Behind the adapter the same invariants fail in the same cases as it declares."""
    assert pair is not None

    declared, behind = failing(pair)

    assert any(declared)
    assert behind == declared


@pytest.mark.parametrize(
    ("turn", "id"),
    [
        (0, "candidate-bias-outside-the-reset-product"),
        (1, "no-gradient-of-weight-hh-update"),
        (2, "slope-of-tanh-left-out"),
        (3, "hessian-of-the-candidate-alone"),
        (4, "mask-applied-to-outputs-alone"),
        (5, "initial-states-of-a-stack-ignored"),
    ],
)
def test_catches_a_fault_of_the_bank_behind_jax(turn: int, id: str) -> None:
    pytest.importorskip("jax")
    require_caught_alike(pair_of_jax(FAULTS[id].build, turn))


def test_a_right_gru_behind_jax_passes() -> None:
    pytest.importorskip("jax")
    pair = pair_of_jax(RIGHT.build)
    assert pair is not None

    assert not any(map(any, failing(pair)))


@pytest.mark.parametrize(
    "id",
    [
        "reset-on-the-other-side",
        "recurrent-candidate-bias-missing",
        "initial-states-of-a-stack-ignored",
        "missing-states-not-zero",
        "last-states-after-the-padding",
    ],
)
def test_catches_a_fault_of_the_bank_behind_onnx(id: str) -> None:
    pytest.importorskip("onnx")
    require_caught_alike(pair_of_onnx(FAULTS[id].build))


def test_a_right_gru_behind_onnx_passes() -> None:
    pytest.importorskip("onnx")
    pair = pair_of_onnx(RIGHT.build)
    assert pair is not None

    assert not any(map(any, failing(pair)))
