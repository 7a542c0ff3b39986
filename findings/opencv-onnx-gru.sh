#!/bin/sh
# opencv 5.0.0 (opencv-python-headless 5.0.0.93): an ONNX GRU is run as another one where it is not the usual one.
#
# Its dnn module takes the model without a word. direction="reverse" runs forward, sequence_lens is not heeded and clip is not
# applied; direction="bidirectional" is right. Y has all steps, Y_h the last one, and both are optional: a node that has both
# returns both, rightly, and a node that has Y alone, as in a model that reads all outputs of a GRU, returns Y_h in its place.
#
# Seen: reverse, sequence_lens and clip give what the node gives without them, and are off by more than 0.1; Y asked with Y_h:
# shape (4, 1, 2, 5); Y alone: shape (1, 2, 5), the values of the last state.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

print("opencv", cv2.__version__)
assert cv2.__version__ == "5.0.0"

draw = np.random.default_rng(0)
T, N, I, H = 4, 2, 3, 5
X, W, R, B = (draw.normal(size=size).astype("float32") for size in ((T, N, I), (1, 3 * H, I), (1, 3 * H, H), (1, 6 * H)))


def model(outputs=("Y", "Y_h"), lengths=None, **attributes):
    given = {"W": W, "R": R, "B": B} | ({} if lengths is None else {"sequence_lens": np.array(lengths, "int32")})
    node = helper.make_node("GRU", ["X", *given], [*outputs], hidden_size=H, linear_before_reset=1, **attributes)
    shapes = {"Y": (T, 1, N, H), "Y_h": (1, N, H)}
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, X.shape)]
    answers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs if name]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in given.items()]
    graph = helper.make_graph([node], "gru", inputs, answers, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def right(lengths=None, reverse=False, clip=np.inf):
    """Y and Y_h by the formulas of the operator, in float64."""
    squashed = lambda a: np.clip(a, -clip, clip)
    sigmoid = lambda a: 1 / (1 + np.exp(-squashed(a)))
    (w_z, w_r, w_h), (r_z, r_r, r_h) = np.split(W[0].astype(float), 3), np.split(R[0].astype(float), 3)
    b_z, b_r, b_h, c_z, c_r, c_h = np.split(B[0].astype(float), 6)
    h, Y = np.zeros((N, H)), np.zeros((T, 1, N, H))
    for t in reversed(range(T)) if reverse else range(T):
        x = X[t].astype(float)
        z = sigmoid(x @ w_z.T + h @ r_z.T + b_z + c_z)
        r = sigmoid(x @ w_r.T + h @ r_r.T + b_r + c_r)
        n = np.tanh(squashed(x @ w_h.T + r * (h @ r_h.T + c_h) + b_h))
        is_real = np.ones((N, 1), bool) if lengths is None else np.array(lengths)[:, None] > t
        h = np.where(is_real, (1 - z) * n + z * h, h)
        Y[t, 0] = np.where(is_real, h, 0)
    return Y, h[None]


def run(made, outputs):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(made.SerializeToString(), np.uint8))
    net.setInput(X, "X")
    return net.forward(list(outputs))


plain = run(model(), ("Y", "Y_h"))
assert np.allclose(plain[0], right()[0], atol=1e-5)
asked = {
    "direction=reverse": (model(direction="reverse"), right(reverse=True)),
    "sequence_lens": (model(lengths=[4, 2]), right(lengths=[4, 2])),
    "clip": (model(clip=0.5), right(clip=0.5)),
}
for name, (made, expected) in asked.items():
    found = run(made, ("Y", "Y_h"))
    off = max(np.abs(one - other).max() for one, other in zip(found, expected))
    same = all(np.allclose(one, other, atol=1e-6) for one, other in zip(found, plain))
    print(f"{name}: off by {off:.2g}; the same as without it: {same}")
    assert off > 0.1 and same, "the behaviour has changed"
Y, last = right()
both, alone = run(model(), ("Y", "Y_h")), run(model(("Y",)), ("Y",))
print("Y with Y_h:", both[0].shape, f"off by {np.abs(both[0] - Y).max():.2g}")
print("Y alone:", alone[0].shape, f"off the last state by {np.abs(alone[0] - last).max():.2g}")
assert both[0].shape == Y.shape and np.allclose(both[0], Y, atol=1e-5)
assert alone[0].shape == last.shape and np.allclose(alone[0], last, atol=1e-5), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
