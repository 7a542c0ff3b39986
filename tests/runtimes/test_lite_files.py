"""TFLite files as they are judged: what the interpreter says of them is made up here, and what it
does in tests/world.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gruverify.backends import NumpyBackend, TargetUnavailable
from gruverify.cell import Cell, Stack, Variant
from gruverify.models import BadFile, Gru
from gruverify.runtimes import FileResult, Whole, check_file

H, I, T = 2, 3, 4
_RNG = np.random.default_rng(0)
_SHAPES = {
    "weight_ih": (3 * H, I),
    "weight_hh": (3 * H, H),
    "bias_ih": (3 * H,),
    "bias_hh": (3 * H,),
}
_WEIGHTS = {name: _RNG.uniform(-0.5, 0.5, shape).astype("f4") for name, shape in _SHAPES.items()}
STACK = Stack(((Cell(Variant(), **_WEIGHTS),),))


def port(name: str, *shape: int | None, type: str = "float32") -> Any:
    """An input or output, as the interpreter tells it."""
    return name, type, shape


X, Y = port("x:0", None, T, I), port("y:0", None, T, H)


def right(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Our formulas, whatever the model is."""
    xs = inputs["x:0"].swapaxes(0, 1)
    outputs, _ = NumpyBackend().stack(STACK, xs, None, None, False)
    return [outputs.swapaxes(0, 1)]


def forgetful(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Begins anew after two steps."""
    parts = np.split(inputs["x:0"], [2], axis=1)
    return [np.concatenate([right(model, {"x:0": part})[0] for part in parts], axis=1)]


@pytest.fixture
def details(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the interpreter says of any model."""
    told = SimpleNamespace(
        inputs=[X], outputs=[Y], stored=Counter({"float32": 3, "int32": 2}), loops=True
    )
    module = SimpleNamespace(details=lambda model: told)
    monkeypatch.setitem(sys.modules, "gruverify.backends.world._litert", module)
    return told


def checked(folder: Path, run: Any = right, **named: str) -> FileResult:
    """What becomes of a file in one of the runtimes here."""
    (folder / "a.tflite").write_bytes(b"whatever")
    whole = Whole(Gru("mine", "keras", STACK), named, batch_first=True)
    return check_file(
        str(folder / "a.tflite"),
        f"{__name__}:{run.__name__}",
        whole=whole,
        declared={"kappa_sigma": 5},
    )


def test_a_right_model_conforms_at_the_sizes_of_the_file(details: Any, tmp_path: Path) -> None:
    found = checked(tmp_path)

    [part] = found.nodes
    assert found.verdict == "conforms"
    assert (part.kind, part.outputs) == ("whole", ("y:0",))
    assert {one.given.sizes["T"] for one in part.judged} == {T}
    assert {one.given.sizes["B"] for one in part.judged} >= {1, 2, 33}
    assert found.stored == {"float32": 3, "int32": 2}
    assert found.notes == (
        "judged as a whole (it has further graphs, as a WHILE has), with sequence=x:0, outputs=y:0",
    )


@pytest.mark.slow
@pytest.mark.uncounted
def test_catches_a_model_that_begins_anew(details: Any, tmp_path: Path) -> None:
    found = checked(tmp_path, forgetful)

    [part] = found.nodes
    assert found.verdict == "falsified"
    assert part.witness is not None
    assert set(part.witness.arguments) == {"x:0"}
    assert part.witness.ruling is not None
    assert part.witness.ruling.first is not None
    assert part.witness.ruling.first.step == 2


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("int8", "parts of the file are quantised (int8), and the weights that it is held"),
        ("float16", "parts of the file are of half precision (float16), and the weights"),
    ],
)
def test_types_in_which_weights_are_stored_are_told(
    stored: str, words: str, details: Any, tmp_path: Path
) -> None:
    details.stored = Counter({stored: 3})

    assert checked(tmp_path).notes[1].startswith(words)


@pytest.mark.parametrize(
    ("inputs", "named", "words"),
    [
        ([port("x:0", 1, T, I, type="int8")], {}, "is quantised from its inputs on is not judged"),
        ([], {}, "none of the inputs none takes floating-point numbers"),
        (
            [X, port("v", None, T, I)],
            {},
            r"which of x:0 .*, v .* is not clear from the shapes: say --port",
        ),
        ([X, port("v", 7)], {}, r"input v \(float32, \[7\]\) is not a sequence, state or lengths"),
        ([port("x:0", None, T, 9)], {}, r"input x:0 \(float32, \[\?, 4, 9\]\) is not a sequence"),
        ([X, port("n", None, type="int32")], {"sequence": "n"}, "is not one of float16, bfloat16"),
        ([X], {"lengths": "x:0"}, "is not one of int32, int64"),
    ],
    ids=["int8", "none", "two", "strange", "wrong weights", "whole numbers", "no lengths"],
)
def test_catches_inputs_that_are_not_those_of_a_gru(
    inputs: list[Any], named: dict[str, str], words: str, details: Any, tmp_path: Path
) -> None:
    details.inputs = inputs

    with pytest.raises(ValueError, match=words):
        checked(tmp_path, **named)


def test_what_the_interpreter_does_not_read_is_one_line(
    details: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: bytes) -> Any:
        raise ValueError("no flatbuffer")

    whole = Whole(Gru("mine", "keras", STACK), {}, batch_first=True)
    with pytest.raises(BadFile, match=r"b\.tflite: No such file or directory"):
        check_file("b.tflite", f"{__name__}:right", whole=whole)
    module = SimpleNamespace(details=refuse)
    monkeypatch.setitem(sys.modules, "gruverify.backends.world._litert", module)
    with pytest.raises(BadFile, match="is not a TFLite model, or a damaged one: no flatbuffer"):
        checked(tmp_path)


def test_a_file_and_a_runtime_of_different_kinds_are_told() -> None:
    whole = Whole(Gru("mine", "keras", STACK), {}, batch_first=True)
    with pytest.raises(ValueError, match=r"onnxruntime runs .onnx files, and a.tflite is not one"):
        check_file("a.tflite", "onnxruntime", whole=whole)
    with pytest.raises(
        ValueError, match=r"litert runs .tflite files, and a.onnx is not one: .*tract"
    ):
        check_file("a.onnx", "litert")
    with pytest.raises(ValueError, match=r"a.tflite has no GRU nodes: check it as a whole, with"):
        check_file("a.tflite", "litert")


def test_litert_that_is_not_there_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.delitem(sys.modules, "gruverify.backends.world._litert", raising=False)
    whole = Whole(Gru("mine", "keras", STACK), {}, batch_first=True)

    with pytest.raises(TargetUnavailable, match=r"pip install ai-edge-litert==[\d.]+"):
        check_file("a.tflite", "litert", whole=whole)
