#!/bin/sh
# keras 3.15.1 on PyTorch: go_backwards=True with unroll=True and a mask raises an AttributeError.
#
# Each of the three options works with each of the others. All together, as in the backward half of an unrolled Bidirectional
# over padded sequences, the layer turns a tuple of masks round as if it were a tensor: 'tuple' object has no attribute
# 'shape'.
#
# Seen: an answer for every other combination, the AttributeError for this one, and for Bidirectional over a layer with unroll=True.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

print("keras", keras.__version__, "on", keras.backend.backend())
assert keras.__version__ == "3.15.1"
keras.utils.set_random_seed(0)
draw = np.random.default_rng(0)
inputs, start = (draw.normal(size=size).astype("float32") for size in ((2, 4, 3), (2, 5)))
mask = np.array([[True, True, False, False], [True] * 4])
told = "'tuple' object has no attribute 'shape'"


def outcome(layer, mask):
    try:
        layer(inputs, mask=mask)
    except AttributeError as error:
        return "AttributeError" if told in str(error) else str(error)
    return "an answer"


for unroll in (False, True):
    for backwards in (False, True):
        for given in (None, mask):
            layer = keras.layers.GRU(5, go_backwards=backwards, unroll=unroll)
            found = outcome(layer, given)
            print(f"unroll={unroll}, go_backwards={backwards}, mask {given is not None}: {found}")
            all_three = unroll and backwards and given is not None
            assert found == ("AttributeError" if all_three else "an answer"), "the behaviour has changed"
both = outcome(keras.layers.Bidirectional(keras.layers.GRU(5, unroll=True)), mask)
print("Bidirectional, unroll=True, with a mask:", both)
assert both == "AttributeError", "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
