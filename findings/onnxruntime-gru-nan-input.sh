#!/bin/sh
# onnxruntime 1.32.0 on the CPU: a NaN in the input of GRU becomes a number, the state before it, if there are biases.
#
# A step whose input is NaN returns its initial state as if the update gate were 1, and the sequence goes on with
# finite numbers. Without the optional input B the answer is NaN. A
# NaN in the state stays NaN. So a model with biases hides that its input was broken.
#
# Seen: with B the state after the NaN is the one before it, bit by bit, and all later ones are finite; without B they
# are NaN.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

print("onnxruntime", onnxruntime.__version__)
assert onnxruntime.__version__ == "1.32.0"
draw = np.random.default_rng(0)
sizes = {"X": (3, 1, 4), "W": (1, 15, 4), "R": (1, 15, 5), "B": (1, 30), "initial_h": (1, 1, 5)}
given = {name: draw.normal(size=size).astype("float32") for name, size in sizes.items()}
given["X"][0, 0, 0] = np.nan


def run(given):
    names = [name if name in given else "" for name in ("X", "W", "R", "B", "sequence_lens", "initial_h")]
    node = helper.make_node("GRU", names, ["Y"], hidden_size=5, linear_before_reset=1)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in given.items()]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "gru", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)[0][:, 0, 0]


with_biases = run(given)
without = run({name: array for name, array in given.items() if name != "B"})
kept = np.array_equal(with_biases[0], given["initial_h"][0, 0])
print("with B: the state after the NaN is the one before it:", kept)
print("with B: numbers that are NaN:", int(np.isnan(with_biases).sum()), "of", with_biases.size)
print("without B: numbers that are NaN:", int(np.isnan(without).sum()), "of", without.size)
assert kept and not np.isnan(with_biases).any() and np.isnan(without).all(), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
