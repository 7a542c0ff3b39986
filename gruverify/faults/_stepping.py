"""What faults of values are made of: a step of a few lines, any of which can be another, and the
loop around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import FORMATS, Array, Format, NDArray, floating, sigmoid, tanh
from gruverify.arithmetic import blend as blended
from gruverify.backends import NumpyBackend
from gruverify.cell import VARIANTS, Cell, Parameters, Variant

#: One step: the variant, the parameters, x (B, I) and h (B, H) to the next state (B, H), over any
#: arithmetic.
StepOf: TypeAlias = Callable[[Variant, Parameters, Array, Array], Array]
#: A loop: the step x, h -> h, inputs (T, B, I) and state (B, H) to outputs, a list of T arrays (B,
#: H), and last (B, H).
Loop: TypeAlias = Callable[
    [Callable[[Array, Array], Array], Array, Array], tuple[list[Array], Array]
]


def reset(p: Parameters, x: Array, h: Array) -> Array:
    """The pre-activation of r."""
    return x @ p.W_xr.T + p.b_xr + h @ p.W_hr.T + p.b_hr


def update(p: Parameters, x: Array, h: Array) -> Array:
    """The pre-activation of z."""
    return x @ p.W_xz.T + p.b_xz + h @ p.W_hz.T + p.b_hz


def candidate(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
    """The pre-activation of c."""
    if v.reset == "after":
        return x @ p.W_xc.T + p.b_xc + r * (h @ p.W_hc.T + p.b_hc)
    return x @ p.W_xc.T + p.b_xc + (r * h) @ p.W_hc.T + p.b_hc


def blend(v: Variant, z: Array, h: Array, c: Array) -> Array:
    """The next state."""
    if v.update == "keep":
        return blended(z, h, c)
    return blended(z, c, h)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The lines of a step, as they should be unless given; called, it is the step."""

    σ_r: Callable[[Array], Array] = sigmoid
    σ_z: Callable[[Array], Array] = sigmoid
    tanh: Callable[[Array], Array] = tanh
    reset: Callable[[Parameters, Array, Array], Array] = reset
    update: Callable[[Parameters, Array, Array], Array] = update
    candidate: Callable[[Variant, Parameters, Array, Array, Array], Array] = candidate
    blend: Callable[[Variant, Array, Array, Array], Array] = blend

    def __call__(self, v: Variant, p: Parameters, x: Array, h: Array) -> Array:
        """X (B, I), h (B, H) -> (B, H)."""
        # (2.1): candidate and blend depend on the convention, the gates do not.
        r = self.σ_r(self.reset(p, x, h))
        z = self.σ_z(self.update(p, x, h))
        return self.blend(v, z, h, self.tanh(self.candidate(v, p, x, h, r)))


def in_order(
    step: Callable[[Array, Array], Array], inputs: Array, state: Array
) -> tuple[list[Array], Array]:
    """The right loop."""
    outputs = []
    for x in inputs:
        state = step(x, state)
        outputs.append(state)
    return outputs, state


class Stepping:
    """A backend that has values alone: `step` and `sequence`, of a step function and a loop, over
    NumPy arrays.
    """

    name = "stepping"
    # Its functions and sums are NumPy's, and as accurate.
    kappa_sigma: Mapping[str, float] = NumpyBackend.kappa_sigma
    sums_in_format: Mapping[str, bool] = NumpyBackend.sums_in_format
    accumulates: Mapping[str, str] | None = None
    tanh, blend = "relative", "A+B"

    def __init__(
        self,
        step: StepOf | None = None,
        loop: Loop = in_order,
        *,
        variants: Sequence[Variant] = VARIANTS,
        formats: Sequence[Format] = FORMATS,
    ) -> None:
        self._step, self._loop = step or Lines(), loop
        self.variants = variants
        self.formats = formats

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """One step: x (B, I), h (B, H) -> (B, H)."""
        return self._answer(
            cell, self._step(cell.variant, cell.parameters(floating), floating(x), floating(h))
        )

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        if state is None:
            start = np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
        else:
            start = state
        outputs, last = self._loop(lambda x, h: self.step(cell, x, h), inputs, start)
        return np.stack(outputs), np.array(last)

    def _answer(self, cell: Cell, h: Array) -> NDArray:
        return np.asarray(h).astype(cell.format.dtype, copy=False)


def stepping(
    *,
    variants: Sequence[Variant] = VARIANTS,
    formats: Sequence[Format] = FORMATS,
    **lines: Callable[..., Array],
) -> Stepping:
    """The backend of a step with other lines (see `Lines`)."""
    return Stepping(Lines(**lines), variants=variants, formats=formats)


def looping(
    loop: Loop, *, variants: Sequence[Variant] = VARIANTS, formats: Sequence[Format] = FORMATS
) -> Stepping:
    """The backend of the right step in another loop."""
    return Stepping(loop=loop, variants=variants, formats=formats)
