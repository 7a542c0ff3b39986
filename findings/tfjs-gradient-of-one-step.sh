#!/bin/sh
# @tensorflow/tfjs 4.22.0: a recurrent layer over one step has no gradient.
#
# A recurrent layer takes its inputs apart along time with tf.unstack, whose gradient is tf.stack of the gradients of
# the parts. Of a single part the tape hands over the gradient itself and not a list of one, and tf.stack throws:
# "Argument tensors passed to stack must be a `Tensor[]` or `TensorLike[]`". Values are right, and from two steps on
# gradients are, too.
#
# Seen: tf.layers.gru over one step throws in tf.variableGrads, over two steps it does not; tf.unstack alone does the
# same.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' > package.json
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0
cat > program.mjs <<'PROGRAM'
import * as tf from "@tensorflow/tfjs";

await tf.setBackend("cpu");
console.log("tfjs", tf.version.tfjs);

const gru = tf.layers.gru({ units: 2, returnSequences: true });
gru.apply(tf.zeros([1, 1, 2]));

const outcome = (loss) => (steps) => {
  const x = tf.variable(tf.ones([1, steps, 2]));
  try {
    return tf.variableGrads(() => tf.sum(loss(x)), [x]).value.shape.length === 0 ? "a gradient" : "no scalar";
  } catch (error) {
    return String(error.message);
  }
};
const layer = outcome((x) => gru.apply(x));
const parts = outcome((x) => tf.unstack(x, 1)[0]);
for (const steps of [1, 2]) {
  console.log(`gru of ${steps}: ${layer(steps)}`);
  console.log(`unstack of ${steps}: ${parts(steps)}`);
}
const thrown = "Argument tensors passed to stack must be a `Tensor[]` or `TensorLike[]`";
for (const found of [layer, parts]) {
  if (found(1) !== thrown || found(2) !== "a gradient") throw new Error("the behaviour has changed");
}
console.log("as recorded");
PROGRAM
node program.mjs 2> /dev/null
