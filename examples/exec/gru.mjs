// A GRU in JavaScript as a target: gruverify check 'exec:node gru.mjs'
import { createInterface } from "node:readline";

const ARRAYS = { float32: Float32Array, float64: Float64Array };

// The numbers of an array, flat. A Buffer may lie anywhere in memory: slice makes them a block of their own.
function read(given) {
  const { buffer, byteOffset, length } = Buffer.from(given.data, "base64");
  const Numbers = ARRAYS[given.dtype];
  return new Numbers(buffer.slice(byteOffset, byteOffset + length));
}

function write(numbers, dtype, shape) {
  return { dtype, shape, data: Buffer.from(numbers.buffer).toString("base64") };
}

const sigmoid = (a) => 1 / (1 + Math.exp(-a));

// A row of a weight matrix times a part of a vector that begins at an offset.
function product(weights, row, vector, offset, size) {
  let sum = 0;
  for (let j = 0; j < size; j++) sum += weights[row * size + j] * vector[offset + j];
  return sum;
}

// x (B, I) and h (B, H) to the next state (B, H); gates are packed in the order r, z, n.
function step({ weight_ih: W, weight_hh: U, bias_ih: b, bias_hh: c, x, h }, { B, I, H }) {
  const next = new h.constructor(B * H);
  for (let m = 0; m < B; m++) {
    for (let i = 0; i < H; i++) {
      const [input, recurrent] = [0, 1].map((side) =>
        [i, H + i, 2 * H + i].map((row) =>
          side ? product(U, row, h, m * H, H) + c[row] : product(W, row, x, m * I, I) + b[row],
        ),
      );
      const r = sigmoid(input[0] + recurrent[0]);
      const z = sigmoid(input[1] + recurrent[1]);
      next[m * H + i] = (1 - z) * Math.tanh(input[2] + r * recurrent[2]) + z * h[m * H + i];
    }
  }
  return next;
}

function answer({ format, sizes, arrays }) {
  if (sizes.B === 0) return { refused: "an empty batch" };
  const given = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, read(array)]));
  return { arrays: { h: write(step(given, sizes), format, [sizes.B, sizes.H]) } };
}

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

say({
  protocol: 1,
  name: "a GRU in JavaScript",
  version: "1.0",
  methods: ["step"],
  formats: ["float32", "float64"],
});
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  say({ id: request.id, ...answer(request) });
}
