#!/bin/sh
# onnxruntime 1.32.0 on the CPU: the activation ThresholdedRelu of a GRU has the default 0, where the operator's is 1.
#
# Where activation_alpha is left out, ONNX says that the defaults are those of the operator of the same name: 1.0 for
# ThresholdedRelu. ONNX Runtime takes 0, so that the activation is Relu; its own operator ThresholdedRelu takes 1. With
# activation_alpha=[1.0] the GRU is right.
#
# Seen: without activation_alpha the same as with [0.0], with Relu too, and off by more than 0.1 from [1.0].
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

print("onnxruntime", onnxruntime.__version__)
assert onnxruntime.__version__ == "1.32.0"
onnxruntime.set_default_logger_severity(3)
draw = np.random.default_rng(0)
T, N, I, H = 4, 2, 3, 5
sizes = {"X": (T, N, I), "W": (1, 3 * H, I), "R": (1, 3 * H, H), "B": (1, 6 * H)}
given = {name: draw.normal(size=size).astype("float32") for name, size in sizes.items()}


def run(node, given, shape):
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in given.items()]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, shape)]
    graph = helper.make_graph([node], "one", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)[0]


def gru(activation, **attributes):
    names = {"hidden_size": H, "linear_before_reset": 1, "activations": ["Sigmoid", activation]}
    return run(helper.make_node("GRU", list(given), ["Y"], **names, **attributes), given, (T, 1, N, H))


operator = run(helper.make_node("ThresholdedRelu", ["X"], ["Y"]), {"X": given["X"]}, (T, N, I))
print("the operator's default is 1:", np.array_equal(operator, np.where(given["X"] > 1, given["X"], 0)))
left_out = gru("ThresholdedRelu")
zero, one = (gru("ThresholdedRelu", activation_alpha=[alpha]) for alpha in (0.0, 1.0))
print("left out, the GRU's is that of [0.0]:", np.array_equal(left_out, zero), "and Relu:", np.array_equal(left_out, gru("Relu")))
print(f"off [1.0] by {np.abs(left_out - one).max():.2g}")
assert np.array_equal(operator, np.where(given["X"] > 1, given["X"], 0))
assert np.array_equal(left_out, zero) and np.abs(left_out - one).max() > 0.1, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
