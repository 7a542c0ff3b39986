"""Keras' files and Flax' msgpack, as these libraries write them; what is not modelled is
refused.
"""

from __future__ import annotations

import io
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Variant
from gruverify.arithmetic import functions_named
from gruverify.models import BadFile, read_arrays, read_grus

FUZZ = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "reader_fuzz.py"))


def refused(file: Path, **options: Any) -> str:
    """The one line that says why a file is not read."""
    with pytest.raises(BadFile) as wrong:
        read_grus(file, **options)
    assert "\n" not in str(wrong.value)
    return str(wrong.value)


def keras(
    path: Path,
    config: dict[str, Any],
    *,
    bias: bool = True,
    name: str = "encoder",
    **metadata: str,
) -> Path:
    """A .keras file with one GRU of that name."""
    h5py = pytest.importorskip("h5py")
    data = io.BytesIO(FUZZ["_weights_h5"](FUZZ["weights"]()))
    with h5py.File(data, "r+") as file:
        file["layers/gru/vars"].attrs["name"] = name
        if not bias:
            del file["layers/gru/cell/vars/2"]
    path.write_bytes(FUZZ["keras_file"](data.getvalue(), config, **metadata))
    return path


def test_a_layer_has_its_own_name_and_the_configuration_says_the_side(tmp_path: Path) -> None:
    file = keras(tmp_path / "m.keras", FUZZ["keras_config"](reset_after=False), bias=False)

    [found] = read_grus(file)

    assert (found.name, found.stack.variant) == ("encoder/gru_cell", Variant("before", bias=False))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"activation": "gelu"},
            "encoder/gru_cell has activation='gelu', which is not modelled here: sigmoid, tanh,",
        ),
        (
            {"recurrent_activation": {"class_name": "HardSigmoid"}},
            "encoder/gru_cell has recurrent_activation='HardSigmoid', which is not modelled here",
        ),
        (
            {"recurrent_activation": "hard_sigmoid"},
            "whose slope is 0.2 in Keras 2 and 1/6 in Keras 3, and the file has no version",
        ),
        (
            {"activation": "relu"},
            "encoder/gru_cell has sigmoid and relu, which judge and check model alone",
        ),
        (
            {"go_backwards": True},
            "encoder/gru_cell has go_backwards=True: save its weights alone, model.save_weights(",
        ),
    ],
)
def test_catches_settings_of_keras_that_are_not_modelled(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    assert message in refused(keras(tmp_path / "m.keras", FUZZ["keras_config"](**settings)))


@pytest.mark.parametrize(
    ("version", "slope"), [("3.15.1", "1/6"), ("2.16.0", "0.2")], ids=["keras-3", "keras-2"]
)
def test_the_version_of_keras_says_which_hard_sigmoid(
    version: str, slope: str, tmp_path: Path
) -> None:
    config = FUZZ["keras_config"](recurrent_activation="hard_sigmoid", activation=None)
    file = keras(tmp_path / "m.keras", config, keras_version=version)

    [found] = read_grus(file, attributes=True)

    assert found.activations == functions_named((f"hard_sigmoid({slope}, 0.5)", "linear"))


def test_catches_a_backward_half_that_is_not_modelled(tmp_path: Path) -> None:
    gru = FUZZ["keras_config"](activation="gelu")["config"]["layers"][0]
    config = {"class_name": "Bidirectional", "config": {"name": "both", "backward_layer": gru}}

    assert "has activation='gelu'" in refused(keras(tmp_path / "m.keras", config))


def test_halves_of_bidirectional_run_both_ways_if_their_names_pair_them(tmp_path: Path) -> None:
    def half(name: str) -> Path:
        gru = FUZZ["keras_config"](go_backwards=True, name=name)["config"]["layers"][0]
        config = {"class_name": "Bidirectional", "config": {"name": "both", "backward_layer": gru}}
        return keras(tmp_path / "m.keras", config, name=name)

    assert len(read_grus(half("backward_encoder"))) == 1
    # Under a name of its own it would be read as one that runs forward.
    assert "mine/gru_cell has go_backwards=True" in refused(half("mine"))


def hdf5(fill: Any, **options: Any) -> bytes:
    """An HDF5 file that a function fills."""
    h5py = pytest.importorskip("h5py")
    data = io.BytesIO()
    with h5py.File(data, "w", **options) as file:
        fill(file)
    return data.getvalue()


def test_every_dataset_of_numbers_is_read_as_h5py_reads_it(tmp_path: Path) -> None:
    given = {f"g/x{k % 9}/a{k}": np.arange(k, dtype="f8").reshape(-1, 1) for k in range(99)}
    given |= {"half": np.float16([1, 2]), "big": np.array([1, 2], ">f4"), "one": np.float32(3)}
    given |= {"whole": np.arange(3, dtype="i4"), "byte": np.arange(3, dtype="u1")}

    def fill(file: Any) -> None:
        for name, array in given.items():
            file[name] = array
        file["text"], file["link"] = "text", file["half"]

    (tmp_path / "w.h5").write_bytes(hdf5(fill))

    found = read_arrays(tmp_path / "w.h5")

    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], array) for name, array in given.items())
    assert found["big"].dtype.isnative


