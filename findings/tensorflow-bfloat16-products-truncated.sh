#!/bin/sh
# tensorflow 2.21.0 on a CPU without arithmetic in bfloat16: tf.matmul of bfloat16 matrices is not rounded, but cut off.
#
# The product is computed in float32, whose lower half is then dropped: every entry is nearer to 0 than the exact one, by up to a unit of the
# last place (rounded, by half of one). tf.cast of the same numbers rounds, and so does their product by *.
#
# Seen: 0.8203125 * -53.25 = -43.68... is -43.75 by * and by a product in float32 that is cast, and -43.5 by tf.matmul; of 4,096 entries none
# is farther from 0 than the exact one, and half of them are not the nearest number.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

print("tensorflow", tf.__version__)
assert tf.__version__ == "2.21.0"
one, other = (tf.constant([[value]], tf.bfloat16) for value in (0.8203125, -53.25))
in_float32 = tf.matmul(tf.cast(one, tf.float32), tf.cast(other, tf.float32))
print("exact", float(in_float32[0, 0]), "by *", float((one * other)[0, 0]), "by matmul", float(tf.matmul(one, other)[0, 0]))
assert float((one * other)[0, 0]) == float(tf.cast(in_float32, tf.bfloat16)[0, 0]) == -43.75
assert float(tf.matmul(one, other)[0, 0]) == -43.5, "the behaviour has changed"

random = np.random.default_rng(0)
a, b = (tf.cast(random.standard_normal(shape), tf.bfloat16) for shape in ((64, 2), (2, 64)))
exact = tf.matmul(tf.cast(a, tf.float64), tf.cast(b, tf.float64)).numpy()
found = tf.cast(tf.matmul(a, b), tf.float64).numpy()
rounded = tf.cast(tf.cast(tf.cast(exact, tf.float32), tf.bfloat16), tf.float64).numpy()
farther, nearest = np.count_nonzero(np.abs(found) > np.abs(exact)), np.count_nonzero(found == rounded)
print(f"of {exact.size} entries {farther} are farther from 0 than the exact ones; {nearest} are the nearest number")
assert farther == 0 and nearest < 0.6 * exact.size, "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
