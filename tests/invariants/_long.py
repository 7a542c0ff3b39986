"""Cells at their default initialization over runs of any length, and faults that come late or
backward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import Backend, Case, Cell, Format, Variant
from gruverify.cell import Parameters
from gruverify.faults._faulty import AFTER
from gruverify.faults._pulling import BackwardLines, Chain, Pulling, pulling
from gruverify.faults._stepping import looping, stepping
from gruverify.formulas import Activations, Pullback, gate_cotangents, pullback

#: The step from which on a late fault is wrong.
LATE = 8


def long_case(
    format: Format,
    variant: Variant | None = None,
    *,
    H: int = 8,
    I: int | None = None,
    T: int = 16,
    B: int = 2,
) -> Case:
    """Weights U(±1/√H), inputs and cotangents N(0, 1), a state U(-1, 1): a layer as it is before
    training.
    """
    v, columns, random = variant or Variant(), H if I is None else I, np.random.default_rng(0)

    def uniform(*shape: int) -> Any:
        return format.cast(random.uniform(-1, 1, shape) / np.sqrt(H))

    def normal(*shape: int) -> Any:
        return format.cast(random.normal(size=shape))

    biases = (uniform(3 * H), uniform(3 * H)) if v.bias else ()
    cell = Cell(v, uniform(3 * H, columns), uniform(3 * H, H), *biases)
    state = format.cast(random.uniform(-1, 1, (B, H)))
    return Case(cell, normal(T, B, columns), state, normal(T, B, H), normal(B, H))


# -- forward ---------------------------------------------------------------------------------------


def reset_on_the_other_side() -> Backend:
    """The candidate of a cell that resets after the product is reset before it."""

    def before(v: Variant, p: Parameters, x: Any, h: Any, r: Any) -> Any:
        return x @ p.W_xc.T + p.b_xc + (r * h) @ p.W_hc.T + p.b_hc

    return stepping(candidate=before, variants=AFTER)


def recurrent_bias_outside_the_reset() -> Backend:
    """b_hc is not reset."""

    def outside(v: Variant, p: Parameters, x: Any, h: Any, r: Any) -> Any:
        return x @ p.W_xc.T + p.b_xc + r * (h @ p.W_hc.T) + p.b_hc

    return stepping(candidate=outside, variants=AFTER)


def state_halved_late() -> Backend:
    """From step 8 on, half the state."""

    def loop(step: Callable[[Any, Any], Any], inputs: Any, state: Any) -> tuple[list[Any], Any]:
        outputs = []
        for t, x in enumerate(inputs):
            state = step(x, state) * (x.dtype.type(0.5) if t >= LATE else x.dtype.type(1))
            outputs.append(state)
        return outputs, state

    return looping(loop)


FORWARD = (reset_on_the_other_side, recurrent_bias_outside_the_reset, state_halved_late)

# -- backward, where the values are right ----------------------------------------------------------


def reset_cotangent_of_the_other_side() -> Backend:
    """α_r by h' in the place of q."""
    return pulling(reset=lambda a: a.h * a.r * (1 - a.r), variants=AFTER)


def product_without_its_bias() -> Backend:
    """α_r by W_hc h' in the place of W_hc h' + b_hc."""

    def pull(v: Variant, p: Parameters, a: Activations, g: Any) -> Pullback:
        return BackwardLines(reset=lambda a: (a.q - p.b_hc) * a.r * (1 - a.r))(v, p, a, g)

    return Pulling(pull, variants=AFTER)


def _back(change: Callable[[Any, Parameters], Any]) -> Backend:
    """What comes back to h', changed by something made of the gates' cotangents."""

    def pull(v: Variant, p: Parameters, a: Activations, g: Any) -> Pullback:
        right = pullback(v, p, a, g)
        return replace(right, h=right.h + change(gate_cotangents(v, p, a, g), p))

    return Pulling(pull)


def path_through_the_reset_gate_dropped() -> Backend:
    """No W_hrᵀα_r."""
    return _back(lambda α, p: -(α.r @ p.W_hr))


def path_through_the_update_gate_too_large() -> Backend:
    """W_hzᵀα_z is 1 % too large."""
    return _back(lambda α, p: (α.z @ p.W_hz) * p.W_hz.dtype.type(0.01))


def cut_off_in_the_middle() -> Backend:
    """Nothing comes back to the first half of the steps."""
    return Pulling(chain=Chain(handed=lambda t, T, g: 0 * g if t == T // 2 else g))


def last_step_missing_in_the_recurrent_weights() -> Backend:
    """dL/dW_h without the term of the last step."""

    def summed(terms: Any) -> Parameters:
        nothing = {name: 0 * getattr(terms[0], name) for name in ("W_hr", "W_hz", "W_hc")}
        total = replace(terms[0], **nothing)
        for term in terms[1:]:
            total = total + term
        return total

    return Pulling(chain=Chain(summed=summed))


def no_slope_of_tanh_at_the_first_step() -> Backend:
    """The candidate's slope at t = 0 is that of the identity."""

    def seen(t: int, steps: Any) -> Activations:
        return replace(steps[t], a_c=None) if t == 0 else steps[t]

    def pull(v: Variant, p: Parameters, a: Activations, g: Any) -> Pullback:
        return (
            BackwardLines(candidate=lambda a: a.take)(v, p, a, g)
            if a.a_c is None
            else pullback(v, p, a, g)
        )

    return Pulling(pull, Chain(seen=seen))


BACKWARD = (
    reset_cotangent_of_the_other_side,
    product_without_its_bias,
    path_through_the_reset_gate_dropped,
    path_through_the_update_gate_too_large,
    cut_off_in_the_middle,
    last_step_missing_in_the_recurrent_weights,
    no_slope_of_tanh_at_the_first_step,
)
