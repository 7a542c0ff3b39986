#!/bin/sh
# keras 3.15.1 on JAX: a GRU of dtype float64 computes its candidates in float32.
#
# keras.ops.tanh of a float64 array returns float32, also where JAX has 64 bits. So the states of a layer in float64 are off by
# what float32 rounds, and come as float64. keras.ops.sigmoid keeps float64.
#
# Seen: tanh float32, sigmoid float64; the layer's states are float64 and off by more than 1e-9 from the formulas in NumPy.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import keras
import numpy as np

print("keras", keras.__version__, "jax", jax.__version__)
assert (keras.__version__, jax.__version__) == ("3.15.1", "0.10.2")
draw = np.random.default_rng(0)
inputs = draw.normal(size=(2, 1, 3))
tanh, sigmoid = (str(getattr(keras.ops, name)(inputs).dtype) for name in ("tanh", "sigmoid"))
print("of a float64 array, tanh is", tanh, "and sigmoid is", sigmoid)

layer = keras.layers.GRU(5, dtype="float64")
layer.build(inputs.shape)
kernel, recurrent, bias = (draw.normal(size=weight.shape) for weight in layer.get_weights())
layer.set_weights([kernel, recurrent, bias])
found = np.asarray(layer(inputs))

(x_z, x_r, x_h), (b_z, b_r, b_h) = np.split(inputs[:, 0] @ kernel + bias[0], 3, 1), np.split(bias[1], 3)
z, r = 1 / (1 + np.exp(-(x_z + b_z))), 1 / (1 + np.exp(-(x_r + b_r)))
off = float(np.abs(found - (1 - z) * np.tanh(x_h + r * b_h)).max())
print(f"the states are {found.dtype}, and off by {off:.2g}")
assert (tanh, sigmoid) == ("float32", "float64") and found.dtype == np.float64, "the behaviour has changed"
assert 1e-9 < off < 1e-6, "the behaviour has changed"
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
