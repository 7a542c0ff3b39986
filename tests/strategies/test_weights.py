"""Kinds of weights and biases: each is what its name says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify import Cell, Variant, float32, float64
from gruverify import strategies as gst
from gruverify.arithmetic import floating
from gruverify.cell import contraction_rate
from gruverify.formulas import step

from ._debug import assert_all, drawn, find_any, minimal

pytestmark = pytest.mark.uncounted

NDArray = npt.NDArray[Any]


def of_kind(kind: str, **arguments: Any) -> Any:
    return gst.cells(
        weights=[kind], regimes=["free"], formats=[float64], min_H=3, min_I=2, **arguments
    )


def every(*names: str) -> Callable[[Callable[[NDArray], Any]], Callable[[Cell], bool]]:
    """A condition on the named weights of a cell, as one on the cell."""
    return lambda holds: lambda cell: all(bool(holds(getattr(cell, name))) for name in names)


both, recurrent = every("weight_ih", "weight_hh"), every("weight_hh")


def blocks(W: NDArray) -> NDArray:
    return W.reshape(3, -1, W.shape[1])


def is_orthogonal(W: NDArray) -> bool:
    identity = np.eye(W.shape[1])
    distance = np.abs(blocks(W).transpose(0, 2, 1) @ blocks(W) - identity).max()
    return bool(distance < 64 * float64.unit_roundoff)


def is_power_of_two(W: NDArray) -> bool:
    mantissas = np.frexp(W)[0]
    return bool(np.isin(np.abs(mantissas), (0.0, 0.5)).all())


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("power-of-two", both(is_power_of_two)),
        ("orthogonal", recurrent(is_orthogonal)),
        ("near-singular", recurrent(lambda W: (np.linalg.cond(blocks(W)) > 2**8).all())),
        ("tiny", both(lambda W: np.abs(W).max() <= 2**-12)),
        ("contractive", lambda cell: contraction_rate(cell) < 1),
    ],
)
def test_a_kind_is_what_it_is_called(kind: str, holds: Callable[[Cell], bool]) -> None:
    assert_all(of_kind(kind), holds)


@pytest.mark.parametrize(
    ("kind", "typical"),
    [
        ("dense", both(lambda W: np.mean(W != 0) > 0.9)),
        ("sparse", both(lambda W: np.mean(W == 0) > 0.5)),
        ("large-norm", recurrent(lambda W: np.abs(W).sum(1).max() > 64)),
    ],
)
def test_most_of_a_kind_are_typical(kind: str, typical: Callable[[Cell], bool]) -> None:
    assert np.mean([typical(cell) for cell in drawn(of_kind(kind), 100)]) > 0.75


def test_catches_dense_weights_called_sparse() -> None:
    find_any(of_kind("dense"), lambda cell: not is_power_of_two(cell.weight_hh))
    find_any(of_kind("dense"), lambda cell: not is_orthogonal(cell.weight_hh))
    find_any(of_kind("dense"), lambda cell: contraction_rate(cell) >= 1)


def test_states_of_a_contractive_cell_approach_each_other() -> None:
    """At least as fast as its certificate says, up to the roundings of the two steps."""
    random = np.random.default_rng(0)
    for cell in drawn(gst.cells(weights=["contractive"], formats=[float64]), 100):
        rate, p = contraction_rate(cell), cell.parameters(floating)
        x = random.uniform(-1, 1, (8, cell.input_size))
        a, b = random.uniform(-1, 1, (2, 8, cell.hidden_size))
        after = np.abs(step(cell.variant, p, x, a) - step(cell.variant, p, x, b)).max(1)
        roundings = 2 * 16 * (cell.hidden_size + cell.input_size + 4) * float64.unit_roundoff
        assert (after <= rate * np.abs(a - b).max(1) + roundings).all()


def test_chrono_biases_keep_the_state_for_one_to_a_thousand_steps() -> None:
    for cell in drawn(
        gst.cells(biases="chrono", variants=[Variant(), Variant(update="replace")]), 100
    ):
        H = cell.hidden_size
        sign = 1 if cell.variant.update == "keep" else -1
        horizon = 1 + np.exp(sign * cell.bias_ih[H : 2 * H].astype(float))
        assert ((horizon > 1.5) & (horizon < 1001)).all()
        assert not np.delete(cell.bias_ih, range(H, 2 * H)).any()
        assert not cell.bias_hh.any()


def test_zero_biases_are_zero_and_drawn_ones_are_not() -> None:
    assert_all(
        gst.cells(biases="zero", variants=[Variant()]),
        lambda cell: not cell.bias_ih.any() | cell.bias_hh.any(),
    )
    cells = drawn(gst.cells(variants=[Variant()]), 100)
    assert np.mean([cell.bias_ih.all() and cell.bias_hh.all() for cell in cells]) > 0.9


@pytest.mark.thinned
@pytest.mark.parametrize(
    "kind", ["dense", "sparse", "power-of-two", "near-singular", "large-norm", "tiny"]
)
def test_kinds_shrink_to_zeros(kind: str) -> None:
    cell = minimal(gst.cells(weights=[kind], regimes=["free"]))

    assert (cell.hidden_size, cell.input_size) == (1, 1)
    assert not cell.weight_hh.any()


def test_orthogonal_weights_shrink_to_the_identity() -> None:
    cell = minimal(gst.cells(weights=["orthogonal"], regimes=["free"], min_H=2, formats=[float32]))

    assert (blocks(cell.weight_hh) == np.eye(2)).all()


def test_unpinned_weights_are_not_scaled_down() -> None:
    """A pinned carrying cell has small weights beside its bias; an unpinned one may have any."""
    asked: dict[str, Any] = {"regimes": ["carry"], "formats": [float32], "variants": [Variant()]}
    largest = {
        pinned: max(
            np.abs(cell.weight_hh).max() for cell in drawn(gst.cells(pinned=pinned, **asked), 200)
        )
        for pinned in (True, False)
    }
    assert largest[True] < largest[False]
