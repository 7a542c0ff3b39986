#!/bin/sh
# tract 0.23.9: an ONNX GRU with direction="reverse" runs forward, and activations and clip are not heeded.
#
# The model is taken without a word. direction="bidirectional" is right. layout=1 and sequence_lens are refused.
#
# Seen: with direction="reverse", with activations of HardSigmoid and Relu, and with clip, Y is bit by bit what it is without
# them; each is off by more than 0.1 from ONNX's reference evaluator (reverse) or from the formulas.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tract==0.23.9 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
from importlib.metadata import version

import numpy as np
import onnx
import tract
from onnx import TensorProto, helper

print("tract", version("tract"))
assert version("tract") == "0.23.9"
draw = np.random.default_rng(0)
T, N, I, H = 4, 2, 3, 5
X, W, R = (draw.normal(size=size).astype("float32") for size in ((T, N, I), (1, 3 * H, I), (1, 3 * H, H)))


def run(**attributes):
    node = helper.make_node("GRU", ["X", "W", "R"], ["Y"], hidden_size=H, linear_before_reset=1, **attributes)
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, X.shape)]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (T, 1, N, H))]
    weights = [onnx.numpy_helper.from_array(W, "W"), onnx.numpy_helper.from_array(R, "R")]
    graph = helper.make_graph([node], "gru", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "gru.onnx")
    return tract.onnx().load("gru.onnx").into_model().into_runnable().run([X])[0].to_numpy().copy()


def right(reverse=False, gate=lambda a: 1 / (1 + np.exp(-a)), candidate=np.tanh, clip=np.inf):
    (w_z, w_r, w_h), (r_z, r_r, r_h) = np.split(W[0].astype(float), 3), np.split(R[0].astype(float), 3)
    h, Y = np.zeros((N, H)), np.zeros((T, 1, N, H))
    for t in reversed(range(T)) if reverse else range(T):
        z, r = (gate(np.clip(X[t] @ w.T + h @ u.T, -clip, clip)) for w, u in ((w_z, r_z), (w_r, r_r)))
        n = candidate(np.clip(X[t] @ w_h.T + r * (h @ r_h.T), -clip, clip))
        h = Y[t, 0] = (1 - z) * n + z * h
    return Y


plain = run()
assert np.allclose(plain, right(), atol=1e-5)
hard = {"gate": lambda a: np.clip(0.2 * a + 0.5, 0, 1), "candidate": lambda a: np.maximum(a, 0)}
asked = {
    "reverse": (run(direction="reverse"), right(reverse=True)),
    "activations": (run(activations=["HardSigmoid", "Relu"]), right(**hard)),
    "clip": (run(clip=0.5), right(clip=0.5)),
}
for name, (found, expected) in asked.items():
    same, off = np.array_equal(found, plain), float(np.abs(found - expected).max())
    print(f"{name}: the same as without it: {same}; off by {off:.2g}")
    assert same and off > 0.1, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
