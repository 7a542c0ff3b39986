#!/bin/sh
# keras 3.15.1 on JAX: at masked steps an unrolled recurrent layer answers otherwise than the same layer as a loop.
#
# unroll=True is said to change nothing but speed and memory. With zero_output_for_mask=True, outputs at masked steps are zeros
# as a loop; unrolled the layer repeats the output before them. Without it a layer repeats the output before, and where the
# first steps are masked (padding in front) there is none: as a loop it is the initial state, unrolled it is zeros, in the last
# output of a member whose steps are all masked too. On PyTorch both ways give zeros in both.
#
# Seen: zeros and the output before; the initial state and zeros; all other outputs agree.
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
mask = np.array([[False, False, True, True], [False] * 4])

found, last = {}, {}
for unroll in (False, True):
    for sequences, answers in ((True, found), (False, last)):
        layer = keras.layers.GRU(5, return_sequences=sequences, unroll=unroll)
        layer.build(inputs.shape)
        layer.set_weights([np.full(weight.shape, 0.5, "float32") for weight in layer.get_weights()])
        answers[unroll] = np.asarray(layer(inputs, mask=mask, initial_state=start))
as_start = np.array_equal(found[False][0, :2], np.stack([start[0]] * 2))
as_zeros = not found[True][0, :2].any()
print("masked first steps: as a loop the initial state:", as_start, "- unrolled zeros:", as_zeros)
print("all masked, the last output: as a loop", last[False][1], "- unrolled", last[True][1])
assert as_start and as_zeros, "the behaviour has changed"
assert np.array_equal(last[False][1], start[1]) and not last[True][1].any(), "the behaviour has changed"
assert np.allclose(found[False][0, 2:], found[True][0, 2:], atol=1e-6)

mask = np.array([[True, True, False, False], [True] * 4])
found = {}
for unroll in (False, True):
    layer = keras.layers.GRU(5, return_sequences=True, zero_output_for_mask=True, unroll=unroll)
    layer.build(inputs.shape)
    layer.set_weights([np.full(weight.shape, 0.5, "float32") for weight in layer.get_weights()])
    found[unroll] = np.asarray(layer(inputs, mask=mask))
    masked = found[unroll][0, 2:]
    print(f"zero_output_for_mask, unroll={unroll}: the largest masked output is {np.abs(masked).max():.3g}")
repeated = np.array_equal(found[True][0, 2:], np.stack([found[True][0, 1]] * 2))
assert not found[False][0, 2:].any() and repeated and found[True][0, 1].any(), "the behaviour has changed"
assert np.allclose(found[False][:, :2], found[True][:, :2], atol=1e-6)
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
