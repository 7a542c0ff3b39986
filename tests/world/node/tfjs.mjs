// TensorFlow.js on its CPU backend: tf.layers.gruCell and tf.layers.gru, gradients by tf.variableGrads.
import * as tf from "@tensorflow/tfjs";

import { reordered, serve, transposed, version } from "./protocol.mjs";

await tf.setBackend("cpu");

// The activation is hardSigmoid unless given; the weights are set later, and an orthogonal matrix takes long to find.
const OPTIONS = { recurrentActivation: "sigmoid", recurrentInitializer: "zeros" };
const ZRN = [1, 0, 2]; // its gates are in the order z, r, h; the same order leads back

const layers = new Map();

// A layer of these sizes with these weights: kernels are (I, 3H) and (H, 3H).
const layer = (kind, options, { weight_ih, weight_hh, bias_ih }, { H, I }) => {
  const key = `${kind} ${H} ${I}`;
  if (!layers.has(key)) {
    const made = tf.layers[kind]({ units: H, ...OPTIONS, ...options });
    if (kind === "gruCell") made.build([null, I]);
    else made.apply(tf.zeros([1, 1, I])); // build alone would build it twice
    layers.set(key, made);
  }
  const weights = [
    tf.tensor2d(transposed(reordered(weight_ih, ZRN), 3 * H, I), [I, 3 * H]),
    tf.tensor2d(transposed(reordered(weight_hh, ZRN), 3 * H, H), [H, 3 * H]),
    tf.tensor1d(reordered(bias_ih, ZRN)),
  ];
  layers.get(key).setWeights(weights);
  tf.dispose(weights);
  return layers.get(key);
};

const cell = (arrays, sizes, x, h) => layer("gruCell", {}, arrays, sizes).call([x, h], {})[0];

// Arrays are (T, B, ...) here, and (B, T, ...) there.
const run = (arrays, sizes, steps, state) => {
  const gru = layer("gru", { returnSequences: true, returnState: true }, arrays, sizes);
  const [outputs, last] = gru.apply(tf.transpose(steps, [1, 0, 2]), state === null ? {} : { initialState: [state] });
  return [tf.transpose(outputs, [1, 0, 2]), last];
};

const plain = (tensor) => [tensor.dataSync(), tensor.shape];

// The gradients of a loss of inputs and state, by the contract's names.
const gradients = (kind, options, arrays, sizes, given, loss) => {
  const { H, I } = sizes;
  const variables = given.map((tensor) => tf.variable(tensor));
  const used = layer(kind, options, arrays, sizes);
  const weights = used.weights.map((weight) => weight.val);
  const { grads } = tf.variableGrads(() => loss(...variables), [...weights, ...variables]);
  const [d_ih, d_hh, d_bias, d_inputs, d_state] = [...weights, ...variables].map(({ name }) => grads[name].dataSync());
  tf.dispose(variables);
  return {
    weight_ih: [reordered(transposed(d_ih, I, 3 * H), ZRN), [3 * H, I]],
    weight_hh: [reordered(transposed(d_hh, H, 3 * H), ZRN), [3 * H, H]],
    bias_ih: [reordered(d_bias, ZRN), [3 * H]],
    inputs: [d_inputs, given[0].shape],
    state: [d_state, given[1].shape],
  };
};

const methods = {
  step: (arrays, sizes) => {
    const [x, h] = [tf.tensor2d(arrays.x, [sizes.B, sizes.I]), tf.tensor2d(arrays.h, [sizes.B, sizes.H])];
    return { h: plain(cell(arrays, sizes, x, h)) };
  },
  step_vjp: (arrays, sizes) => {
    const { B, I, H } = sizes;
    const cotangent = tf.tensor2d(arrays.cotangent, [B, H]);
    const given = [tf.tensor2d(arrays.x, [B, I]), tf.tensor2d(arrays.h, [B, H])];
    return gradients("gruCell", {}, arrays, sizes, given, (x, h) => tf.sum(tf.mul(cell(arrays, sizes, x, h), cotangent)));
  },
  sequence: (arrays, sizes) => {
    const { T, B, I, H } = sizes;
    const state = arrays.state && tf.tensor2d(arrays.state, [B, H]);
    const [outputs, last] = run(arrays, sizes, tf.tensor3d(arrays.inputs, [T, B, I]), state);
    return { outputs: plain(outputs), last: plain(last) };
  },
  sequence_vjp: (arrays, sizes) => {
    const { T, B, I, H } = sizes;
    const state = arrays.state ? tf.tensor2d(arrays.state, [B, H]) : tf.zeros([B, H]);
    const loss = (steps, start) => {
      const [outputs, last] = run(arrays, sizes, steps, start);
      const terms = [tf.zeros([1])];
      if (arrays.d_outputs) terms.push(tf.sum(tf.mul(outputs, tf.tensor3d(arrays.d_outputs, [T, B, H]))).reshape([1]));
      if (arrays.d_last) terms.push(tf.sum(tf.mul(last, tf.tensor2d(arrays.d_last, [B, H]))).reshape([1]));
      return tf.sum(tf.concat(terms));
    };
    const options = { returnSequences: true, returnState: true };
    return gradients("gru", options, arrays, sizes, [tf.tensor3d(arrays.inputs, [T, B, I]), state], loss);
  },
};

const tidied = Object.entries(methods).map(([name, method]) => [name, (...given) => tf.tidy(() => method(...given))]);

await serve(
  {
    name: "TensorFlow.js",
    version: version("@tensorflow/tfjs"),
    variants: [{ reset: "before", update: "keep", biases: "input" }],
    declarations: { min_length: 2 }, // the gradient of one step throws: findings/tfjs-gradient-of-one-step.sh
  },
  Object.fromEntries(tidied),
);
