"""A GRU as one writes it by hand: step, sequence, and back-propagation through time, in NumPy.
tests/campaigns/mutants.py changes it in one place at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gruverify import Gradients, Variant, float32

name, variants, formats = "plain", [Variant()], [float32]


def sigmoid(a: Any) -> Any:
    e = np.exp(-np.abs(a))
    return np.where(a < 0, e, 1) / (1 + e)


def gates(cell: Any, x: Any, h: Any) -> Any:
    a_r, a_z, a_n = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, axis=1)
    b_r, b_z, b_n = np.split(h @ cell.weight_hh.T + cell.bias_hh, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    return r, z, np.tanh(a_n + r * b_n), b_n


def start(cell: Any, inputs: Any, state: Any) -> Any:
    return np.zeros((inputs.shape[1], cell.hidden_size), "f4") if state is None else state


def step(cell: Any, x: Any, h: Any) -> Any:
    _, z, n, _ = gates(cell, x, h)
    return n + z * (h - n)


def sequence(cell: Any, inputs: Any, state: Any) -> Any:
    state = start(cell, inputs, state)
    h, outputs = state, []
    for x in inputs:
        h = step(cell, x, h)
        outputs.append(h)
    return np.stack(outputs) if outputs else np.zeros((0, *state.shape), state.dtype), h


def step_back(cell: Any, x: Any, h: Any, d: Any) -> Any:
    r, z, n, b_n = gates(cell, x, h)
    d_n = d * (1 - z) * (1 - n) * (1 + n)
    d_z = d * (h - n) * z * (1 - z)
    d_r = d_n * b_n * r * (1 - r)
    a = np.concatenate([d_r, d_z, d_n], axis=1)
    b = np.concatenate([d_r, d_z, d_n * r], axis=1)
    return a, b, d * z + b @ cell.weight_hh


def sequence_vjp(cell: Any, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> Any:
    state = start(cell, inputs, state)
    states, h = [], state
    for x in inputs:
        states.append(h)
        h = step(cell, x, h)
    w_ih, w_hh = np.zeros_like(cell.weight_ih), np.zeros_like(cell.weight_hh)
    b_ih, b_hh = np.zeros_like(cell.bias_ih), np.zeros_like(cell.bias_hh)
    d_inputs = np.zeros_like(inputs)
    d = np.zeros_like(state) if d_last is None else d_last
    d_outputs = np.zeros((len(inputs), *state.shape), "f4") if d_outputs is None else d_outputs
    for t in range(len(inputs) - 1, -1, -1):
        a, b, d = step_back(cell, inputs[t], states[t], d + d_outputs[t])
        w_ih += a.T @ inputs[t]
        w_hh += b.T @ states[t]
        b_ih += a.sum(0)
        b_hh += b.sum(0)
        d_inputs[t] = a @ cell.weight_ih
    return Gradients(w_ih, w_hh, b_ih, b_hh, d_inputs, d)