@pytest.mark.parametrize(
    ("options", "dataset", "message"),
    [
        ({}, {"chunks": (2,)}, "w is stored in chunks, or compressed: save the arrays again"),
        ({}, {"compression": "gzip"}, "w is stored in chunks, or compressed"),
        ({"libver": "latest"}, {}, "is HDF5 with a superblock of version 3"),
        ({"track_order": True}, {}, "is HDF5 with a header of another version than 1"),
    ],
)
def test_catches_hdf5_of_other_kinds(
    options: dict[str, Any], dataset: dict[str, Any], message: str, tmp_path: Path
) -> None:
    def fill(file: Any) -> None:
        file.create_dataset("w", data=np.ones(4, "f4"), **dataset)

    (tmp_path / "w.h5").write_bytes(hdf5(fill, **options))

    assert message in refused(tmp_path / "w.h5")


def test_catches_bfloat16_with_the_high_byte_first(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    numbers = np.array([1.0, 2.5], "f4")

    def saved(order: Any) -> Path:
        kind = order.copy()
        kind.set_fields(15, 7, 8, 0, 7)
        kind.set_ebias(127)

        def fill(file: Any) -> None:
            space, every = h5py.h5s.create_simple((2,)), h5py.h5s.ALL
            dataset = h5py.h5d.create(file.id, b"w", kind, space)
            dataset.write(every, every, numbers, h5py.h5t.NATIVE_FLOAT)

        path = tmp_path / "w.h5"
        path.write_bytes(hdf5(fill))
        return path

    assert read_arrays(saved(h5py.h5t.IEEE_F16LE))["w"].astype("f4").tolist() == [1.0, 2.5]
    assert "is HDF5 with bfloat16, the high byte first" in refused(saved(h5py.h5t.IEEE_F16BE))


def test_a_layer_of_many_weights_is_no_cell_beyond_its_third(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file["layers/own/vars/0"], file["layers/own/vars/1"] = np.ones((3, 6)), np.ones((2, 6))
        for number in range(2, 14):
            file[f"layers/own/vars/{number}"] = np.full(6, float(number))

    (tmp_path / "m.weights.h5").write_bytes(hdf5(fill))

    found = read_arrays(tmp_path / "m.weights.h5")

    assert list(found)[:2] == ["own/kernel", "own/recurrent_kernel"]
    assert [found[f"own/vars/{number}"][0] for number in (3, 10, 12)] == [3.0, 10.0, 12.0]


def test_catches_hdf5_that_is_cut_or_claims_more_than_it_stores(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file.create_dataset("w", (10**12,), "f4")

    file, whole = tmp_path / "w.h5", hdf5(fill)
    file.write_bytes(whole)

    assert "w claims shape (1000000000000,) of float32" in refused(file)
    for length in (9, 60, 100, len(whole) - 400):
        file.write_bytes(whole[:length])
        assert "HDF5" in refused(file)


def test_other_files_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")

    def fill(file: Any) -> None:
        file["w"] = np.ones(2, "f4")
        file["soft"] = h5py.SoftLink("/w")

    def outside(file: Any) -> None:
        file.create_dataset("w", (2,), "f4", external=[("secret.bin", 0, 8)])

    (tmp_path / "a.h5").write_bytes(hdf5(fill))
    (tmp_path / "b.h5").write_bytes(hdf5(outside))

    assert list(read_arrays(tmp_path / "a.h5")) == ["w"]
    assert "w is in another file: save the weights in one file" in refused(tmp_path / "b.h5")


def flax(cell: Any) -> dict[str, Any]:
    """The parameters of flax.linen.RNN over a cell of two units and three inputs."""
    rng = np.random.default_rng(0)
    leaves = {f"i{gate}": {"kernel": rng.normal(size=(3, 2)), "bias": np.ones(2)} for gate in "rzn"}
    leaves |= {f"h{gate}": {"kernel": rng.normal(size=(2, 2))} for gate in "rz"}
    leaves["hn"] = {"kernel": rng.normal(size=(2, 2)), "bias": np.ones(2)}
    return {"params": {cell: leaves}, "step": 3}


def test_flax_parameters_are_read_from_msgpack(tmp_path: Path) -> None:
    given = flax("GRUCell_0")
    (tmp_path / "p").write_bytes(FUZZ["packed"](given))

    [found] = read_grus(tmp_path / "p")

    assert (found.name, found.layout) == ("params/GRUCell_0", "flax")
    assert found.stack.variant == Variant(biases="input+candidate")
    kernel = given["params"]["GRUCell_0"]["ir"]["kernel"]
    assert np.array_equal(found.stack.cells[0][0].weight_ih[:2], kernel.T)


def test_an_array_in_chunks_is_put_together(tmp_path: Path) -> None:
    whole = np.arange(6, dtype="f4")
    chunked = {
        "__msgpack_chunked_array__": 1,
        "shape": {"0": 3, "1": 2},
        "chunks": {"0": whole[:4], "1": whole[4:]},
    }
    (tmp_path / "p").write_bytes(FUZZ["packed"]({"w": chunked}))

    assert np.array_equal(read_arrays(tmp_path / "p")["w"], whole.reshape(3, 2))


def test_chunks_are_read_by_their_numbers_whatever_order_the_map_has(tmp_path: Path) -> None:
    whole = np.arange(6, dtype="f4")
    chunked: dict[str, Any] = {
        "__msgpack_chunked_array__": 1,
        "shape": {"1": 2, "0": 3},
        "chunks": {"1": whole[4:], "0": whole[:4]},
    }
    (tmp_path / "p").write_bytes(FUZZ["packed"]({"w": chunked}))
    (tmp_path / "q").write_bytes(FUZZ["packed"]({"w": {**chunked, "shape": {"a": 3, "b": 2}}}))

    assert np.array_equal(read_arrays(tmp_path / "p")["w"], whole.reshape(3, 2))
    assert "w is in parts that are not numbered: a, b" in refused(tmp_path / "q")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"\xdf\xff\xff\xff\xff", "is truncated, or claims more than", id="entries"),
        pytest.param(b"\x81\xa1w\xc6\xff\xff\xff\xff", "4294967295 bytes at byte 8", id="bytes"),
        pytest.param(b"\x81\xa1w" * 40 + b"\x01", "more than 24 deep", id="deep"),
        pytest.param(b"\x81\xa1w\xc1", "byte 0xc1 at 3 begins no value", id="reserved"),
        pytest.param(b"\x81\xa1w\x01\x01", "it ends at byte 4 of its value", id="more"),
        pytest.param(b"\x82\xa1w\x01\x90\x01", "has a list for the name in a map", id="key"),
        pytest.param(
            b"\x81\xa1w\xc7\x01\x01\x01", "w is not an array as Flax writes them", id="array"
        ),
        pytest.param(b"\x81\xa1w\x01", "has no parameters of a GRU", id="none"),
    ],
)  # fmt: skip
def test_catches_msgpack_that_lies(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(data)

    assert message in refused(tmp_path / "p")


def test_an_onnx_node_that_runs_backward_is_read_as_such(tmp_path: Path) -> None:
    tensors = [
        FUZZ["onnx_tensor"](name, np.ones((1, 6, size), "f4"))
        for name, size in (("w", 3), ("r", 2))
    ]
    node = FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "y", direction=b"reverse")
    clipped = FUZZ["onnx_node"]("GRU", ["x", "w", "r"], "z", output_sequence=1)
    (tmp_path / "a.onnx").write_bytes(FUZZ["onnx_model"]([node, clipped], tensors))

    [found] = read_grus(tmp_path / "a.onnx", name="gru_of_y")

    assert found.backward
    assert "1 layer, backward, float32" in str(found)
    assert "(others are read by name: --gru)" in refused(tmp_path / "a.onnx")
