#!/bin/sh
# keras 3.15.1 on JAX: with unroll=True a recurrent layer ignores zero_output_for_mask=True.
#
# The option says that outputs at masked steps are zeros. Unrolled, which is said to change nothing but speed and memory, the
# layer repeats the output before the masked step. On PyTorch both ways give zeros.
#
# Seen: at masked steps 0 as a loop, and the output before them unrolled.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np

print("keras", keras.__version__, "on", keras.backend.backend())
assert keras.__version__ == "3.15.1"
keras.utils.set_random_seed(0)
draw = np.random.default_rng(0)
inputs, start = (draw.normal(size=size).astype("float32") for size in ((2, 4, 3), (2, 5)))
mask = np.array([[True, True, False, False], [True] * 4])

found = {}
for unroll in (False, True):
    layer = keras.layers.GRU(5, return_sequences=True, zero_output_for_mask=True, unroll=unroll)
    layer.build(inputs.shape)
    layer.set_weights([np.full(weight.shape, 0.5, "float32") for weight in layer.get_weights()])
    found[unroll] = np.asarray(layer(inputs, mask=mask))
    masked = found[unroll][0, 2:]
    print(f"unroll={unroll}: at masked steps the largest output is {np.abs(masked).max():.3g}")
repeated = np.array_equal(found[True][0, 2:], np.stack([found[True][0, 1]] * 2))
print("unrolled, it is the output before them:", repeated)
assert not found[False][0, 2:].any() and repeated and found[True][0, 1].any(), "the behaviour has changed"
assert np.allclose(found[False][:, :2], found[True][:, :2], atol=1e-6)
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
