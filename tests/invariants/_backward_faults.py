"""Faults of derivatives: the step is right, its Jacobian, pullback or back-propagation through time is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gruverify import VARIANTS, Backend, Cell, Gradients, Variant
from gruverify.cell import BLOCKS
from gruverify.invariants._blocks import _PACKED, spelled

from ._faulty import Faulty, altered, fault, gates, with_gates

# -- the Jacobian of a step -------------------------------------------------------------------------------------------


@fault("agreement/jacobian-state", "agreement/vjp-is-transposed-jacobian")
def jacobian_transposed() -> Backend:
    """∂h_j/∂h'_i at (i, j)."""
    return Faulty(step_jacobian=lambda pair, *_: (pair[0].swapaxes(1, 2), pair[1]))


@fault(
    "agreement/jacobian-state",
    "agreement/jacobian-input",
    "agreement/vjp-is-transposed-jacobian",
    "regimes/carry-jacobian",
    "regimes/carry-jacobian-is-the-gate",
)
def jacobian_twice_as_large() -> Backend:
    """A factor 2."""
    return Faulty(step_jacobian=lambda pair, *_: (2 * pair[0], 2 * pair[1]))


@fault("agreement/jacobian-state", "regimes/carry-jacobian", "regimes/carry-jacobian-is-the-gate")
def jacobian_without_the_carry() -> Backend:
    """Zero: what the state passes on directly is forgotten."""
    return Faulty(step_jacobian=lambda pair, *_: (0 * pair[0], pair[1]))


@fault("regimes/forget-jacobian", "regimes/elman-jacobian")
def jacobian_that_never_forgets() -> Backend:
    """The identity, as if every gate were open."""
    return Faulty(step_jacobian=lambda pair, *_: (0 * pair[0] + np.eye(pair[0].shape[1], dtype=pair[0].dtype), pair[1]))


@fault("agreement/jacobian-input")
def jacobian_of_the_input_negated() -> Backend:
    """A wrong sign in ∂h/∂x alone."""
    return Faulty(step_jacobian=lambda pair, *_: (pair[0], -pair[1]))


# -- one block of the gradients ---------------------------------------------------------------------------------------


def _without(block: str, gradients: Gradients, *_: Any) -> Gradients:
    name, gate = _PACKED[block[:3]], block[3]
    packed = getattr(gradients, name)
    return replace(gradients, **{name: with_gates(packed, **{gate: 0 * gates(packed)["rzc".index(gate)]})})


def _losing(block: str) -> Callable[[], Backend]:
    """A gradient that is 0 in one block, in the step's pullback and in that of the sequence."""

    def lost() -> Backend:
        variants = [variant for variant in VARIANTS if variant.bias or block.startswith("W")]
        return Faulty(step_vjp=partial(_without, block), sequence_vjp=partial(_without, block), variants=variants)

    lost.__name__ = f"no_gradient_of_{spelled(block)}"
    return lost


_BESIDES = {
    "W_hz": ["regimes/forget-update-gradient"],
    "W_xc": ["regimes/forget-candidate-gradient"],
    "b_xc": ["regimes/forget-candidate-gradient"],
}
for _block in BLOCKS:
    fault(
        f"agreement/gradient-{spelled(_block)}",
        "agreement/step-vjp",
        "agreement/gradient-of-last",
        "agreement/analytic-gradient",
        "bounds/gradient-sign",
        *_BESIDES.get(_block, []),
    )(_losing(_block))


def _each(f: Callable[[Gradients], Gradients], variants: Any = VARIANTS) -> Backend:
    return Faulty(step_vjp=lambda g, *_: f(g), sequence_vjp=lambda g, *_: f(g), variants=variants)


@fault("agreement/gradient-bias_hh-candidate", "agreement/step-vjp", "regimes/order-recurrent-candidate")
def recurrent_bias_gradient_without_reset() -> Backend:
    """dL/db_hc taken for dL/db_xc: without its factor r."""
    return _each(
        lambda g: replace(g, bias_hh=with_gates(g.bias_hh, c=gates(g.bias_ih)[2])),
        [Variant(), Variant(update="replace")],
    )


@fault("agreement/gradient-weight_ih-reset", "agreement/step-vjp", "regimes/order-reset")
def reset_gradient_without_the_slope_of_its_gate() -> Backend:
    """dL/dW_xr taken for dL/dW_xc: without q r(1-r)."""
    return _each(lambda g: replace(g, weight_ih=with_gates(g.weight_ih, r=gates(g.weight_ih)[2])))


