#!/bin/sh
# brain.js 1.6.1: the back-propagation of its GRU is not the derivative of its forward pass.
#
# In recurrent/matrix the pullbacks of add, sigmoid and tanh assign the cotangent where they should add to it, and
# cloneNegative (the minus of 1 - z) has none. A matrix that is used twice, as the state before and the update gate are,
# keeps what the last use assigns. With all weights 0, h = 0.5 h': the derivative by h' is 0.5.
#
# Seen: h = 0.5 from h' = 1, and a gradient of h' that is 0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund brain.js@1.6.1
cat > program.js <<'PROGRAM'
const brain = require("brain.js");
const Matrix = require("brain.js/dist/recurrent/matrix").default;
const Equation = require("brain.js/dist/recurrent/matrix/equation").default;

console.log("brain.js", require("brain.js/package.json").version);
const gru = Object.create(brain.recurrent.GRU.prototype);
const layer = gru.getModel(1, 1);
for (const matrix of Object.values(layer)) matrix.weights.fill(0);
const [x, h] = [new Matrix(1, 1), new Matrix(1, 1)];
h.weights[0] = 1;

const equation = new Equation();
gru.getEquation(equation, x, h, layer);
const next = equation.runIndex();
next.deltas[0] = 1;
equation.backpropagate();
console.log(`h = ${next.weights[0]}, dh/dh' = ${h.deltas[0]} where 0.5 is right`);
if (next.weights[0] !== 0.5 || h.deltas[0] !== 0) throw new Error("the behaviour has changed");
console.log("as recorded");
PROGRAM
node program.js
