"""TFLite files in LiteRT: one that Keras 3 made once, and with TensorFlow more of them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify.cell import Cell, Stack
from gruverify.models import BadFile, Gru, read_grus
from gruverify.runtimes import FileResult, Given, Whole, check_file

pytest.importorskip("ai_edge_litert")
DATA = Path(__file__).parents[1] / "data"


def checked(file: Path, gru: Gru, named: dict[str, str] | None = None, **more: Any) -> FileResult:
    """What becomes of a file in LiteRT."""
    whole = Whole(gru, named or {}, batch_first=True)
    return check_file(str(file), "litert", whole=whole, **more)


def kept() -> Gru:
    """The weights of the file that is kept here."""
    [gru] = read_grus(DATA / "gru.npz", layout="keras")
    return gru


def test_a_while_of_keras_conforms_and_its_fixed_sizes_are_obeyed() -> None:
    mine = Given("mine", np.ones((4, 2, 3)))

    found = checked(DATA / "gru.tflite", kept(), recorded=[mine])

    [part] = found.nodes
    assert found.verdict == "conforms"
    assert set(found.versions) == {"ai-edge-litert"}
    assert found.stored["float32"] >= 4
    assert "it has further graphs, as a WHILE has" in found.notes[0]
    assert part.judged[0].given.about == "mine"
    assert {tuple(one.given.sizes.values()) for one in part.judged} == {(4, 2)}
    assert all(one.ruling is not None and one.ruling.claimed for one in part.judged)
    with pytest.raises(ValueError, match="with T=4, which the file fixes"):
        checked(DATA / "gru.tflite", kept(), recorded=[Given("mine", np.ones((5, 2, 3)))])


def test_catches_weights_of_another_model() -> None:
    gru = kept()
    cell = gru.stack.cells[0][0]
    packed = {**cell.packed(), "bias_hh": 0 * cell.packed()["bias_hh"]}
    other = replace(gru, stack=Stack(((Cell(cell.variant, **packed),),)))

    found = checked(DATA / "gru.tflite", other)

    assert found.verdict == "falsified"
    assert found.nodes[0].witness is not None


@pytest.mark.parametrize("length", [0, 8, 4000])
def test_a_damaged_file_is_one_line(length: int, tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes((DATA / "gru.tflite").read_bytes()[:length])

    with pytest.raises(BadFile, match="is not a TFLite model, or a damaged one"):
        checked(tmp_path / "a.tflite", kept())


MODEL = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
x, h = (keras.Input(shape, batch_size=BATCH) for shape in ((6, 5), (8,)))
gru = keras.layers.GRU(8, bias_initializer="random_normal", OPTIONS)
layer = keras.layers.Bidirectional(gru) if BOTH else gru
model = keras.Model([x, h], layer(x, initial_state=h)) if STATE else keras.Model(x, layer(x))
model.save_weights("model.weights.h5")
convert = tf.lite.TFLiteConverter.from_keras_model(model)
if STORED:
    convert.optimizations = [tf.lite.Optimize.DEFAULT]
if STORED == "float16":
    convert.target_spec.supported_types = [tf.float16]
if STORED == "int8":
    draw = np.random.default_rng(0).normal
    convert.representative_dataset = lambda: ([draw(size=(2, 6, 5)).astype("f4")] for _ in range(9))
    convert.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    convert.inference_input_type = convert.inference_output_type = tf.int8
open("model.tflite", "wb").write(convert.convert())
"""


def made(
    folder: Path,
    options: str = "",
    *,
    batch: int | None = 2,
    both: bool = False,
    state: bool = False,
    stored: str = "",
) -> Gru:
    """Write model.tflite with one GRU of Keras, in TensorFlow's own process; its weights."""
    for package in ("keras", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}: tox -e world-far")
    text = MODEL.replace("OPTIONS", options)
    for name, value in {"BATCH": batch, "BOTH": both, "STATE": state, "STORED": stored}.items():
        text = text.replace(name, repr(value))
    subprocess.run([sys.executable, "-c", text], cwd=folder, check=True, capture_output=True)
    before = "reset_after=False" in options
    [gru] = read_grus(folder / "model.weights.h5", reset="before" if before else None)
    return gru


SEQUENCES = "return_sequences=True"


@pytest.mark.parametrize(
    ("options", "more", "how"),
    [
        (SEQUENCES, {}, "WHILE"),
        (f"{SEQUENCES}, return_state=True", {}, "WHILE"),
        ("", {}, "WHILE"),
        (SEQUENCES, {"both": True}, "WHILE"),
        (SEQUENCES, {"state": True}, "WHILE"),
        (f"{SEQUENCES}, unroll=True", {}, "steps one by one"),
        (f"{SEQUENCES}, unroll=True", {"batch": None}, "steps one by one"),
        (f"{SEQUENCES}, reset_after=False", {}, "WHILE"),
    ],
)
def test_what_keras_makes_of_a_gru_conforms(
    options: str, more: dict[str, Any], how: str, tmp_path: Path
) -> None:
    gru = made(tmp_path, options, **more)

    found = checked(tmp_path / "model.tflite", gru)

    assert found.verdict == "conforms"
    assert how in found.notes[0]
    sizes = {one.given.sizes["B"] for one in found.nodes[0].judged}
    assert sizes >= {1, 2, 33} if more.get("batch", 2) is None else sizes == {2}


def test_catches_the_other_side_of_the_reset(tmp_path: Path) -> None:
    gru = made(tmp_path, f"{SEQUENCES}, reset_after=False, use_bias=False")
    cell = gru.stack.cells[0][0]
    after = Cell(replace(cell.variant, reset="after"), **cell.packed())

    found = checked(tmp_path / "model.tflite", replace(gru, stack=Stack(((after,),))))

    [part] = found.nodes
    assert part.witness is not None
    assert part.witness.ruling is not None
    assert part.witness.ruling.cause is not None
    assert part.witness.ruling.cause.words == "reset gate applied before the product"


def test_weights_that_are_stored_in_float16_are_told_and_judged_as_such(tmp_path: Path) -> None:
    gru = made(tmp_path, SEQUENCES, stored="float16")

    found = checked(tmp_path / "model.tflite", gru)

    assert found.verdict == "inconclusive"
    assert "float16" in found.stored
    assert "of half precision (float16)" in found.notes[1]
    rulings = [one.ruling for one in found.nodes[0].judged if one.ruling is not None]
    causes = {ruling.cause.words for ruling in rulings if ruling.cause is not None}
    assert causes == {"weights that were rounded to float16"}
    cell = gru.stack.cells[0][0]
    half = Cell(cell.variant, **{k: a.astype(np.float16) for k, a in cell.packed().items()})
    stored = replace(gru, stack=Stack(((half,),)))
    assert checked(tmp_path / "model.tflite", stored).verdict == "conforms"


def test_a_model_that_is_quantised_from_its_inputs_on_is_refused(tmp_path: Path) -> None:
    gru = made(tmp_path, f"{SEQUENCES}, unroll=True", stored="int8")

    with pytest.raises(ValueError, match="quantised from its inputs on is not judged"):
        checked(tmp_path / "model.tflite", gru)
