#!/bin/sh
# tensorflow 2.21.0 on the CPU: the bfloat16 gradient of the bias of tf.nn.bias_add is 256 where it is 4096, or 65536.
#
# Its gradient, BiasAddGrad, adds up over the batch in the format, one term after the other, and 256 + 1 is 256 in bfloat16. The gradient of
# the same bias added by + is right, and so is that of a weight.
#
# Seen: at a batch of 65536 the bias has the gradient 256 by bias_add and 65536 by +.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

print("tensorflow", tf.__version__)
assert tf.__version__ == "2.21.0"


def gradients(batch, add):
    """Of weight and bias, at a gradient of 1 for every member."""
    x, w, b = tf.ones((batch, 1), tf.bfloat16), tf.Variable(tf.ones((1, 1), tf.bfloat16)), tf.Variable(tf.zeros(1, tf.bfloat16))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(add(tf.matmul(x, w), b), tf.float32))
    return [float(tf.reshape(gradient, ())) for gradient in tape.gradient(loss, [w, b])]


for batch in (4096, 65536):
    by_bias_add, by_plus = gradients(batch, tf.nn.bias_add), gradients(batch, lambda a, b: a + b)
    print(f"at a batch of {batch}: weight and bias by bias_add {by_bias_add}, by + {by_plus}")
    assert by_plus == [batch, batch] and by_bias_add == [batch, 256.0], "the behaviour has changed"
print("as recorded")
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/program.py"
