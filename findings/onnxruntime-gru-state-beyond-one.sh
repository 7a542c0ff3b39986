#!/bin/sh
# onnxruntime 1.32.0 on the CPU: the state of a GRU in float32 leaves [-1, 1].
#
# A state is between the candidate, which is a tanh, and the state before it: from 0 it can never leave [-1, 1], however
# it is rounded. ONNX Runtime's tanh inside the GRU is a rational function that passes 1 near 10; its operator Tanh is within
# [-1, 1].
#
# Seen: with all weights but the candidate's 0, a candidate's argument of about 10 and the update gate shut, states above 1, up
# to 1.0000006; NumPy's tanh of the same arguments is at most 1.
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
members = 4096
X = np.linspace(0, 20, members, dtype="float32")[None, :, None]
W, R, B = np.zeros((1, 3, 1), "float32"), np.zeros((1, 3, 1), "float32"), np.zeros((1, 6), "float32")
W[0, 2] = 1  # the candidate is tanh(x)
B[0, 0] = -200  # the update gate is shut: the state is the candidate
given = {"X": X, "W": W, "R": R, "B": B}
node = helper.make_node("GRU", list(given), ["Y"], hidden_size=1)
inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in given.items()]
outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (1, 1, members, 1))]
graph = helper.make_graph([node], "gru", inputs, outputs)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
states = session.run(None, given)[0].ravel()
beyond = states > 1
print(f"{beyond.sum()} of {members} states are above 1, the largest {states.max():.9g} at {X.ravel()[states.argmax()]:.4g}")
print("NumPy's tanh of the same numbers is at most", np.tanh(X).max())
assert beyond.any() and states.max() < 1.00001, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
