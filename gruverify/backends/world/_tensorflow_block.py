"""`tensorflow:block`: TensorFlow's operation GRUBlockCell and its own gradient, GRUBlockCellGrad.

TensorFlow registers no gradient of the operation: a tape raises. Its gradient returns what reaches
the sums of both products, of which the gradients of weights and biases are made as in TensorFlow 1.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it finds on the machine is no news

import numpy as np
import tensorflow as tf

from gruverify.arithmetic import float32
from gruverify.backends._function import FunctionBackend, backend
from gruverify.backends.contract import NDArray
from gruverify.cell import Cell, Gradients, Variant


def build() -> FunctionBackend:
    """It has one bias a gate and float32 alone, and flushes subnormal numbers. At four million
    numbers its σ is off by up to 8.3 units, its tanh by 5.7.
    """
    return backend(
        step=_step,
        step_vjp=_step_vjp,
        name="tensorflow:block",
        variants=Variant("before", biases="input"),
        formats=float32,
        subnormals=False,
        kappa_sigma=9,
        kappa_tanh=6,
    )


def _step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
    found: NDArray = tf.raw_ops.GRUBlockCell(**_tensors_of(cell, x, h)).h.numpy().copy()
    return found


def _step_vjp(cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
    given, d_h = _tensors_of(cell, x, h), tf.constant(np.array(cotangent))
    r, u, c, _ = tf.raw_ops.GRUBlockCell(**given)
    d_x, d_state, d_c, d_ru = tf.raw_ops.GRUBlockCellGrad(**given, r=r, u=u, c=c, d_h=d_h)
    read_ru = tf.concat([given["x"], given["h_prev"]], 1)
    read_c = tf.concat([given["x"], given["h_prev"] * r], 1)
    weights = [
        tf.matmul(read, d_sum, transpose_a=True).numpy().T
        for read, d_sum in ((read_ru, d_ru), (read_c, d_c))
    ]
    d_bias = np.concatenate([tf.reduce_sum(d_sum, 0).numpy() for d_sum in (d_ru, d_c)])
    d_ih, d_hh = np.split(np.concatenate(weights), [cell.input_size], axis=1)
    return Gradients(d_ih.copy(), d_hh.copy(), d_bias, None, _copy(d_x), _copy(d_state))


def _tensors_of(cell: Cell, x: NDArray, h: NDArray) -> dict[str, tf.Tensor]:
    """The operation's inputs: weights (I+H, 2H) of r and z, (I+H, H) of the candidate."""
    if not x.size:
        raise NotImplementedError("TensorFlow is not called with what is empty")
    assert cell.bias_ih is not None
    gates = [2 * cell.hidden_size]
    w_ru, w_c = np.split(np.concatenate([cell.weight_ih, cell.weight_hh], 1).T, gates, axis=1)
    b_ru, b_c = np.split(cell.bias_ih, gates)
    arrays = {"x": x, "h_prev": h, "w_ru": w_ru, "w_c": w_c, "b_ru": b_ru, "b_c": b_c}
    return {name: tf.constant(np.array(array, order="C")) for name, array in arrays.items()}


def _copy(value: tf.Tensor) -> NDArray:
    found: NDArray = value.numpy().copy()
    return found
