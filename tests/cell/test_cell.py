"""Cells and variants: what is wrong with one is said with H and I, and what is right can be pasted
back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from gruverify import FORMATS, VARIANTS, Cell, Format, Variant, bfloat16, float32
from gruverify import strategies as gst
from gruverify.cell import BLOCKS, PACKED, unpack

H, I = 2, 3
NDArray = npt.NDArray[Any]


def arrays(fmt: Format = float32) -> dict[str, NDArray]:
    """The parameters of a cell with H = 2 and I = 3, all entries different."""
    shapes = {
        "weight_ih": (3 * H, I),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    numbers = iter(np.split(np.arange(42) / 8, np.cumsum([18, 12, 6])))
    return {name: fmt.cast(next(numbers).reshape(shape)) for name, shape in shapes.items()}


def with_entry(name: str, value: float) -> dict[str, NDArray]:
    changed = {n: a.copy() for n, a in arrays().items()}
    changed[name].flat[-1] = value
    return changed


def zeros(*shape: int) -> NDArray:
    return np.zeros(shape, np.float32)


NO_BIAS = Variant(bias=False)
WRONG: dict[str, tuple[Variant, dict[str, Any], str]] = {
    "weight_hh not stacked": (
        Variant(),
        {"weight_hh": zeros(2, 2)},
        r"weight_hh has shape \(2, 2\), expected \(3H, H\): three gates",
    ),
    "weight_hh a vector": (
        Variant(),
        {"weight_hh": zeros(6)},
        r"weight_hh has shape \(6,\), expected \(3H, H\)",
    ),
    "weight_ih of another H": (
        Variant(),
        {"weight_ih": zeros(3, 3)},
        r"weight_ih has shape \(3, 3\), expected \(3H, I\) = \(6, 3\) with H=2, I=3",
    ),
    "weight_ih a vector": (
        Variant(),
        {"weight_ih": zeros(6)},
        r"weight_ih has shape \(6,\), expected \(3H, I\) with H=2",
    ),
    "bias for two gates": (
        Variant(),
        {"bias_ih": zeros(4)},
        r"bias_ih has shape \(4,\), expected \(3H,\) = \(6,\) with H=2, I=3",
    ),
    "bias missing": (
        Variant(),
        {"bias_hh": None},
        r"bias_hh is missing: the variant \(reset after, keep\) needs biases",
    ),
    "bias in a variant without": (
        NO_BIAS,
        {},
        r"bias_ih is given: the variant \(reset after, keep, no bias\) must not have biases",
    ),
    "integers": (
        Variant(),
        {"weight_hh": np.zeros((6, 2), int)},
        "weight_hh has dtype int64: .* choose from float16",
    ),
    "two formats": (
        Variant(),
        {"bias_hh": np.zeros(6)},
        r"bias_hh has dtype float64, but the cell is float32: .*gruverify.float32.cast\(bias_hh\)",
    ),
    "NaN": (
        Variant(),
        with_entry("weight_ih", np.nan),
        r"weight_ih\[5, 2\] is nan: every entry must be finite",
    ),
    "infinity": (
        Variant(),
        with_entry("bias_hh", -np.inf),
        r"bias_hh\[5\] is -inf: every entry must be finite",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_cell_is_said(wrong: str) -> None:
    variant, changes, message = WRONG[wrong]

    with pytest.raises(ValueError, match=message):
        Cell(variant, **{**arrays(), **changes})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reset": "both"}, 'reset=\'both\' must be "after" or "before"'),
        ({"update": "z"}, 'update=\'z\' must be "keep" .* or "replace"'),
    ],
)
def test_what_is_wrong_with_a_variant_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Variant(**arguments)


def test_there_are_eight_variants_pytorchs_first() -> None:
    assert len(set(VARIANTS)) == 8
    assert VARIANTS[0] == Variant() == Variant("after", "keep", True)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_cell_knows_its_sizes_and_format(fmt: Format) -> None:
    cell = Cell(Variant(), **arrays(fmt))

    assert (cell.hidden_size, cell.input_size, cell.format) == (H, I, fmt)


def test_a_cell_keeps_what_it_was_given() -> None:
    given_arrays = arrays()
    cell = Cell(Variant(), **given_arrays)
    given_arrays["weight_hh"][0, 0] = 9

    assert cell.weight_hh[0, 0] != 9
    with pytest.raises(ValueError, match="read-only"):
        cell.weight_hh[0, 0] = 9


def test_parameters_are_the_blocks_r_z_n() -> None:
    cell = Cell(Variant(), **arrays())
    p = cell.parameters()

    for name, packed in zip(("W_x", "W_h", "b_x", "b_h"), PACKED, strict=True):
        blocks = [getattr(p, name + gate) for gate in "rzc"]
        np.testing.assert_array_equal(np.concatenate(blocks), getattr(cell, packed))
    assert list(p.items()) == [(name, getattr(p, name)) for name in BLOCKS]


def test_missing_biases_are_zero() -> None:
    packed = {name: arrays()[name] for name in PACKED[:2]}
    p = unpack(dict(packed), H)

    assert all(getattr(p, name) == 0 for name in BLOCKS if name[0] == "b")


def test_gradients_of_parameters_add_up() -> None:
    p = Cell(Variant(), **arrays()).parameters()
    doubled = p + p

    np.testing.assert_array_equal(doubled.W_hc, 2 * p.W_hc)
    np.testing.assert_array_equal(doubled.b_xr, 2 * p.b_xr)


@given(gst.cells())
def test_a_repr_can_be_pasted_back(cell: Cell) -> None:
    namespace: dict[str, Any] = {}
    exec("from gruverify import *", namespace)

    assert eval(repr(cell), namespace) == cell


def test_cells_are_equal_by_variant_dtype_and_entries() -> None:
    one = Cell(Variant(), **arrays())

    assert one == Cell(Variant(), **arrays())
    assert one != Cell(Variant("before"), **arrays())
    assert one != Cell(Variant(), **arrays(bfloat16))
    assert one != Cell(Variant(), **with_entry("bias_ih", 1.0))
    assert one != "a cell"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
