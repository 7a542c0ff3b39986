// brain.js's GRU: one matrix per gate and side, one bias per gate, vectors as matrices of one column. A batch is a loop.
import brain from "brain.js";
import { createRequire } from "node:module";

import { serve, version } from "./protocol.mjs";

const require = createRequire(import.meta.url);
const Matrix = require("brain.js/dist/recurrent/matrix").default;
const Equation = require("brain.js/dist/recurrent/matrix/equation").default;

const GATES = ["resetGate", "updateGate", "cellWrite"]; // in the order of packed arrays
const gru = Object.create(brain.recurrent.GRU.prototype);

const column = (numbers) => Object.assign(new Matrix(numbers.length, 1), { weights: numbers.slice() });

// The layer's matrices with their gradients at 0, by the packed array that each is a block of.
const model = ({ weight_ih, weight_hh, bias_ih }, H, I) => {
  const layer = gru.getModel(H, I);
  const parts = { weight_ih: [weight_ih, "InputMatrix", I], weight_hh: [weight_hh, "HiddenMatrix", H], bias_ih: [bias_ih, "Bias", 1] };
  const blocks = {};
  for (const [name, [packed, suffix, columns]] of Object.entries(parts)) {
    blocks[name] = GATES.map((gate, place) => {
      const matrix = new Matrix(H, columns);
      matrix.weights = packed.slice(place * H * columns, (place + 1) * H * columns);
      return (layer[gate + suffix] = matrix);
    });
  }
  return { layer, blocks };
};

// One step of one member: its equation, run, with input, state and output.
const run = (layer, x, h) => {
  const equation = new Equation();
  const [input, state] = [column(x), column(h)];
  gru.getEquation(equation, input, state, layer);
  return { equation, input, state, output: equation.runIndex() };
};

const member = (numbers, m, size) => numbers.subarray(m * size, (m + 1) * size);

const step = (arrays, { B, I, H }) => {
  const next = new Float32Array(B * H);
  const { layer } = model(arrays, H, I);
  for (let m = 0; m < B; m++) next.set(run(layer, member(arrays.x, m, I), member(arrays.h, m, H)).output.weights, m * H);
  return { h: [next, [B, H]] };
};

// The gradients that its back-propagation finds, added up over the batch.
const step_vjp = (arrays, { B, I, H }) => {
  const [d_x, d_h] = [new Float32Array(B * I), new Float32Array(B * H)];
  const sums = { weight_ih: new Float32Array(3 * H * I), weight_hh: new Float32Array(3 * H * H), bias_ih: new Float32Array(3 * H) };
  for (let m = 0; m < B; m++) {
    const { layer, blocks } = model(arrays, H, I);
    const { equation, input, state, output } = run(layer, member(arrays.x, m, I), member(arrays.h, m, H));
    output.deltas = member(arrays.cotangent, m, H).slice();
    equation.backpropagate();
    for (const [name, matrices] of Object.entries(blocks)) {
      const found = matrices.flatMap((matrix) => [...matrix.deltas]);
      found.forEach((number, place) => (sums[name][place] += number));
    }
    d_x.set(input.deltas, m * I);
    d_h.set(state.deltas, m * H);
  }
  return {
    weight_ih: [sums.weight_ih, [3 * H, I]],
    weight_hh: [sums.weight_hh, [3 * H, H]],
    bias_ih: [sums.bias_ih, [3 * H]],
    inputs: [d_x, [B, I]],
    state: [d_h, [B, H]],
  };
};

await serve(
  { name: "brain.js", version: version("brain.js"), variants: [{ reset: "before", update: "keep", biases: "input" }] },
  { step, step_vjp },
);
