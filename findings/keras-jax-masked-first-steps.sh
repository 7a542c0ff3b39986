#!/bin/sh
# keras 3.15.1 on JAX: a recurrent layer answers a masked first step with its initial state, and unrolled with zeros.
#
# At a masked step the layer repeats its output before. Where the first steps are masked (padding in front) there is none. As a
# loop the layer then returns the initial state, unrolled it returns zeros, for the same weights and inputs; a member whose
# steps are all masked returns either, with return_sequences=False too. On PyTorch both ways return zeros.
#
# Seen: outputs of masked first steps: the initial state as a loop, 0 unrolled; all other outputs agree.
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
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
