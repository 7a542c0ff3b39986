"""Weights of files become stacks, whatever the file and the layout; what does not fit is one line
with shapes.
"""

from __future__ import annotations

import io
import json
import re
import runpy
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, Variant, bfloat16, float32
from gruverify.arithmetic import NDArray
from gruverify.cell import LAYOUTS
from gruverify.models import BadFile, array_of, grus_among, read_arrays, read_grus

FUZZ = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "reader_fuzz.py"))


def cell(variant: Variant, H: int = 2, I: int = 3, seed: int = 0) -> Cell:
    """A cell with random weights in float32; what the variant lacks is 0."""
    rng = np.random.default_rng(seed)
    shapes = {
        "weight_ih": (3 * H, I),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    arrays = {
        name: rng.normal(size=shape) * _mask(variant, name, H, len(shape))
        for name, shape in shapes.items()
    }
    kept = {
        name: float32.cast(a)
        for name, a in arrays.items()
        if variant.bias or name.startswith("weight")
    }
    return Cell(variant, **kept)


def _mask(variant: Variant, name: str, H: int, dimensions: int) -> np.ndarray[Any, Any]:
    mask = np.repeat(variant.mask(name), H)
    return mask if dimensions == 1 else mask[:, None]


def stack(layers: int = 2) -> Stack:
    """Two directions, of two units that read three inputs."""
    sizes = [3, *([4] * (layers - 1))]
    return Stack(
        tuple(
            tuple(cell(Variant(), 2, size, 2 * k + d) for d in range(2))
            for k, size in enumerate(sizes)
        )
    )


def saved(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **arrays)
    return path


def test_pytorchs_names_say_prefix_layers_and_directions(tmp_path: Path) -> None:
    arrays = {f"encoder.rnn.{name}": array for name, array in stack().packed().items()}

    (found,) = read_grus(saved(tmp_path / "w.npz", {"head.weight": np.zeros((2, 2)), **arrays}))

    assert (found.name, found.layout, found.stack) == ("encoder.rnn", "pytorch", stack())
    assert (
        str(found)
        == "encoder.rnn: H=2, I=3, 2 layers, bidirectional, float32, reset after, keep (pytorch)"
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("separator", [".", "/"])
def test_every_layout_is_known_by_its_names(layout: str, separator: str) -> None:
    for variant in LAYOUTS[layout].variants:
        mine = LAYOUTS[layout].merged(cell(variant))
        named = LAYOUTS[layout].parameters(mine)
        arrays = {
            f"gru{separator}{name.replace('.', separator)}": array for name, array in named.items()
        }

        (found,) = grus_among(arrays, reset=variant.reset)

        read = found.stack.cells[0][0]
        assert (found.name, found.layout) == (
            "gru",
            layout if layout != "equinox" or variant.bias else "pytorch",
        )
        assert (read.variant.reset, read.packed().keys()) == (variant.reset, mine.packed().keys())
        assert all(
            np.array_equal(read.packed()[name], array) for name, array in mine.packed().items()
        )


def test_onnx_arrays_hold_both_directions() -> None:
    both = stack(1)
    each = [LAYOUTS["onnx"].parameters(one) for one in both.cells[0]]
    arrays = {name: np.concatenate([one[name] for one in each]) for name in each[0]}

    (found,) = grus_among(arrays, reset="after")

    assert found.stack == both


def test_a_forward_and_a_backward_cell_are_one_gru() -> None:
    both = stack(1)
    named = zip(("forward_gru", "backward_gru"), both.cells[0], strict=True)
    arrays = {
        f"bidirectional/{way}/gru_cell/{name}": array
        for way, one in named
        for name, array in LAYOUTS["keras"].parameters(one).items()
    }

    (found,) = grus_among(arrays)

    assert (found.name, found.stack) == ("bidirectional/forward_gru/gru_cell", both)


@pytest.mark.parametrize("layout", ["keras", "onnx"])
def test_what_the_file_does_not_say_is_asked_for(layout: str) -> None:
    arrays = LAYOUTS[layout].parameters(cell(Variant(bias=False)))

    with pytest.raises(
        ValueError,
        match="which side of the product the reset gate is: say --reset after or --reset before",
    ):
        grus_among(arrays)
    assert grus_among(arrays, reset="before")[0].stack.variant == Variant("before", bias=False)


def test_keras_biases_tell_the_side_of_the_reset_gate() -> None:
    sides = {
        side: LAYOUTS["keras"].parameters(cell(Variant(side, biases=form))) for side, form in _KERAS
    }  # type: ignore[arg-type]

    for side, arrays in sides.items():
        assert grus_among(arrays)[0].stack.variant.reset == side


_KERAS = (("after", "both"), ("before", "input"))


@pytest.mark.parametrize(
    "kind", [kind for kind in FUZZ["KINDS"] if kind not in ("npy", "onnx, layers")]
)  # one array is not a GRU, and two layers are two
def test_every_kind_of_file_holds_the_same_gru(kind: str, tmp_path: Path) -> None:
    if kind in FUZZ["NEEDS"]:
        pytest.importorskip(FUZZ["NEEDS"][kind])
    file = tmp_path / "weights"
    file.write_bytes(FUZZ["KINDS"][kind](FUZZ["weights"]()))

    (found,) = read_grus(file)

    assert found.stack.variant == Variant()

    assert found.stack.packed().keys() == FUZZ["weights"]().keys()
    assert all(
        np.array_equal(found.stack.packed()[name], array)
        for name, array in FUZZ["weights"]().items()
    )


@pytest.mark.uncounted
@pytest.mark.parametrize("kind", FUZZ["KINDS"])
def test_damaged_files_are_read_or_refused_and_allocate_little(kind: str, tmp_path: Path) -> None:
    if kind in FUZZ["NEEDS"]:
        pytest.importorskip(FUZZ["NEEDS"][kind])
    already = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        fates, most = FUZZ["fuzz"](kind, 60, 3, tmp_path / "weights")
    finally:
        if not already:
            tracemalloc.stop()

    assert sum(fates.values()) == 60
    assert fates["refused"] > 30
    assert most <= FUZZ["SLACK"]


W, R = np.ones((1, 6, 3), "f4"), np.ones((1, 6, 2), "f4")
TENSORS = [FUZZ["onnx_tensor"]("w", W), FUZZ["onnx_tensor"]("r", R)]


def onnx(path: Path, *nodes: bytes, tensors: list[bytes] = TENSORS) -> Path:  # it is not changed
    """A model with these nodes."""
    path.write_bytes(FUZZ["onnx_model"](list(nodes), tensors))
    return path


def test_onnx_weights_may_be_constants_and_identities_and_nodes_inside_bodies(
    tmp_path: Path,
) -> None:
    node = FUZZ["onnx_node"]
    inner = FUZZ["onnx_graph"]([node("GRU", ["x", "w", "r2"], "y", linear_before_reset=1)], [])
    constant = node("Constant", [], "r1", value=TENSORS[1])
    nodes = [constant, node("Identity", ["r1"], "r2"), node("If", ["c"], "z", body=inner)]
    outside = node("GRU", ["x", "w", "r2", "", ""], "z")

    (body,) = read_grus(onnx(tmp_path / "a.onnx", *nodes, tensors=TENSORS[:1]))
    first, second = read_grus(onnx(tmp_path / "b.onnx", *nodes, outside, tensors=TENSORS[:1]))

    assert (body.name, body.layout, body.stack.variant) == ("gru_of_y", "onnx", Variant(bias=False))
    assert (first.name, second.name, second.stack.variant) == (
        "gru_of_y",
        "gru_of_z",
        Variant("before", bias=False),
    )


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"clip": 1}, "gru_of_y has clip="),
        (
            {"activations": b"Relu"},
            "gru_of_y has 1 activations where 2 are wanted",
        ),
        ({"direction": b"sideways"}, "gru_of_y has direction='sideways'"),
        ({"hidden_size": 3}, "has hidden_size=3, and its R has shape (1, 6, 2), that is H=2"),
        ({"output_sequence": 1}, "has the attribute output_sequence, which is not modelled here"),
    ],
)
def test_catches_attributes_of_onnx_that_are_not_modelled(
    attributes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    file = onnx(tmp_path / "a.onnx", FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "y", **attributes))

    with pytest.raises(BadFile) as refused:
        read_grus(file)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("nodes", "tensors", "message"),
    [
        (
            [("LSTM", ["x", "w", "r"])],
            TENSORS,
            "is not an ONNX model with a GRU node (it has LSTM)",
        ),
        ([], TENSORS, "(it has no other recurrent node either)"),
        (
            [("GRU", ["x", "w", "q"])],
            TENSORS,
            "takes R from 'q', which is not a constant of the model",
        ),
        (
            [("GRU", ["x", "w", "r"])],
            [b"\x08\x07" + TENSORS[0], TENSORS[1]],
            "claims shape (7, 1, 6, 3) of float32",
        ),
        (
            [("GRU", ["x", "w", "r"])],
            [TENSORS[0] + b"\x6a\x00", TENSORS[1]],
            "has its data in '', which is not a file next to the model",
        ),
        (
            [("GRU", ["x", "w", "r"])],
            [TENSORS[0] + b"\x7f", TENSORS[1]],
            "is not an ONNX model, or a damaged one",
        ),
        (
            [("GRU", ["x", "w", "r"])],
            [b"\x40\xff\xff\xff\xff\x7f"],
            "the number 34359738367 where bytes are wanted",
        ),
    ],
)
def test_catches_onnx_models_that_hold_no_gru_or_lie(
    nodes: list[Any], tensors: list[bytes], message: str, tmp_path: Path
) -> None:
    file = onnx(
        tmp_path / "a.onnx",
        *(FUZZ["onnx_node"](kind, given, "y") for kind, given in nodes),
        tensors=tensors,
    )

    with pytest.raises(BadFile) as refused:
        read_grus(file)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("leaf", "shape", "words"),
    [
        ("W", (1, 5, 3), "5 rows of gates, expected 3H: 3 blocks of H (given: W (1, 5, 3), R "),
        ("B", (1, 11), "11 rows of gates, expected 6H: 6 blocks of H (given: W (1, 6, 3), R "),
    ],
)
def test_catches_rows_that_are_no_gates(leaf: str, shape: tuple[int, ...], words: str) -> None:
    shapes = {"W": (1, 6, 3), "R": (1, 6, 2), "B": (1, 12), leaf: shape}
    arrays = {f"x.{name}": np.ones(size, "f4") for name, size in shapes.items()}

    with pytest.raises(ValueError, match="x, layer 0: " + re.escape(words)):
        grus_among(arrays, reset="after")


