#!/bin/sh
# paddlepaddle 3.3.1 on the CPU: once a reset gate is exactly 0, every gradient of paddle.nn.GRU is NaN.
#
# In float32 the sigmoid of -110 is 0, and a gate may well be there. The forward pass is right. The backward pass of the layer
# divides by the gate: gradients of inputs and of all weights are NaN. paddle.nn.GRUCell with the same weights has finite
# gradients.
#
# Seen: reset gate exp(-20): finite; reset gate 0: outputs finite and equal to the cell's, all gradients NaN in the layer and
# finite in the cell.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 setuptools==84.2.1 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import paddle

print("paddle", paddle.__version__)
assert paddle.__version__ == "3.3.1"
paddle.set_device("cpu")
draw = np.random.default_rng(0)
layer = paddle.nn.GRU(3, 4)
cell = paddle.nn.GRUCell(3, 4)
for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
    getattr(cell, name).set_value(getattr(layer, f"{name}_l0").numpy())
inputs = draw.normal(size=(2, 1, 3)).astype("float32")
start = draw.normal(size=(2, 4)).astype("float32")


def run(module, state):
    x = paddle.to_tensor(inputs if module is layer else inputs[:, 0], stop_gradient=False)
    last = module(x, state)[0 if module is cell else 1]
    gradients = paddle.grad(last.sum(), [x, *module.parameters()])
    return last.numpy().reshape(2, 4), [bool(np.isnan(g.numpy()).any()) for g in gradients]


for argument in (-20.0, -200.0):
    bias = layer.bias_ih_l0.numpy()
    bias[:4] = argument  # of the reset gate
    layer.bias_ih_l0.set_value(bias)
    cell.bias_ih.set_value(bias)
    by_layer, in_layer = run(layer, paddle.to_tensor(start[None]))
    by_cell, in_cell = run(cell, paddle.to_tensor(start))
    print(f"reset gate at {argument:g}: NaN gradients, layer {sum(in_layer)} of {len(in_layer)}, cell {sum(in_cell)}")
    assert np.allclose(by_layer, by_cell, atol=1e-6)
    assert not any(in_cell) and in_layer == [argument == -200.0] * 5, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
