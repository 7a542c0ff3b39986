"""Faults of gradients: the step is right, its pullback is not, nor what back-propagation makes of
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gruverify.arithmetic import NDArray, format_of
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import BLOCKS, VARIANTS, Cell, Gradients, Variant
from gruverify.faults._fault import fault
from gruverify.faults._faulty import AFTER, BIASED, Faulty, altered, gates, with_gates

_PACKED = {"W_x": "weight_ih", "W_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
_GATES = {"r": "reset", "z": "update", "c": "candidate"}


def _each(f: Callable[[Gradients], Gradients], variants: Sequence[Variant] = VARIANTS) -> Backend:
    """`f` applied to the gradients of a step and of a sequence."""
    return Faulty(step_vjp=lambda g, *_: f(g), sequence_vjp=lambda g, *_: f(g), variants=variants)


# -- one block is 0 --------------------------------------------------------------------------------


def _without(block: str, gradients: Gradients) -> Gradients:
    name, gate = _PACKED[block[:3]], block[3]
    packed = getattr(gradients, name)
    return replace(
        gradients, **{name: with_gates(packed, **{gate: 0 * gates(packed)["rzc".index(gate)]})}
    )


def _losing(block: str) -> Callable[[], Backend]:
    def lost() -> Backend:
        return _each(partial(_without, block), VARIANTS if block.startswith("W") else BIASED)

    # Its id: no-gradient-of-weight-ih-reset and so on.
    lost.__name__ = f"no_gradient_of_{_PACKED[block[:3]].replace('_', '-')}_{_GATES[block[3]]}"
    lost.__doc__ = f"The gradient of {block} is never written."
    return lost


for _block in BLOCKS:
    fault("gradient", f"dL/d{_block} = 0", touches="dθ")(_losing(_block))


# -- a factor is missing ---------------------------------------------------------------------------


@fault("gradient", "dL/db_hc = α_c for r∘α_c", touches="dθ")
def recurrent_bias_gradient_without_reset() -> Backend:
    """dL/db_hc taken for dL/db_xc: without its factor r."""
    return _each(
        lambda g: replace(g, bias_hh=with_gates(g.bias_hh, c=gates(g.bias_ih)[2])),
        [variant for variant in BIASED if variant in AFTER],
    )


@fault("gradient", "dL/dW_xr = dL/dW_xc", touches="dθ")
def reset_gradient_without_the_slope_of_its_gate() -> Backend:
    """dL/dW_xr taken for dL/dW_xc: without q r(1-r)."""
    return _each(lambda g: replace(g, weight_ih=with_gates(g.weight_ih, r=gates(g.weight_ih)[2])))


@fault("gradient", "dL/d(W_xz, W_hz) = dL/d(W_xc, W_hc)", touches="dθ")
def update_gradient_without_the_slope_of_its_gate() -> Backend:
    """The candidate's gradient in the place of the update gate's: without z(1-z)."""
    return _each(
        lambda g: replace(
            g,
            weight_ih=with_gates(g.weight_ih, z=gates(g.weight_ih)[2]),
            weight_hh=with_gates(g.weight_hh, z=gates(g.weight_hh)[2]),
        )
    )


@fault("gradient", "dL/dW_xc + 1", touches="dθ")
def candidate_gradient_without_the_update_gate() -> Backend:
    """Each candidate gradient one larger: what a shut gate should stop comes through."""
    return _each(
        lambda g: replace(g, weight_ih=with_gates(g.weight_ih, c=gates(g.weight_ih)[2] + 1))
    )


@fault("saturated", "dL/dW_h ≥ the smallest number, where it is 0", touches="dθ")
def update_gradient_never_quite_zero() -> Backend:
    """dL/dU_z kept from 0 by the smallest number of the format."""

    def kept(g: Gradients) -> Gradients:
        # Where z = 0 exactly, the gradient of the update gate is exactly 0 (theory.md, 4.1).
        smallest = g.weight_hh.dtype.type(format_of(g.weight_hh.dtype).min_subnormal)
        return replace(g, weight_hh=np.where(g.weight_hh == 0, smallest, g.weight_hh))

    return _each(kept)


@fault("gradient", "-dL/dθ", touches="dθ dx dh0")
def gradients_of_the_negated_loss() -> Backend:
    """Ascent instead of descent."""
    return Faulty(sequence_vjp=lambda g, *_: altered(g, np.negative))


@fault("gradient", "1ᵀ∂h/∂θ for gᵀ∂h/∂θ", touches="dθ dx dh0")
def cotangent_of_the_step_ignored() -> Backend:
    """The pullback of a step at ones, whatever the cotangent."""
    right = NumpyBackend()

    def at_ones(g: Gradients, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        return right.step_vjp(cell, x, h, np.ones_like(cotangent))

    return Faulty(step_vjp=at_ones)


@fault("gradient", "dL/dW_h/2 where no h_0 is given", touches="dθ")
def recurrent_gradients_without_a_state_halved() -> Backend:
    """Another branch where there is no initial state, which counts half of the steps."""
    return Faulty(
        sequence_vjp=lambda g, cell, inputs, state, *_: (
            g if state is not None else replace(g, weight_hh=g.weight_hh / 2)
        )
    )
