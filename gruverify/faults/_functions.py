"""Faults of σ and tanh: the formulas over arrays whose activation function is another."""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic import NDArray, float16, float32, float64
from gruverify.backends import Backend
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty

#: bfloat16 has an array type of its own already.
_NATIVE = (float16, float32, float64)


def _over(kind: type[NDArray]) -> Backend:
    """The formulas over arrays of this kind."""
    # The formulas ask an array for its own `sigmoid` and `tanh` first: values and gradients
    # change alike.
    return Faulty(given=lambda a: a.view(kind), formats=_NATIVE)


class _HardSigmoid(NDArray):
    def sigmoid(self) -> NDArray:
        straight: NDArray = np.clip(self / 6 + self.dtype.type(0.5), 0, 1)
        return straight


@fault(
    "forward",
    "σ(a) = clip(a/6 + 1/2, 0, 1)",
    touches="FWD JAC dθ dx dh0",
    thread="keras-team/keras#9112",
)
def hard_sigmoid() -> Backend:
    """Gates that are piecewise linear."""
    return _over(_HardSigmoid)


class _EarlyTanh(NDArray):
    def tanh(self) -> NDArray:
        held: NDArray = np.tanh(np.clip(self, -2, 2))
        return held


@fault("saturated", "tanh(clip(a, -2, 2))", touches="FWD JAC dθ dx dh0")
def tanh_saturating_early() -> Backend:
    """A table of tanh that ends at 2."""
    return _over(_EarlyTanh)


class _Unsquashed(NDArray):
    def tanh(self) -> NDArray:
        return self


@fault("forward", "c = a_c for tanh(a_c)", touches="FWD JAC dθ dx dh0")
def candidate_not_squashed() -> Backend:
    """A candidate without its tanh."""
    return _over(_Unsquashed)


class _Overflowing(NDArray):
    def tanh(self) -> NDArray:
        e = np.exp(2 * self)
        ratio: NDArray = (e - 1) / (e + 1)
        return ratio


@fault("saturated", "tanh a = (e²ᵃ-1)/(e²ᵃ+1)", touches="FWD NAN", thread="triton-lang/triton#8551")
def tanh_by_exponentials() -> Backend:
    """Tanh that is ∞/∞ from a = 45 on, in single precision."""
    return _over(_Overflowing)
