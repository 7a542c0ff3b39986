"""ONNX models whose GRU is not a node, and such of several nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
H, I = 4, 3
_RNG = np.random.default_rng(0)
_SHAPES = {
    "weight_ih": (3 * H, I),
    "weight_hh": (3 * H, H),
    "bias_ih": (3 * H,),
    "bias_hh": (3 * H,),
}
#: In PyTorch's layout, and what the models below take them for.
WEIGHTS = {name: _RNG.uniform(-0.5, 0.5, shape).astype("f4") for name, shape in _SHAPES.items()}
_CONSTANTS = {
    "W": WEIGHTS["weight_ih"].T,
    "U": WEIGHTS["weight_hh"].T,
    "b": WEIGHTS["bias_ih"],
    "c": WEIGHTS["bias_hh"],
    "one": np.float32(1),
    "split": np.array([H] * 3),
}


def value(name: str, *shape: Any) -> Any:
    """An input or output of float32."""
    return helper.make_tensor_value_info(name, 1, shape)


def step(x: str, h: str, out: str, at: str = "") -> list[Any]:
    """A step of a GRU that resets after the product."""

    def node(kind: str, inputs: str, outputs: str, **attributes: int) -> Any:
        own = [
            name if name in _CONSTANTS or name in (x, h) else at + name for name in inputs.split()
        ]
        made = [name if name == out else at + name for name in outputs.split()]
        return helper.make_node(kind, own, made, **attributes)

    return [
        node("MatMul", f"{x} W", "xW"),
        node("Add", "xW b", "gi"),
        node("MatMul", f"{h} U", "hU"),
        node("Add", "hU c", "gh"),
        node("Split", "gi split", "ir iz in", axis=-1),
        node("Split", "gh split", "hr hz hn", axis=-1),
        node("Add", "ir hr", "ar"),
        node("Sigmoid", "ar", "r"),
        node("Add", "iz hz", "az"),
        node("Sigmoid", "az", "z"),
        node("Mul", "r hn", "rn"),
        node("Add", "in rn", "an"),
        node("Tanh", "an", "n"),
        node("Sub", "one z", "rest"),
        node("Mul", "rest n", "new"),
        node("Mul", f"z {h}", "old"),
        node("Add", "new old", out),
    ]


def scan(path: Path) -> Path:
    """Time first: x, h0 → y, hn."""
    last = helper.make_node("Identity", ["h_out"], ["y_t"])
    body = helper.make_graph(
        [*step("x_t", "h_in", "h_out"), last],
        "body",
        [value("h_in", "B", H), value("x_t", "B", I)],
        [value("h_out", "B", H), value("y_t", "B", H)],
    )
    node = helper.make_node("Scan", ["h0", "x"], ["hn", "y"], num_scan_inputs=1, body=body)
    outputs = [value("y", "T", "B", H), value("hn", "B", H)]
    return _saved(path, [node], [value("x", "T", "B", I), value("h0", "B", H)], outputs)


def loop(path: Path) -> Path:
    """Time first: x, h0 → hn alone."""
    nodes = [
        helper.make_node("Gather", ["x", "i"], ["x_t"], axis=0),
        *step("x_t", "h_in", "h_out"),
        helper.make_node("Identity", ["go"], ["goes"]),
    ]
    scalars = [
        helper.make_tensor_value_info("i", 7, []),
        helper.make_tensor_value_info("go", 9, []),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [*scalars, value("h_in", "B", H)],
        [helper.make_tensor_value_info("goes", 9, []), value("h_out", "B", H)],
    )
    outer = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "first"], ["steps"], axis=0),
        helper.make_node("Loop", ["steps", "always", "h0"], ["hn"], body=body),
    ]
    more = {"always": np.array(True), "first": np.array(0)}
    inputs = [value("x", "T", "B", I), value("h0", "B", H)]
    return _saved(path, outer, inputs, [value("hn", "B", H)], **more)


def unrolled(path: Path, steps: int = 3) -> Path:
    """The batch first, and so many steps: x, h0 → y."""
    nodes, more, state = list[Any](), {"axis": np.array([1])}, "h0"
    for t in range(steps):
        more[f"k{t}"] = np.array(t)
        nodes.append(helper.make_node("Gather", ["x", f"k{t}"], [f"x{t}"], axis=1))
        nodes += step(f"x{t}", state, f"h{t + 1}", f"s{t}")
        state = f"h{t + 1}"
        nodes.append(helper.make_node("Unsqueeze", [state, "axis"], [f"y{t}"]))
    nodes.append(helper.make_node("Concat", [f"y{t}" for t in range(steps)], ["y"], axis=1))
    inputs = [value("x", "B", steps, I), value("h0", "B", H)]
    return _saved(path, nodes, inputs, [value("y", "B", steps, H)], **more)


def layers(path: Path, *, lengths: str = "") -> Path:
    """Two layers in both directions, as PyTorch exports them: x, h_0, h_1 → z."""
    nodes, constants = list[Any](), {"sizes": np.array([0, 0, -1])}
    for k, width in enumerate((I, 2 * H)):
        shapes = {"W": (2, 3 * H, width), "R": (2, 3 * H, H), "B": (2, 6 * H)}
        for leaf, shape in shapes.items():
            constants[f"{leaf}{k}"] = _RNG.uniform(-0.5, 0.5, shape).astype("f4")
        own = [("x", "t0")[k], f"W{k}", f"R{k}", f"B{k}", lengths, f"h_{k}"]
        outputs = [f"Y{k}", f"Y_h{k}"]
        attributes = {"direction": "bidirectional", "linear_before_reset": 1}
        nodes.append(helper.make_node("GRU", own, outputs, name=f"gru{k}", **attributes))
        nodes.append(helper.make_node("Transpose", [f"Y{k}"], [f"p{k}"], perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", [f"p{k}", "sizes"], [f"t{k}"]))
    inputs = [value("x", "T", "B", I), value("h_0", 2, "B", H), value("h_1", 2, "B", H)]
    if lengths:
        inputs.append(helper.make_tensor_value_info(lengths, 6, ["B"]))
    return _saved(path, nodes, inputs, [value("t1", "T", "B", 2 * H)], own=False, **constants)


def _saved(
    path: Path, nodes: list[Any], inputs: Any, outputs: Any, *, own: bool = True, **more: Any
) -> Path:
    constants = {**(_CONSTANTS if own else {}), **more}
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    graph = helper.make_graph(nodes, "model", inputs, outputs, tensors)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path
