#!/bin/sh
# mnn 3.6.1: an ONNX GRU with linear_before_reset=0, the operator's default, is converted into a formula that ONNX does not have.
#
# As ONNX has it the candidate is tanh(W x + b + R (r∘h) + c), or with linear_before_reset=1 tanh(W x + b + r∘(R h + c)). The converter
# makes tanh(W x + b + r∘(R h) + c) of the former, without a word: the reset gate is applied after the product. linear_before_reset=1 is
# right, in both directions. sequence_lens is taken and not heeded: every member runs through all steps. With the converter's option
# --useOriginRNNImpl the default formula is right, but Y_h of the backward direction is not the state that the sequence ends in.
#
# Seen: linear_before_reset=0 off by 0.59, and by 1e-7 from the third formula; sequence_lens the same as without it; with
# --useOriginRNNImpl Y right, Y_h of the backward direction off by 0.46.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mnn==3.6.1 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os
import tempfile
from importlib.metadata import version

import _tools
import MNN
import numpy as np
import onnx
from onnx import TensorProto, helper

print("mnn", version("mnn"))
assert version("mnn") == "3.6.1"

draw = np.random.default_rng(0)
T, N, I, H = 4, 2, 3, 5
X = draw.normal(size=(T, N, I)).astype("float32")
W, R, B = (draw.normal(size=size).astype("float32") for size in ((2, 3 * H, I), (2, 3 * H, H), (2, 6 * H)))


def run(D, lbr, lengths=None, option=()):
    """Y and Y_h of MNN."""
    given = {"W": W[:D], "R": R[:D], "B": B[:D]}
    given |= {} if lengths is None else {"sequence_lens": np.array(lengths, "int32")}
    direction = ("forward", "bidirectional")[D - 1]
    node = helper.make_node("GRU", ["X", *given], ["Y", "Y_h"], hidden_size=H, linear_before_reset=lbr, direction=direction)
    shapes = {"Y": (T, D, N, H), "Y_h": (D, N, H)}
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, X.shape)]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in given.items()]
    graph = helper.make_graph([node], "gru", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    with tempfile.TemporaryDirectory() as folder:
        read, written = os.path.join(folder, "gru.onnx"), os.path.join(folder, "gru.mnn")
        onnx.save(made, read)
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", read, "--MNNModel", written, "--bizCode", "gru", *option])
        module = MNN.nn.load_module_from_file(written, ["X"], ["Y", "Y_h"])
    return [np.array(each.read()) for each in module.forward([MNN.expr.const(X, list(X.shape), MNN.expr.NCHW, MNN.expr.float)])]


def candidate(lbr):
    """What the recurrent weights and bias add to the candidate, by the operator's formulas and by a third one."""
    return {
        0: lambda r, h, R_h, c: (r * h) @ R_h.T + c,
        1: lambda r, h, R_h, c: r * (h @ R_h.T + c),
        "third": lambda r, h, R_h, c: r * (h @ R_h.T) + c,
    }[lbr]


def right(D, lbr):
    """Y and Y_h in float64."""
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    Y, last = np.zeros((T, D, N, H)), np.zeros((D, N, H))
    for d in range(D):
        (w_z, w_r, w_h), (r_z, r_r, r_h) = np.split(W[d].astype(float), 3), np.split(R[d].astype(float), 3)
        b_z, b_r, b_h, c_z, c_r, c_h = np.split(B[d].astype(float), 6)
        for t in reversed(range(T)) if d else range(T):
            x, h = X[t].astype(float), last[d]
            z = sigmoid(x @ w_z.T + h @ r_z.T + b_z + c_z)
            r = sigmoid(x @ w_r.T + h @ r_r.T + b_r + c_r)
            n = np.tanh(x @ w_h.T + b_h + candidate(lbr)(r, h, r_h, c_h))
            last[d] = Y[t, d] = (1 - z) * n + z * h
    return Y, last


def off(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one, other))


after, before = run(2, 1), run(1, 0)
lens, old = run(1, 1, [4, 2]), run(2, 0, option=["--useOriginRNNImpl"])
print(f"linear_before_reset=1: off by {off(after, right(2, 1)):.2g}")
print(f"linear_before_reset=0: off by {off(before, right(1, 0)):.2g}, by {off(before, right(1, 'third')):.2g} from the third formula")
print(f"sequence_lens: off by {off(lens, right(1, 1)):.2g} from a run without it")
Y, last = right(2, 0)
print(f"--useOriginRNNImpl: Y off by {off([old[0]], [Y]):.2g}, Y_h of the backward direction by {np.abs(old[1] - last)[1].max():.2g}")
assert off(after, right(2, 1)) < 1e-5
assert off(before, right(1, 0)) > 0.1 and off(before, right(1, "third")) < 1e-5, "the behaviour has changed"
assert off(lens, right(1, 1)) < 1e-5, "the behaviour has changed"
assert off([old[0]], [Y]) < 1e-5 and np.abs(old[1] - last)[1].max() > 0.1, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
