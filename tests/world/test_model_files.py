"""The GRUs of ONNX files in the runtimes of the world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gruverify.runtimes import FileResult, check_file

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


@pytest.mark.filterwarnings("ignore:overflow")  # of its exp, over the padding
def test_the_reference_runs_them_right_but_for_lengths(tmp_path: Path) -> None:
    right = checked(tmp_path, "onnx", "forward", linear_before_reset=1)
    wrong = checked(tmp_path, "onnx", "forward", "lengths", linear_before_reset=1)

    assert right.verdict == "conforms"
    assert wrong.verdict == "falsified"
    [node] = wrong.nodes
    assert node.witness is not None
    assert node.witness.trouble.startswith("Y_h of member")
