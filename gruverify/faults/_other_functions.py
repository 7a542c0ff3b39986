"""Faults of GRUs that declare other activation functions than σ and tanh, or a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from gruverify.arithmetic import (
    FORMATS,
    USUAL,
    Activation,
    Array,
    Functions,
    NDArray,
    floating,
    functions_named,
)
from gruverify.backends import Backend
from gruverify.cell import VARIANTS, Cell, Gradients, Parameters, Variant, pack
from gruverify.faults._equivalents import equivalent
from gruverify.faults._fault import fault
from gruverify.faults._faulty import BIASED, same
from gruverify.formulas import Run, activations, bptt, next_state, sequence

#: Of ONNX and of Keras 2, and of Keras 3.
_HARD, _OTHER_HARD = "hard_sigmoid(0.2, 0.5), tanh", "hard_sigmoid(1/6, 0.5), tanh"


@dataclass(frozen=True)
class _InFormat(Activation):
    """A function of arrays, in their format, of arguments that are cut off at a clip."""

    of: Activation
    clip: float | None = None

    @property
    def range(self) -> tuple[float, float]:
        """That of the function."""
        return self.of.range

    @property
    def steepest(self) -> float:
        """As steep as the function."""
        return self.of.steepest

    def __call__(self, a: Array) -> Array:
        return self.of(_clipped(a, self.clip))

    def times_slope(
        self, factor: Array, a: Array, value: Array, rest: Array | None = None
    ) -> Array:
        """The slope of the function, as wide as the factor."""
        return np.asarray(self.of.times_slope(factor, a, value, rest)).astype(factor.dtype)


class _Activated:
    """Our formulas with the functions that are declared, or with others in their place.

    has: the functions that it has; clips: where it cuts off what they are given; before: what it
    makes of weights that a step is given; after: what it makes of a state; taught: the functions
    that its gradients are those of.
    """

    name = "activated"
    formats = FORMATS
    sums_in_format: ClassVar = {"float16": True, "bfloat16": True}
    kappa_sigma: ClassVar = {"float32": 5.0}

    def __init__(
        self,
        declared: str = "sigmoid, tanh",
        *,
        clip: float | None = None,
        has: str | None = None,
        clips: float | None = None,
        after: Callable[[NDArray], NDArray] = same,
        taught: Functions | None = None,
    ) -> None:
        self.activations, self.clip, self.variants = declared, clip, VARIANTS
        (functions,) = functions_named(declared if has is None else has)
        self._functions = _in_format(functions, clips)
        self._taught = self._functions if taught is None else _in_format(taught, None)
        self._after = after
        if clip is None:
            self.sequence_vjp = self._pulled

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        p = cell.parameters(floating)
        a = activations(cell.variant, p, floating(x), floating(h), self._functions)
        return self._after(np.asarray(next_state(cell.variant, a)))

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H)."""
        h = _start(cell, inputs, state)
        outputs = np.zeros((len(inputs), *h.shape), inputs.dtype)
        for t, x in enumerate(inputs):
            outputs[t] = h = self.step(cell, x, h)
        return outputs, h.copy()

    def _pulled(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        run = self._run(cell, inputs, _start(cell, inputs, state))
        each, end = None, None
        if d_outputs is not None:
            each = list(floating(d_outputs))
        if d_last is not None:
            end = floating(d_last)
        back = bptt(run, each, end)
        found = np.stack(back.inputs), np.array(back.state)
        return pack(back.parameters, *found, cell.variant.bias)

    def _run(self, cell: Cell, inputs: NDArray, state: NDArray) -> Run:
        xs = list(floating(inputs))
        p = cell.parameters(floating)
        return sequence(cell.variant, p, xs, floating(state), self._taught)


def _in_format(functions: Functions, clip: float | None) -> Functions:
    return Functions(_InFormat(functions.gate, clip), _InFormat(functions.candidate, clip))


def _clipped(a: Array, clip: float | None) -> Array:
    if clip is None:
        return a
    # NumPy makes bfloat16 wider, where it clips.
    return floating(np.clip(a, -clip, clip).astype(a.dtype))


def _start(cell: Cell, inputs: NDArray, state: NDArray | None) -> NDArray:
    if state is None:
        return np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
    return state


# -- functions -------------------------------------------------------------------------------------


@fault(
    "forward", "max(0, min(1, x/6 + 1/2)) for max(0, min(1, 0.2x + 1/2))", touches="FWD dθ dx dh0"
)
def hard_sigmoid_of_another_library() -> Backend:
    """The hard sigmoid of Keras 3 where that of ONNX and Keras 2 is declared."""
    return _Activated(_HARD, has=_OTHER_HARD)


@fault("forward", "σ for the function declared", touches="FWD dθ dx dh0")
def activations_ignored() -> Backend:
    """σ and tanh, whatever is asked for."""
    return _Activated("hard_sigmoid(0.2, 0.5), relu", has="sigmoid, tanh")


@fault("forward", "alpha = 0.01 for alpha", touches="FWD dθ dx dh0")
def alpha_ignored() -> Backend:
    """The default of a parameter in the place of the one that is given."""
    return _Activated("sigmoid, leaky_relu(0.2)", has="sigmoid, leaky_relu(0.01)")


@fault("gradient", "σ' for f'", touches="dθ dx dh0")
def gradients_of_the_usual_functions() -> Backend:
    """The values are of the functions declared, the gradients of σ and tanh."""
    return _Activated("hard_sigmoid(0.2, 0.5), softsign", taught=USUAL)


# -- clip ------------------------------------------------------------------------------------------


@fault("forward", "a for clip(a)", touches="FWD")
def clip_ignored() -> Backend:
    """Arguments as they are."""
    return _Activated(clip=0.5)


@fault("forward", "clip(h) for f(clip(a))", touches="FWD")
def clip_of_the_output() -> Backend:
    """The state is cut off, and not what the functions are given."""
    return _Activated(clip=0.5, after=lambda h: np.clip(h, -0.5, 0.5).astype(h.dtype))


@fault("forward", "clip(W x + U h) + b for clip(W x + U h + b)", touches="FWD")
def clip_before_the_bias() -> Backend:
    """The bias is added to what was cut off already."""
    return _ClippedEarly(clip=0.5)


class _ClippedEarly(_Activated):
    """Gates whose sums are cut off before their biases are added."""

    def __init__(self, clip: float) -> None:
        super().__init__(clip=clip)
        self.variants = BIASED

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        p, v = cell.parameters(floating), cell.variant
        early = _early(v, p, floating(x), floating(h), self.clip)
        return np.asarray(next_state(v, early))


def _early(v: Variant, p: Parameters, x: Array, h: Array, clip: float | None) -> Any:
    """The activations of a step whose update gate is cut off before its biases."""
    a = activations(v, p, x, h, _in_format(USUAL, clip))
    a_z = _clipped(x @ p.W_xz.T + h @ p.W_hz.T, clip) + p.b_xz + p.b_hz
    z = USUAL.gate(a_z)
    shares = z, 1 - z
    if v.update == "replace":
        shares = 1 - z, z
    return replace(a, a_z=a_z, z=z, keep=shares[0], take=shares[1])


# -- right ones ------------------------------------------------------------------------------------


@equivalent("forward", "max(0, min(1, 0.2x + 1/2)), as declared")
def hard_sigmoid_as_declared() -> Backend:
    """The hard sigmoid of ONNX and Keras 2."""
    return _Activated(_HARD)


@equivalent("forward", "max(0, x) for tanh, as declared")
def relu_as_declared() -> Backend:
    """A candidate without an end."""
    return _Activated("sigmoid, relu")


@equivalent("forward", "f(clip(a)), as declared")
def clip_as_declared() -> Backend:
    """Pre-activations cut off after the bias, as ONNX has it."""
    return _Activated(clip=0.5, clips=0.5)