def test_what_onnx_itself_writes_is_read(tmp_path: Path) -> None:
    helper = pytest.importorskip("onnx.helper")
    numpy_helper = pytest.importorskip("onnx.numpy_helper")
    values = [helper.make_tensor_value_info(name, 1, None) for name in "xy"]
    node = helper.make_node(
        "GRU", ["x", "w", "r"], ["y"], linear_before_reset=1, activations=["Sigmoid", "Tanh"]
    )
    packed = helper.make_tensor("r", 1, R.shape, R.ravel().tolist())
    graph = helper.make_graph(
        [node], "g", values[:1], values[1:], [numpy_helper.from_array(W, "w"), packed]
    )
    (tmp_path / "a.onnx").write_bytes(helper.make_model(graph).SerializeToString())

    (found,) = read_grus(tmp_path / "a.onnx")

    assert (found.name, found.stack.variant) == ("GRU_0", Variant(bias=False))
    assert np.array_equal(found.stack.cells[0][0].weight_hh, R[0])


def _header(text: str) -> bytes:
    """A .npy file with this header and eight bytes."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(8)


def _zip_of(data: bytes, name: str = "w.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def _objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    return file.getvalue()


LIE = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            _header(LIE),
            "claims shape (1000000000000,) of float32, 4000000000000 bytes, and holds 8",
            id="npy",
        ),
        pytest.param(_zip_of(_header(LIE)), "w.npy: claims shape (1000000000000,)", id="npz"),
        pytest.param(
            (2**40).to_bytes(8, "little") + b"{}",
            "claims a header of 1099511627776 bytes",
            id="safetensors",
        ),
        pytest.param(
            _objects(), "holds Python objects, which would have to be executed", id="pickled"
        ),
        # Too much to be packed where nothing is asked but what tests there are.
        pytest.param(lambda: _zip_of(bytes(2**27)), "would expand to more than", id="bomb"),
        pytest.param(_zip_of(b"text", "a.txt"), "is an archive without arrays", id="archive"),
        pytest.param(
            _zip_of(b"", "a/constants.pkl"), "is a TorchScript program, which would", id="script"
        ),
        pytest.param(
            b"\x89PNG\r\n\x1a\n" + bytes(9), "is not a file of arrays that is read", id="picture"
        ),
        pytest.param(b"", "(it is empty)", id="empty"),
        pytest.param(
            b"PK\x03\x04 and no end",
            "begins as an archive (.npz, .keras or a state_dict) and is",
            id="cut",
        ),
        pytest.param(
            b"\x80\x02}q\x00.", "is a pickle, which would have to be executed", id="old torch"
        ),
        pytest.param(b"import os", "is not a file of arrays that is read here", id="foreign"),
        pytest.param(b'{"a": [[1], [1, 2]]}', "inhomogeneous", id="ragged"),
        pytest.param(b'{"a": "b"}', "something else than numbers", id="words"),
        pytest.param(b'{"arrays": {}, "format": "f8"}', "format='f8' is unknown", id="format"),
    ],
)
def test_catches_a_file_that_lies_or_is_another(
    data: bytes | Callable[[], bytes], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(data() if callable(data) else data)

    with pytest.raises(BadFile) as refused:
        read_grus(file)

    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_a_state_dict_is_read_from_a_checkpoint_and_a_whole_module_is_refused(
    tmp_path: Path,
) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.GRU(3, 2)
    narrow = torch.zeros(2, dtype=torch.float8_e4m3fn)
    saved = {"epoch": 1, "model": module.state_dict(), "scale": narrow}
    torch.save(saved, tmp_path / "checkpoint.pt")
    torch.save(module, tmp_path / "module.pt")

    (found,) = read_grus(tmp_path / "checkpoint.pt")

    assert (found.name, found.stack.hidden_size) == ("model", 2)
    with pytest.raises(BadFile, match=r"save a state_dict, torch.save\(model.state_dict\(\)"):
        read_grus(tmp_path / "module.pt")


def test_bfloat16_is_read_where_numpy_has_lost_its_name(tmp_path: Path) -> None:
    arrays = {
        name: array.astype(bfloat16.dtype) for name, array in cell(Variant()).packed().items()
    }

    (found,) = read_grus(saved(tmp_path / "w.npz", arrays))

    assert found.stack.format is bfloat16


def test_json_says_format_and_conventions(tmp_path: Path) -> None:
    arrays = {
        name: array.tolist() for name, array in cell(Variant("before", "replace")).packed().items()
    }
    said = {"format": "float64", "reset": "before", "update": "replace", "arrays": arrays}
    (tmp_path / "w.json").write_text(json.dumps(said))

    (found,) = read_grus(tmp_path / "w.json")

    assert (found.stack.variant, found.stack.format.name) == (
        Variant("before", "replace"),
        "float64",
    )
    (tmp_path / "w.json").write_text(json.dumps(said | {"reset": 3}))
    with pytest.raises(BadFile, match='"reset" must be a word'):
        read_grus(tmp_path / "w.json")


def test_one_of_several_is_picked_by_name_and_an_lstm_beside_it_is_left_alone() -> None:
    lstm = {"lstm.weight_ih_l0": np.zeros((8, 3)), "lstm.weight_hh_l0": np.zeros((8, 2))}
    two = {
        f"{name}.{key}": array for name in "ab" for key, array in cell(Variant()).packed().items()
    }

    assert [found.name for found in grus_among(two | lstm)] == ["a", "b"]
    assert [found.name for found in grus_among(two, name="b")] == ["b"]
    with pytest.raises(ValueError, match="no GRU called 'c': it has 'a', 'b'"):
        grus_among(two, name="c")
    with pytest.raises(
        ValueError, match=r"shape \(8, 2\), that is 8 rows of gates .* 3H = 6: an LSTM has four"
    ):
        grus_among(lstm)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weight_ih": np.zeros((6, 3, 1), "f4")},
            r"weight_ih has shape \(6, 3, 1\), expected \(3H, I\) with H=2",
        ),
        (
            {"bias_ih": np.zeros(5, "f4")},
            r"bias_ih has shape \(5,\), expected \(3H,\) = \(6,\) with H=2, I=3",
        ),
        ({"weight_hh": np.zeros(6, "f4")}, r"weight_hh has shape \(6,\), expected two axes"),
        ({"weight_hh": np.zeros((6, 2), "i1")}, "weight_hh has dtype int8"),
        ({"bias_ih": np.float32(1)}, "bias_ih is a single number"),
        (
            {"weight_ih": np.full((6, 3), np.nan, "f4")},
            r"weight_ih\[0, 0\] is nan: every entry must be finite",
        ),
    ],
)
def test_catches_arrays_that_do_not_fit_with_their_shapes(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        grus_among(cell(Variant()).packed() | changes)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"a": np.zeros((2, 3))},
            r"has no parameters of a GRU under names as .* it has a \(2, 3\)",
        ),
        ({}, "it has no arrays"),
        (
            {"W": np.zeros((6, 3)), "R": np.zeros((1, 6, 2))},
            r"W has shape \(6, 3\), expected \(D, 3H, I\)",
        ),
        ({"W": np.zeros((2, 6, 3)), "R": np.zeros((1, 6, 2))}, "different numbers of directions"),
        (
            {"weight_ih_l0": np.zeros((6, 3)), "weight_hh_l1": np.zeros((6, 2))},
            "has no weight_hh in layer 0",
        ),
        (
            {f"{name}_l{k}": a for k in (0, 2) for name, a in cell(Variant()).packed().items()},
            r"lacks layer 1, direction 0 \(it has \(0, 0\), \(2, 0\)\)",
        ),
    ],
)
def test_catches_names_that_do_not_make_a_gru(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grus_among(arrays)


def test_an_array_is_picked_by_its_name_or_by_what_it_is_called(tmp_path: Path) -> None:
    file = str(saved(tmp_path / "run.npz", {"x": np.ones(1), "y": np.zeros(1)}))
    np.save(tmp_path / "one.npy", np.full(1, 5.0))

    assert array_of(file, ("inputs", "x"))[0] == 1
    assert array_of(f"{file}:y", ("inputs", "x"))[0] == 0
    assert array_of(str(tmp_path / "one.npy"), ("inputs",))[0] == 5
    with pytest.raises(BadFile, match=r"pick one as .*:NAME, or call one 'state'"):
        array_of(file, ("state",))
    with pytest.raises(BadFile, match="has no array 'z'"):
        array_of(f"{file}:z", ("state",))
    with pytest.raises(BadFile, match="No such file"):
        read_arrays(tmp_path / "nothing.npz")


def test_pytorchs_names_may_be_short() -> None:
    """As g2p_en has them."""
    one = cell(Variant())
    short = {"weight_ih": "w_ih", "weight_hh": "w_hh", "bias_ih": "b_ih", "bias_hh": "b_hh"}
    arrays = {f"enc_{short[name]}": array for name, array in one.packed().items()}

    [found] = grus_among({**arrays, "enc_emb": np.zeros((5, 3), np.float32)})

    assert (found.name, found.layout) == ("enc", "pytorch")
    assert np.array_equal(found.stack.cells[0][0].weight_hh, one.weight_hh)
    assert np.array_equal(found.stack.cells[0][0].bias_ih, one.bias_ih)
    with pytest.raises(ValueError, match="has no parameters of a GRU"):
        grus_among({f"enc{short[name]}": array for name, array in one.packed().items()})


def test_gates_under_names_of_their_own_are_told_how_to_be_packed(tmp_path: Path) -> None:
    """What the message says to write is read."""
    random = np.random.default_rng(1)
    d = dict[str, NDArray]()
    for gate in "zrh":
        d[f"W_{gate}"] = random.normal(size=(2, 3))
        d[f"U_{gate}"] = random.normal(size=(3, 3))
        d[f"b_{gate}"] = random.normal(size=3)
    np.savez(tmp_path / "gates.npz", **d)

    with pytest.raises(BadFile) as caught:
        read_grus(tmp_path / "gates.npz")

    _, _, said = str(caught.value).partition("with these arrays in d, ")
    assert said.startswith("np.savez('packed.npz', weight_ih=np.concatenate([d['W_r'].T, ")
    exec(said.replace("packed.npz", str(tmp_path / "packed.npz")), {"np": np, "d": d})
    [gru] = read_grus(tmp_path / "packed.npz")
    assert (gru.stack.hidden_size, gru.stack.input_size) == (3, 2)
    np.testing.assert_array_equal(gru.stack.cells[0][0].weight_ih[:3], d["W_r"].T)


def test_names_that_say_nothing_are_told_what_to_be(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", one=np.zeros((9, 2)), two=np.zeros((9, 3)))

    with pytest.raises(BadFile, match=r"name them weight_ih \(3H, I\), weight_hh \(3H, H\)"):
        read_grus(tmp_path / "x.npz")
