"""Runtimes that compute a GRU node with the activation functions of its attributes, written down
from ONNX' text in NumPy, right or wrong in one way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

Array: TypeAlias = Any
Function: TypeAlias = Callable[[Array], Array]


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, x.dtype.type(1)) / (1 + e)


#: By their names, functions of x, alpha and beta, and the defaults of the parameters they take.
FUNCTIONS: dict[str, tuple[Callable[..., Array], dict[str, float]]] = {
    "Sigmoid": (lambda x, a, b: _sigmoid(x), {}),
    "Tanh": (lambda x, a, b: np.tanh(x), {}),
    "Relu": (lambda x, a, b: np.maximum(x, 0), {}),
    "HardSigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), {"alpha": 0.2, "beta": 0.5}),
    "Affine": (lambda x, a, b: a * x + b, {"alpha": np.nan, "beta": np.nan}),
    "LeakyRelu": (lambda x, a, b: np.where(x < 0, a * x, x), {"alpha": 0.01}),
    "ThresholdedRelu": (lambda x, a, b: np.where(x >= a, x, 0), {"alpha": 1.0}),
    "ScaledTanh": (lambda x, a, b: a * np.tanh(b * x), {"alpha": np.nan, "beta": np.nan}),
    "Elu": (lambda x, a, b: np.where(x < 0, a * (np.exp(np.minimum(x, 0)) - 1), x), {"alpha": 1.0}),
    "Softsign": (lambda x, a, b: x / (1 + np.abs(x)), {}),
    "Softplus": (lambda x, a, b: np.logaddexp(x, 0), {}),
}


def right(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """As the attributes say."""
    return run(model, inputs)


def ignores(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """σ and tanh, whatever they say."""
    return run(model, inputs, lambda each: [("Sigmoid", {}), ("Tanh", {})] * (len(each) // 2))


def exchanges(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """The candidate's function for the gates, and theirs for the candidate."""
    return run(model, inputs, lambda each: [each[k ^ 1] for k in range(len(each))])


def swaps(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """Alpha for beta, and beta for alpha."""

    def swapped(each: list[Any]) -> list[Any]:
        return [(n, {"alpha": p.get("beta"), "beta": p.get("alpha")}) for n, p in each]

    return run(model, inputs, swapped)


def first_alone(model: bytes, inputs: dict[str, Any]) -> list[Any]:
    """The functions of the first direction, in both."""
    return run(model, inputs, lambda each: each[:2] * (len(each) // 2))


def run(
    model: bytes,
    inputs: dict[str, Any],
    change: Callable[[list[Any]], list[Any]] = lambda each: each,
) -> list[Any]:
    """Y and Y_h of a model's one node, whose functions and parameters are changed first."""
    graph = onnx.load_model_from_string(model).graph
    [node] = graph.node
    said = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    W, R, B = (weights[name] for name in node.input[1:4])
    ways = 1 + (said.get("direction") == b"bidirectional")
    functions = list(map(_applied, change(_said(said, ways))))
    X = inputs["X"]
    h = inputs.get("initial_h", np.zeros((ways, X.shape[1], R.shape[-1]), X.dtype))
    Y, Y_h = [], []
    for d in range(ways):
        order = slice(None, None, -1 if d else 1)
        states = _steps(said, (W[d], R[d], B[d]), X[order], h[d], functions[2 * d : 2 * d + 2])
        Y.append(states[order])
        Y_h.append(states[-1])
    return [np.stack(Y, 1), np.stack(Y_h)]


def _said(said: dict[str, Any], ways: int) -> list[tuple[str, dict[str, float]]]:
    """The functions with their parameters, which are taken in their order."""
    names = [word.decode() for word in said.get("activations", [b"Sigmoid", b"Tanh"] * ways)]
    left = {p: list(said.get(f"activation_{p}", [])) for p in ("alpha", "beta")}
    found = []
    for name in names:
        defaults = FUNCTIONS[name][1]
        found.append((name, {p: left[p].pop(0) if left[p] else defaults[p] for p in defaults}))
    return found


def _applied(one: tuple[str, dict[str, float]]) -> Function:
    name, parameters = one

    def function(x: Array) -> Array:
        a, b = (x.dtype.type(parameters.get(p) or 0) for p in ("alpha", "beta"))
        return FUNCTIONS[name][0](x, a, b).astype(x.dtype)

    return function


def _steps(
    said: dict[str, Any], weights: tuple[Array, ...], X: Array, h: Array, functions: list[Function]
) -> Array:
    """The states (T, B, H) of one direction, gates in the order z, r, h."""
    W, R, B = weights
    f, g = functions
    (W_z, W_r, W_h), (R_z, R_r, R_h) = np.split(W, 3), np.split(R, 3)
    b_z, b_r, b_h, c_z, c_r, c_h = np.split(B, 6)
    states = []
    for x in X:
        z = f(x @ W_z.T + h @ R_z.T + b_z + c_z)
        r = f(x @ W_r.T + h @ R_r.T + b_r + c_r)
        if said.get("linear_before_reset"):
            c = g(x @ W_h.T + r * (h @ R_h.T + c_h) + b_h)
        else:
            c = g(x @ W_h.T + (r * h) @ R_h.T + c_h + b_h)
        h = (1 - z) * c + z * h
        states.append(h)
    return np.stack(states)
