#!/bin/sh
# onnx 1.23.2: the reference evaluator of GRU takes sequence_lens and clip, and heeds neither.
#
# The operator says that sequence_lens has the lengths of the sequences in a batch. The reference evaluator, which
# other runtimes are compared with, ignores it without a word: outputs behind a member's length and its last state Y_h
# are those of the whole sequence, and the reverse direction begins in the padding.
#
# Seen: with lengths of 1 and 3 in three steps both outputs are what they are without sequence_lens, bit by bit, and the
# last state of the first member is not that of its one step. With clip=0.5 they are what they are without it; from zeros no
# state can then pass tanh(0.5) = 0.462, and some do.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__)
assert onnx.__version__ == "1.23.2"
draw = np.random.default_rng(0)
X, W, R, B = (draw.normal(size=size).astype("float32") for size in ((3, 2, 4), (2, 15, 4), (2, 15, 5), (2, 30)))


def run(given, **attributes):
    names = [name if name in given else "" for name in ("X", "W", "R", "B", "sequence_lens")]
    node = helper.make_node("GRU", names, ["Y", "Y_h"], hidden_size=5, direction="bidirectional", **attributes)
    kinds = {name: TensorProto.INT32 if name == "sequence_lens" else TensorProto.FLOAT for name in given}
    inputs = [helper.make_tensor_value_info(name, kind, given[name].shape) for name, kind in kinds.items()]
    (T, batch, _), (directions, _, H) = given["X"].shape, given["R"].shape
    shapes = {"Y": (T, directions, batch, H), "Y_h": (directions, batch, H)}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph([node], "gru", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    onnx.checker.check_model(model)
    return ReferenceEvaluator(model).run(None, given)


weights = {"W": W, "R": R, "B": B}
ragged = run({"X": X, **weights, "sequence_lens": np.array([1, 3], "int32")})
dense = run({"X": X, **weights})
alone = run({"X": X[:1, :1], **weights})
same = all(np.array_equal(one, other) for one, other in zip(ragged, dense))
off = float(np.abs(ragged[1][:, :1] - alone[1]).max())
print("the answers with and without sequence_lens are the same:", same)
print(f"the last state of the member of one step is off by {off:.3g}")
assert same and off > 0.1, "the behaviour has changed"
clipped = run({"X": X, **weights}, clip=0.5)
same = all(np.array_equal(one, other) for one, other in zip(clipped, dense))
most = float(np.abs(clipped[0]).max())
print(f"the answers with and without clip=0.5 are the same: {same}; the largest state is {most:.3g}")
assert same and most > np.tanh(0.5), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
