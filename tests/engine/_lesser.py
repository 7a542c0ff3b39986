"""Right GRUs that are less accurate than a serious kernel, each in one way; and the same with the
reset side wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gruverify import (
    FORMATS,
    Cell,
    Format,
    Gradients,
    Variant,
    backend,
    bfloat16,
    float16,
    float32,
    float64,
)
from gruverify.arithmetic import sigmoid, tanh
from gruverify.backends import NumpyBackend

Map = Callable[[Any], Any]
NUMPY = NumpyBackend()


def same(a: Any) -> Any:
    """The array as it is."""
    return a


def matmul(a: Any, b: Any) -> Any:
    """A matrix product in the format of its factors."""
    return (a @ b).astype(a.dtype)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A step in PyTorch's conventions of parts that can be replaced; every result is rounded to the
    format.

    taken, given: what becomes of arguments and results; kept: of the state between the steps of a
    sequence.
    """

    sigma: Map = sigmoid
    tanh: Map = tanh
    product: Callable[[Any, Any], Any] = matmul
    taken: Map = same
    given: Map = same
    kept: Map = same
    reset_before: bool = False

    def step(self, cell: Cell, x: Any, h: Any) -> Any:
        """The next state (B, H)."""
        W, U, b, c = (np.split(self.taken(array), 3) for array in cell.packed().values())
        x, h = self.taken(x), self.taken(h)

        def rounded(a: Any) -> Any:
            return a.astype(x.dtype)

        def sums(i: int, state: Any) -> tuple[Any, Any]:
            return rounded(self.product(x, W[i].T) + b[i]), rounded(
                self.product(state, U[i].T) + c[i]
            )

        r, z = (rounded(self.sigma(rounded(sum(sums(i, h))))) for i in (0, 1))
        one, other = sums(2, rounded(r * h) if self.reset_before else h)
        n = rounded(self.tanh(rounded(one + (other if self.reset_before else rounded(r * other)))))
        return self.given(rounded(z * h + (1 - z) * n))

    def sequence(self, cell: Cell, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Outputs (T, B, H) and last state (B, H)."""
        h = np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype) if state is None else state
        outputs: list[Any] = []
        for x in inputs:
            h = self.step(cell, x, self.kept(h) if outputs else h)
            outputs.append(h)
        return (np.stack(outputs) if outputs else np.zeros((0, *h.shape), h.dtype)), h.copy()

    def target(self, *formats: Format, **declared: Any) -> Any:
        """The kernel as a backend."""
        return backend(
            step=self.step, sequence=self.sequence, name="kernel", formats=formats, **declared
        )

    def wrong(self) -> Kernel:
        """The same with the reset gate before the product, where it says after."""
        return replace(self, reset_before=True)


def to_bits(bits: int) -> Map:
    """Rounds to so many bits, as operands of tensor cores are."""

    def rounded(a: Any) -> Any:
        significand, exponent = np.frexp(a.astype(np.float64))
        return np.ldexp(np.rint(np.ldexp(significand, bits)), exponent - bits).astype(a.dtype)

    return rounded


def product_of(taken: Map) -> Callable[[Any, Any], Any]:
    """A matrix product whose operands are rounded first."""
    return lambda a, b: matmul(taken(a), taken(b)).astype(a.dtype)


def added_in_the_format(a: Any, b: Any) -> Any:
    """A matrix product that adds up term by term in the format."""
    total = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1]):
        total = (total + (a[:, k : k + 1] * b[k : k + 1]).astype(a.dtype)).astype(a.dtype)
    return total


def through(fmt: Format) -> Map:
    """Through another format and back."""
    return lambda a: a.astype(fmt.dtype).astype(a.dtype)


def flushed(a: Any) -> Any:
    """Numbers below the smallest normal are 0."""
    return np.where(np.abs(a) < np.finfo(a.dtype).tiny, 0 * a, a)


def off_by(f: Map, units: float) -> Map:
    """The function, wrong by up to so many units of roundoff of its value."""

    def off(a: Any) -> Any:
        wrong = units * np.finfo(a.dtype).eps / 2 * np.sin(977 * a.astype(np.float64))
        return (f(a).astype(np.float64) * (1 + wrong)).astype(a.dtype)

    return off


def _ends_loosely(a: Any) -> Any:
    """σ off by 8, 27 and 55 units as its argument falls, as in MLX."""
    units = np.where(a < -60, 55, np.where(a < -20, 27, 8))
    wrong = units * 2.0**-24 * np.sin(977 * a.astype(np.float64))
    return (sigmoid(a).astype(np.float64) * (1 + wrong)).astype(a.dtype)


def _tanh_by_sigma(a: Any) -> Any:
    return (2 * sigmoid(2 * a) - 1).astype(a.dtype)


@dataclass(frozen=True)
class Lesser:
    """A kernel, the formats in which it is less accurate, what it should be told, and the
    declarations that make it conform.
    """

    kernel: Kernel
    formats: tuple[Format, ...]
    told: str
    declared: dict[str, Any]


LESSER = {
    "TF32 products": Lesser(
        Kernel(product=product_of(to_bits(11))),
        (float32,),
        "matrix products in TF32",
        {"products": "tf32"},
    ),
    "bf16 products": Lesser(
        Kernel(product=product_of(to_bits(8))),
        (float32,),
        "matrix products in bfloat16",
        {"products": "bf16"},
    ),
    "float32 products in float64": Lesser(
        Kernel(product=product_of(through(float32))),
        (float64,),
        "matrix products in float32",
        {"products": "float32", "accumulates": "float32"},
    ),
    "float32 arithmetic in float64": Lesser(
        Kernel(taken=lambda a: a.astype(np.float32), given=lambda a: a.astype(np.float64)),
        (float64,),
        "float32 arithmetic in float64",
        {"computes": "float32"},
    ),
    "bfloat16 arithmetic in float32": Lesser(
        Kernel(taken=lambda a: a.astype(bfloat16.dtype), given=lambda a: a.astype(np.float32)),
        (float32,),
        "bfloat16 arithmetic in float32",
        {"computes": "bfloat16"},
    ),
    "σ off by 10 u": Lesser(
        Kernel(sigma=off_by(sigmoid, 10)), (float32,), "a σ wrong by up to ", {"kappa_sigma": 16}
    ),
    "σ off by 55 u": Lesser(
        Kernel(sigma=_ends_loosely), (float32,), "a σ wrong by up to ", {"kappa_sigma": 64}
    ),
    "tanh off by 17 u": Lesser(
        Kernel(tanh=off_by(tanh, 17)), (float32,), "a tanh wrong by up to ", {"kappa_tanh": 20}
    ),
    "σ and tanh": Lesser(
        Kernel(sigma=off_by(sigmoid, 12), tanh=off_by(tanh, 17)),
        (float32,),
        " and a tanh wrong by up to ",
        {"kappa_sigma": 16, "kappa_tanh": 20},
    ),
    "tanh in float32": Lesser(
        Kernel(tanh=lambda a: tanh(a.astype(np.float32)).astype(a.dtype)),
        (float64,),
        "a tanh wrong by up to 2^31 u",
        {"kappa_tanh": 2.0**31},
    ),
    "tanh by σ": Lesser(
        Kernel(tanh=_tanh_by_sigma),
        (float32,),
        "a tanh that is accurate to units of 1",
        {"tanh": "absolute"},
    ),
    "state in bfloat16": Lesser(
        Kernel(kept=through(bfloat16)),
        (float32,),
        "a state in bfloat16 between steps",
        {"carry": "bfloat16"},
    ),
    "state in float16": Lesser(
        Kernel(kept=through(float16)),
        (float32,),
        "a state in float16 between steps",
        {"carry": "float16"},
    ),
}


@dataclass(frozen=True)
class Backward:
    """NumPy's GRU whose gradients are changed, and maybe its states."""

    change: Map
    states: Map = same
    back: Any = NUMPY

    def step(self, *arguments: Any) -> Any:
        """The next state (B, H)."""
        return self.states(NUMPY.step(*arguments))

    def step_vjp(self, *arguments: Any) -> Gradients:
        """Its gradients."""
        found = self.back.step_vjp(*arguments)
        parts = (
            found.weight_ih,
            found.weight_hh,
            found.bias_ih,
            found.bias_hh,
            found.inputs,
            found.state,
        )
        return Gradients(*(None if part is None else self.change(part) for part in parts))

    def target(self, *formats: Format, **declared: Any) -> Any:
        """It as a backend; what NumPy itself is, is declared."""
        own = {"kappa_sigma": 5.0, "sums_in_format": {fmt.name: True for fmt in FORMATS[:2]}}
        given: dict[str, Any] = {**own, **declared}
        return backend(
            step=self.step, step_vjp=self.step_vjp, variants=[Variant()], formats=formats, **given
        )
