"""Weights in another library's layout are the same function, and come back as the same bits."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, Variant, bfloat16, float16, float32, float64
from gruverify.cell import LAYOUTS, fitted, with_update
from gruverify.models import (
    CONVERTED,
    BadFile,
    FlatSizes,
    Gru,
    NotTheSame,
    as_layers,
    convert,
    npz_bytes,
    read_arrays,
    read_flat,
    read_grus,
    safetensors_bytes,
)
from gruverify.models._proof import prove

RESETS = {
    layout: {v.reset for v in LAYOUTS.get(layout, LAYOUTS["pytorch"]).variants}
    for layout in CONVERTED
}


def stack(
    variant: Variant,
    layers: int = 1,
    directions: int = 1,
    fmt: Any = float64,
    H: int = 2,
    I: int = 3,
) -> Stack:
    """Random weights; biases that the variant lacks are 0."""
    rng = np.random.default_rng(0)

    def cell(inputs: int) -> Cell:
        shapes = {"weight_ih": (3 * H, inputs), "weight_hh": (3 * H, H)}
        shapes |= {"bias_ih": (3 * H,), "bias_hh": (3 * H,)} if variant.bias else {}
        arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        for name in ("bias_ih", "bias_hh") if variant.bias else ():
            arrays[name][~np.repeat(variant.mask(name), H)] = 0
        return Cell(variant, **{name: fmt.cast(array) for name, array in arrays.items()})

    sizes = [I] + [directions * H] * (layers - 1)
    return Stack(tuple(tuple(cell(size) for _ in range(directions)) for size in sizes))


def read(path: Path, layout: str, like: Stack) -> Gru:
    """The one GRU of a file; the layers of one where the layout knows none."""
    if layout == "cudnn":
        sizes = FlatSizes(like.hidden_size, like.input_size, like.layers, like.directions)
        return read_flat(path, sizes)[0]
    return as_layers(read_grus(path, layout=layout, reset=like.variant.reset))


def bits(model: Stack) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.packed().items()}


PAIRS = [
    (one, other, reset)
    for one, other in combinations_with_replacement(CONVERTED, 2)
    for reset in sorted(RESETS[one] & RESETS[other])
]


@pytest.mark.uncounted
@pytest.mark.parametrize(("one", "other", "reset"), PAIRS)
def test_every_pair_of_layouts_goes_there_and_back(
    one: str, other: str, reset: Any, tmp_path: Path
) -> None:
    given = stack(Variant(reset, biases="input"))
    convert([Gru("enc", "pytorch", given)], tmp_path / "a.npz", one)
    there = read(tmp_path / "a.npz", one, given)

    [found] = convert([there], tmp_path / "b.npz", other)
    [back] = convert([read(tmp_path / "b.npz", other, given)], tmp_path / "c.npz", one)

    assert bits(read(tmp_path / "c.npz", one, given).stack) == bits(there.stack)
    assert back.folded == found.folded == 0
    assert found.proof.equal == found.proof.numbers or found.turned


@pytest.mark.parametrize("reset", ["after", "before"])
def test_layers_and_directions_survive_every_layout_on_the_way(reset: Any, tmp_path: Path) -> None:
    given = stack(Variant(reset, biases="input"), 2, 2)
    found = Gru("enc", "pytorch", given)

    for layout in (*(one for one in CONVERTED if reset in RESETS[one]), "onnx"):
        convert([found], tmp_path / f"{layout}{found.layout}.npz", layout)
        found = read(tmp_path / f"{layout}{found.layout}.npz", layout, given)

    assert bits(found.stack) == bits(given)


def test_z_is_turned_round_without_rounding_and_the_function_is_the_same() -> None:
    cell = stack(Variant("before", biases="input")).cells[0][0]

    turned = with_update(cell, "replace")

    assert turned.variant == Variant("before", "replace", biases="input")
    assert np.array_equal(turned.weight_hh[2:4], -cell.weight_hh[2:4])
    assert with_update(turned, "keep") == cell
    proof = prove(Stack(((cell,),)), Stack(((turned,),)), [[np.zeros(6)]])
    assert proof.bits > 45


@pytest.mark.parametrize("fmt", [float16, bfloat16, float32, float64])
@pytest.mark.parametrize(("layout", "folded"), [("flax", 4), ("haiku", 6), ("keras", 6)])
def test_biases_are_added_where_the_other_side_has_fewer(
    layout: str, folded: int, fmt: Any, tmp_path: Path
) -> None:
    given = stack(Variant("after" if layout == "flax" else "before"), fmt=fmt)
    cell = given.cells[0][0]

    [found] = convert([Gru("", "json", given)], tmp_path / "w.npz", layout)

    assert cell.bias_ih is not None
    assert cell.bias_hh is not None
    assert (found.folded, found.rounded > 0) == (folded, True)
    assert found.proof.bits >= fmt.precision - 8
    added = found.stack.cells[0][0].bias_ih
    sums = fmt.cast(cell.bias_ih.astype("f8") + cell.bias_hh.astype("f8"))
    r = slice(0, 2)
    assert added is not None
    assert np.array_equal(added[r], sums[r])


def test_a_sum_that_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    given = stack(Variant(), fmt=float16).cells[0][0]
    large = np.full(6, 60_000, np.float16)
    cell = replace(given, bias_ih=large, bias_hh=large)

    with pytest.raises(ValueError, match=r"60000.0 \+ 60000.0, of row 0, is more than float16"):
        convert([Gru("", "pytorch", Stack(((cell,),)))], tmp_path / "w.npz", "equinox")
    convert([Gru("", "pytorch", Stack(((cell,),)))], tmp_path / "w.npz", "keras")


def test_enclosures_that_claim_nothing_prove_nothing() -> None:
    given = stack(Variant())
    cell = given.cells[0][0]
    wrong = Stack(((replace(cell, weight_hh=-cell.weight_hh),),))

    proof = prove(given, wrong, [[np.full(6, 1e3)]])

    assert proof.claimed == 0
    assert str(proof).startswith("not proved by running both")


def test_a_sum_that_is_exact_is_called_so_and_changes_no_bit(tmp_path: Path) -> None:
    cell = stack(Variant()).cells[0][0]
    halves = Cell(
        Variant(), cell.weight_ih, cell.weight_hh, np.full(6, 0.5), np.array([0.25] * 4 + [1, 2])
    )

    [found] = convert([Gru("", "pytorch", Stack(((halves,),)))], tmp_path / "w.npz", "mlx")

    assert (found.folded, found.rounded) == (4, 0)
    assert found.proof.bits >= 50


def test_catches_a_bias_inside_the_reset_product_that_has_no_place() -> None:
    cell = stack(Variant()).cells[0][0]

    with pytest.raises(ValueError, match=r"nnx has no recurrent bias of the candidate \(b_hn\)"):
        fitted(cell, LAYOUTS["nnx"])


@pytest.mark.parametrize(("one", "other"), [("haiku", "flax"), ("pytorch", "haiku")])
def test_catches_a_reset_gate_on_the_other_side(one: str, other: str, tmp_path: Path) -> None:
    [reset] = RESETS[one]
    given = Gru("enc", one, stack(Variant(reset, biases="input")))

    with pytest.raises(ValueError, match="no weights of the one compute the other"):
        convert([given], tmp_path / "w.npz", other)
    assert not (tmp_path / "w.npz").exists()


def test_catches_a_conversion_that_is_another_function() -> None:
    given, other = stack(Variant()), stack(Variant(), I=3)
    cell = other.cells[0][0]
    swapped = cell.weight_ih.copy()
    swapped[:4] = swapped[[2, 3, 0, 1]]
    wrong = Stack(((Cell(cell.variant, swapped, cell.weight_hh, cell.bias_ih, cell.bias_hh),),))

    with pytest.raises(NotTheSame, match="computes something else"):
        prove(given, wrong, [[np.zeros(6)]])
    assert prove(given, other, [[np.zeros(6)]]).bits == 53


def test_catches_a_bias_that_is_lost() -> None:
    given = stack(Variant())
    cell = given.cells[0][0]
    assert cell.bias_hh is not None
    less = cell.bias_hh.copy()
    less[0] += 2.0**-40
    other = Stack(((Cell(cell.variant, cell.weight_ih, cell.weight_hh, cell.bias_ih, less),),))

    with pytest.raises(NotTheSame):
        prove(given, other, [[np.zeros(6)]])


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt", ".json"])
@pytest.mark.parametrize("fmt", [float32, bfloat16])
def test_every_kind_of_file_keeps_the_bits(ending: str, fmt: Any, tmp_path: Path) -> None:
    needs = {".pt": "torch", ".safetensors": "safetensors"}
    if ending in needs:
        pytest.importorskip(needs[ending])
    given = stack(Variant(), 2, 2, fmt)

    convert([Gru("enc.rnn", "pytorch", given)], tmp_path / f"w{ending}", "pytorch")

    [found] = read_grus(tmp_path / f"w{ending}")
    assert (found.name, bits(found.stack)) == ("enc.rnn", bits(given))


def test_no_name_of_an_array_is_taken_for_an_option(tmp_path: Path) -> None:
    arrays = {name: np.arange(3.0) for name in ("file", "allow_pickle", "a/b")}
    (tmp_path / "a.npz").write_bytes(npz_bytes(arrays))
    np.savez(tmp_path / "b.npz", **{"a/b": np.arange(3.0)})

    found = read_arrays(tmp_path / "a.npz")

    assert list(found) == list(arrays)
    assert all(list(array) == [0, 1, 2] for array in found.values())
    assert npz_bytes({"a/b": np.arange(3.0)}) == (tmp_path / "b.npz").read_bytes()


def test_whole_numbers_of_any_width_are_called_by_it(tmp_path: Path) -> None:
    arrays = {f"i{width}": np.arange(3, dtype=f"i{width}") for width in (1, 2, 4, 8)}
    (tmp_path / "a.safetensors").write_bytes(safetensors_bytes(arrays, {}))

    found = read_arrays(tmp_path / "a.safetensors")

    assert {name: array.dtype for name, array in found.items()} == {
        name: array.dtype for name, array in arrays.items()
    }


@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("reset", ["after", "before"])
def test_keras_own_file_keeps_the_bits(
    reset: Any, layers: int, directions: int, tmp_path: Path
) -> None:
    pytest.importorskip("h5py")
    form = "both" if reset == "after" else "input"
    given = stack(Variant(reset, biases=form), layers, directions, float32)

    convert([Gru("enc", "pytorch", given)], tmp_path / "m.weights.h5", "keras")

    found = as_layers(read_grus(tmp_path / "m.weights.h5"))
    assert (found.name, bits(found.stack)) == ("enc", bits(given))


def test_layers_are_in_the_order_of_their_numbers_or_as_said() -> None:
    each = stack(Variant(), 12).cells
    grus = [Gru(f"gru_{k}" if k else "gru", "keras", Stack((row,))) for k, row in enumerate(each)]

    assert as_layers(sorted(grus, key=lambda gru: gru.name)).stack == Stack(each)
    assert as_layers(grus, ["gru_3", "gru_2"]).stack == Stack((each[3], each[2]))
    with pytest.raises(ValueError, match="no GRU called 'x'"):
        as_layers(grus, ["x"])
    words = [replace(gru, name=name) for gru, name in zip(grus, ("enc", "dec"), strict=False)]
    with pytest.raises(ValueError, match="enc, dec: these names say no order by numbers"):
        as_layers(words)


def test_cudnns_array_has_the_matrices_first(tmp_path: Path) -> None:
    given = stack(Variant(), 2, 2)

    [found] = convert([Gru("w", "pytorch", given)], tmp_path / "w.npz", "cudnn")

    flat = found.arrays["w"]
    assert np.array_equal(flat[:18].reshape(6, 3), given.cells[0][0].weight_ih)
    assert np.array_equal(flat[30:48].reshape(6, 3), given.cells[0][1].weight_ih)
    assert np.array_equal(flat[-6:], given.packed()["bias_hh_l1_reverse"])
    with pytest.raises(BadFile, match=r"w has shape \(180,\), expected \(30,\) without biases"):
        read_flat(tmp_path / "w.npz", FlatSizes(2, 3))
    with pytest.raises(BadFile, match="no array called 'x'"):
        read_flat(tmp_path / "w.npz", FlatSizes(2, 3), "x")
