#!/bin/sh
# openvino 2026.4.1: the attribute layout=1 of an ONNX GRU is ignored: batch and time change places.
#
# With layout=1 the operator reads X as (batch, time, input) and returns Y as (batch, time, directions, hidden). OpenVINO reads
# the model without a word and runs it as layout=0: members are taken for steps. Where there are as many members as
# steps even the shapes of the inputs are none the wiser, and the last state is that of another sequence.
#
# Seen: for X of (3, 3, 3) Y has shape (3, 1, 3, 5) instead of (3, 3, 1, 5), and its values are those of layout=0 for the
# same array.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
from io import BytesIO

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper

print("openvino", openvino.__version__)
assert openvino.__version__.startswith("2026.4.1")
draw = np.random.default_rng(0)
N = T = I = 3
H = 5
X, W, R, B = (draw.normal(size=size).astype("float32") for size in ((N, T, I), (1, 3 * H, I), (1, 3 * H, H), (1, 6 * H)))


def run(layout):
    node = helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=H, linear_before_reset=1, layout=layout)
    shape = (N, T, 1, H) if layout else (T, 1, N, H)
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, X.shape)]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, shape)]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in (("W", W), ("R", R), ("B", B))]
    graph = helper.make_graph([node], "gru", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    core = openvino.Core()
    read = core.read_model(BytesIO(made.SerializeToString()))
    return core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([X])[0]


batch_first, time_first = run(1), run(0)
print(f"layout=1: Y has shape {batch_first.shape}, declared as {(N, T, 1, H)}")
print("its values are those of layout=0:", np.array_equal(batch_first, time_first))
assert batch_first.shape == (T, 1, N, H) and np.array_equal(batch_first, time_first), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