@fault(
    "agreement/gradient-weight_ih-update",
    "agreement/gradient-weight_hh-update",
    "regimes/order-update",
    "regimes/forget-update-gradient",
)
def update_gradient_without_the_slope_of_its_gate() -> Backend:
    """The candidate's gradient in the place of the update gate's: without z(1-z)."""
    return _each(
        lambda g: replace(
            g,
            weight_ih=with_gates(g.weight_ih, z=gates(g.weight_ih)[2]),
            weight_hh=with_gates(g.weight_hh, z=gates(g.weight_hh)[2]),
        )
    )


@fault("agreement/step-vjp", "regimes/order-candidate")
def candidate_gradient_without_the_update_gate() -> Backend:
    """Each candidate gradient one larger: what a shut gate should stop comes through."""
    return _each(lambda g: replace(g, weight_ih=with_gates(g.weight_ih, c=gates(g.weight_ih)[2] + 1)))


@fault("regimes/closed-update-gate")
def update_gradient_never_quite_zero() -> Backend:
    """dL/dU_z kept from 0 by the smallest number of the format."""
    smallest = np.float32(2.0**-149)
    return _each(lambda g: replace(g, weight_hh=np.where(g.weight_hh == 0, smallest, g.weight_hh)))


# -- through time -----------------------------------------------------------------------------------------------------


@fault("bounds/gradient-sign", "agreement/analytic-gradient", "agreement/decomposition")
def gradients_of_the_negated_loss() -> Backend:
    """Ascent instead of descent."""
    return Faulty(sequence_vjp=lambda g, *_: altered(g, np.negative))


@fault("agreement/gradient-state", "agreement/decomposition", "regimes/carry-gradient")
def no_gradient_of_the_state() -> Backend:
    """dL/dh_0 = 0: the initial state is detached."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, state=0 * g.state))


@fault("agreement/gradient-inputs")
def gradients_of_inputs_reversed_in_time() -> Backend:
    """dL/dx from the last to the first."""
    return Faulty(sequence_vjp=lambda g, *_: replace(g, inputs=g.inputs[::-1].copy()))


def _once_more(f: Callable[..., tuple[Any, ...]]) -> Backend:
    """Gradients of the sequence from other arguments than the given ones."""
    right = Faulty()
    return Faulty(sequence_vjp=lambda g, cell, *given: right.sequence_vjp(cell, *f(cell, *given)))


@fault("agreement/gradient-state", "agreement/gradient-weight_hh-candidate", "agreement/decomposition")
def cotangents_of_outputs_ignored() -> Backend:
    """Only the loss on the last state is differentiated."""
    return _once_more(lambda cell, inputs, state, d_outputs, d_last: (inputs, state, None, d_last))


@fault("agreement/gradient-of-last", "agreement/gradient-state")
def cotangent_of_last_ignored() -> Backend:
    """Only the loss on the outputs is differentiated."""

    def without(cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> tuple[Any, ...]:
        zeros = np.zeros((len(inputs), *state.shape), state.dtype)
        return inputs, state, zeros if d_outputs is None else d_outputs, None

    return _once_more(without)


@fault(
    "agreement/gradient-inputs",
    "agreement/gradient-state",
    "agreement/gradient-of-last",
    "agreement/decomposition",
    "agreement/analytic-gradient",
    "regimes/carry-gradient",
)
def only_the_last_step_differentiated() -> Backend:
    """Back-propagation truncated to one step."""
    right = Faulty()

    def truncated(g: Gradients, cell: Cell, inputs: Any, state: Any, d_outputs: Any, d_last: Any) -> Gradients:
        outputs, _ = right.sequence(cell, inputs, state)
        before = state if len(inputs) == 1 else outputs[-2]
        last = right.sequence_vjp(cell, inputs[-1:], before, None if d_outputs is None else d_outputs[-1:], d_last)
        missing = np.zeros_like(inputs[:-1])
        return replace(
            last,
            inputs=np.concatenate([missing, last.inputs]),
            state=last.state if len(inputs) == 1 else 0 * last.state,
        )

    return Faulty(sequence_vjp=truncated)


@fault("agreement/step-vjp", "agreement/vjp-is-transposed-jacobian", "agreement/decomposition")
def cotangent_of_the_step_ignored() -> Backend:
    """The pullback of a step at ones, whatever the cotangent."""
    right = Faulty()
    return Faulty(step_vjp=lambda g, cell, x, h, cotangent: right.step_vjp(cell, x, h, np.ones_like(cotangent)))
