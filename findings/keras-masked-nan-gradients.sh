#!/bin/sh
# keras 3.15.1 on JAX: a NaN at a masked step makes every gradient of a GRU NaN, though no output shows it.
#
# The layer skips masked steps: what stands there reaches no output, NaN and inf neither. It computes the step all the same and
# chooses with where, whose gradient is 0 times what stands there. So a value that padding may well have (a missing
# measurement) leaves the loss finite and makes all weights NaN at the next step of training. On PyTorch it is the same.
#
# Seen: masked steps of 0 and of NaN: the same finite outputs; gradients finite, and all NaN.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import numpy as np

print("keras", keras.__version__, "jax", jax.__version__)
assert (keras.__version__, jax.__version__) == ("3.15.1", "0.10.2")
draw = np.random.default_rng(0)
inputs = draw.normal(size=(2, 4, 3)).astype("float32")
mask = np.array([[True, True, False, False], [True] * 4])
layer = keras.layers.GRU(5)
layer.build(inputs.shape)
layer.set_weights([np.full(weight.shape, 0.3, "float32") for weight in layer.get_weights()])
weights, fixed = ([v.value for v in vs] for vs in (layer.trainable_variables, layer.non_trainable_variables))


def outputs(weights, given):
    return layer.stateless_call(weights, fixed, given, mask=mask)[0]


found = {}
for padding in (0.0, np.nan):
    given = np.where(mask[..., None], inputs, np.float32(padding))
    answer = np.asarray(outputs(weights, given))
    gradients = jax.grad(lambda weights: outputs(weights, given).sum())(weights)
    found[str(padding)] = answer, [bool(np.isnan(gradient).all()) for gradient in gradients]
    print(f"masked steps of {padding}: outputs finite: {np.isfinite(answer).all()}, gradients NaN: {found[str(padding)][1]}")
assert np.array_equal(found["0.0"][0], found["nan"][0]) and np.isfinite(found["nan"][0]).all()
assert not any(found["0.0"][1]) and all(found["nan"][1]), "the behaviour has changed"
print("as recorded")
PROGRAM
JAX_PLATFORMS=cpu "$folder/venv/bin/python" -W ignore "$folder/program.py"
