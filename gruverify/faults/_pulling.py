"""What faults of gradients are made of: a backward pass of a few lines, any of which can be
another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic import Array, NDArray, floating
from gruverify.backends import NumpyBackend
from gruverify.cell import VARIANTS, Cell, Gradients, Parameters, Variant, pack
from gruverify.formulas import (
    Activations,
    Pullback,
    activations,
    candidate_slope,
    pullback,
    reset_slope,
    sequence,
    update_slope,
)

#: From the variant, the parameters, the activations of a step and the cotangent of its state to
#: what it pulls back.
PullOf: TypeAlias = Callable[[Variant, Parameters, Activations, Array], Pullback]


@dataclass(frozen=True, kw_only=True)
class BackwardLines:
    """The lines of a pullback, as they should be unless given; called, it is the pullback
    (theory.md, 2.4).

    update, candidate and reset are the slopes of the pre-activations; direct what the cotangent of
    h' has of that of h; through what comes back by a gate: cotangents (B, H) and weights (H, ·) to
    (B, ·).
    """

    update: Callable[[Variant, Activations], Array] = update_slope
    candidate: Callable[[Activations], Array] = candidate_slope
    reset: Callable[[Activations], Array] = reset_slope
    direct: Callable[[Activations], Array] = lambda a: a.keep
    through: Callable[[Array, Array], Array] = lambda α, W: α @ W
    over_batch: Callable[[Array, Array], Array] = lambda α, a: α.T @ a

    def __call__(self, v: Variant, p: Parameters, a: Activations, g: Array) -> Pullback:
        """The step's vector-Jacobian product at g (B, H)."""
        # (2.4), in its order: α_r of either convention needs α_c.
        α_z, α_c = g * self.update(v, a), g * self.candidate(a)
        if v.reset == "after":
            α_r, α_q = α_c * self.reset(a), α_c * a.r
            back, into = self.through(α_q, p.W_hc), self.over_batch(α_q, a.h)
        else:
            before, α_q = self.through(α_c, p.W_hc), α_c
            α_r, back, into = before * self.reset(a), before * a.r, self.over_batch(α_c, a.r * a.h)
        g_h = g * self.direct(a) + self.through(α_z, p.W_hz) + self.through(α_r, p.W_hr) + back
        g_x = α_z @ p.W_xz + α_r @ p.W_xr + α_c @ p.W_xc
        # Biases as weights of an input that is 1: `over_batch` then alters both alike.
        ones = np.ones((len(g), 1), g.dtype).view(type(g))
        biases = {
            f"b_x{k}": self.over_batch(α, ones)[:, 0]
            for k, α in zip("rzc", (α_r, α_z, α_c), strict=True)
        }
        biases |= {
            f"b_h{k}": self.over_batch(α, ones)[:, 0]
            for k, α in zip("rzc", (α_r, α_z, α_q), strict=True)
        }
        inputs = {
            f"W_x{k}": self.over_batch(α, a.x) for k, α in zip("rzc", (α_r, α_z, α_c), strict=True)
        }
        states = {f"W_h{k}": self.over_batch(α, a.h) for k, α in zip("rz", (α_r, α_z), strict=True)}
        return Pullback(Parameters(**inputs, **states, W_hc=into, **biases), g_x, g_h)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The lines of back-propagation through time, as they should be unless given.

    met: the cotangent that reaches a step, from t (0 is the first), T, that of its output and that
    which comes from later steps (None at the last); handed: the cotangent that goes on to the step
    before, from t, T and it; summed: the parameters' gradients, from those of the steps, last step
    first; seen: the activations for step t's pullback, of all steps.
    """

    met: Callable[[int, int, Array | None, Array | None], Array | None] = lambda t, T, own, later: (
        own if later is None else later if own is None else own + later
    )
    handed: Callable[[int, int, Array], Array] = lambda t, T, g: g
    summed: Callable[[Sequence[Parameters]], Parameters] = lambda terms: reduce(add, terms)
    seen: Callable[[int, Sequence[Activations]], Activations] = lambda t, steps: steps[t]


class Pulling(NumpyBackend):
    """NumpyBackend with other derivatives: a pullback of the step, and how those of the steps are
    chained.
    """

    stack = stack_vjp = None  # type: ignore[assignment]  # so that it offers neither

    def __init__(
        self,
        pull: PullOf = pullback,
        chain: Chain | None = None,
        *,
        variants: Sequence[Variant] = VARIANTS,
    ) -> None:
        self._pull, self._chain = pull, chain or Chain()
        self.variants = tuple(variants)

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """Gradients of one step at the cotangent (B, H)."""
        p = cell.parameters(floating)
        a = activations(cell.variant, p, floating(x), floating(h))
        back = self._pull(cell.variant, p, a, floating(cotangent))
        return pack(back.parameters, back.x, back.h, cell.variant.bias)

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients of a sequence at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        v, p, T = cell.variant, cell.parameters(floating), len(inputs)
        # Forward from the right formulas: here only what comes back can be wrong.
        run = sequence(v, p, list(floating(inputs)), floating(self._state(cell, inputs, state)))
        g, terms = None if d_last is None else floating(d_last), []
        for t in reversed(range(T)):
            if d_outputs is None:
                own = None
            else:
                own = floating(d_outputs)[t]
            terms.append(
                self._pull(v, p, self._chain.seen(t, run.steps), self._chain.met(t, T, own, g))
            )
            g = self._chain.handed(t, T, terms[-1].h)
        parameters = self._chain.summed([term.parameters for term in terms])
        return pack(
            parameters, np.stack([term.x for term in reversed(terms)]), np.asarray(g), v.bias
        )


def pulling(*, variants: Sequence[Variant] = VARIANTS, **lines: Callable[..., Array]) -> Pulling:
    """The backend of a pullback with other lines (see `BackwardLines`)."""
    return Pulling(BackwardLines(**lines), variants=variants)


def chaining(**lines: Callable[..., Array]) -> Pulling:
    """The backend of the right pullback, chained by other lines (see `Chain`)."""
    return Pulling(chain=Chain(**lines))
