#!/bin/sh
# opencv 5.0.0 (opencv-python-headless 5.0.0.93): an ONNX GRU whose only output is Y returns the last state in its place.
#
# Y has all steps, Y_h the last one; both are optional. A node that has both returns both, rightly. A node that has Y alone,
# as a model has that reads all outputs of a GRU, returns an array of one step: the values and the shape of Y_h.
#
# Seen: Y asked with Y_h: shape (4, 1, 2, 5), right; Y alone: shape (1, 2, 5), the last state. The model's output is declared
# as (4, 1, 2, 5).
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


Y, last = right()
both, alone = run(model(), ("Y", "Y_h")), run(model(("Y",)), ("Y",))
print("Y with Y_h:", both[0].shape, f"off by {np.abs(both[0] - Y).max():.2g}")
print("Y alone:", alone[0].shape, f"off the last state by {np.abs(alone[0] - last).max():.2g}")
assert both[0].shape == Y.shape and np.allclose(both[0], Y, atol=1e-5)
assert alone[0].shape == last.shape and np.allclose(alone[0], last, atol=1e-5), "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
