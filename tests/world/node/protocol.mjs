// The protocol of docs/exec.md for methods over Float32Arrays: each is given the request with its arrays read, and returns
// arrays by name as [numbers, shape]. What a library does not take, a method refuses by throwing a Refusal.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export class Refusal extends Error {}

export const version = (name) => {
  const found = createRequire(import.meta.url).resolve.paths(name).map((folder) => `${folder}/${name}/package.json`);
  for (const file of found) {
    try {
      return JSON.parse(readFileSync(file)).version;
    } catch {}
  }
  return "unknown";
};

const read = (given) => {
  if (given === null) return null;
  const { buffer, byteOffset, length } = Buffer.from(given.data, "base64");
  return new Float32Array(buffer.slice(byteOffset, byteOffset + length));
};

const write = ([numbers, shape]) => ({
  dtype: "float32",
  shape,
  data: Buffer.from(Float32Array.from(numbers).buffer).toString("base64"),
});

const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));

const answer = (methods, { method, sizes, arrays }) => {
  try {
    if (sizes.B === 0 || sizes.T === 0) throw new Refusal("empty sequences and batches");
    return { arrays: mapped(methods[method](mapped(arrays, read), sizes), write) };
  } catch (error) {
    return error instanceof Refusal ? { refused: error.message } : { error: String(error) };
  }
};

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

export const serve = async (greeting, methods) => {
  say({ protocol: 1, formats: ["float32"], methods: Object.keys(methods), ...greeting });
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    say({ id: request.id, ...answer(methods, request) });
  }
};

// The transpose of a matrix of so many rows and columns.
export const transposed = (numbers, rows, columns) => {
  const found = new Float32Array(numbers.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) found[j * rows + i] = numbers[i * columns + j];
  return found;
};

// A packed array of three blocks in another order.
export const reordered = (numbers, order) => {
  const size = numbers.length / 3;
  const found = new Float32Array(numbers.length);
  order.forEach((block, place) => found.set(numbers.subarray(block * size, (block + 1) * size), place * size));
  return found;
};
