"""Faults of the step and of the sequence: what is computed is not the GRU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import VARIANTS, Backend, Cell

from ._faulty import Faulty, fault, gates, reordered, with_gates

BIASED = [variant for variant in VARIANTS if variant.bias]


@fault(
    "agreement/step",
    "agreement/outputs",
    "agreement/last",
    "agreement/step-vjp",
    "regimes/carry-jacobian",
    "regimes/carry-jacobian-is-the-gate",
    "regimes/carry-copies-state",
    "regimes/carry-gradient",
    "regimes/forget-jacobian",
    "regimes/forget-takes-candidate",
    "regimes/forget-candidate-gradient",
    "regimes/elman-jacobian",
    "regimes/order-candidate",
    "bounds/gradient-sign",
)
def inverted_update_gate() -> Backend:
    """Z multiplies the candidate where it should multiply the state, and the other way round."""
    other = {"keep": "replace", "replace": "keep"}

    def inverted(cell: Cell) -> Cell:
        return replace(cell, variant=replace(cell.variant, update=other[cell.variant.update]))

    return Faulty(cell=inverted)


def _packed(cell: Cell, order: str) -> Cell:
    return replace(cell, **{name: reordered(array, order) for name, array in cell.packed().items()})


@fault("agreement/step", "agreement/jacobian-state", "agreement/jacobian-input", "regimes/order-reset")
def swapped_reset_and_update() -> Backend:
    """Gate order z, r, n: Keras's, read as PyTorch's."""
    return Faulty(cell=lambda cell: _packed(cell, "zrc"))


@fault("agreement/step", "agreement/outputs", "regimes/forget-takes-candidate", "regimes/order-update")
def gates_in_another_order() -> Backend:
    """Gate order n, r, z."""
    return Faulty(cell=lambda cell: _packed(cell, "crz"))


@fault("agreement/step", "agreement/jacobian-state", "agreement/step-vjp", "regimes/order-recurrent-candidate")
def reset_on_the_other_side() -> Backend:
    """The reset gate before the recurrent product instead of after it, and the other way round."""
    other = {"after": "before", "before": "after"}
    return Faulty(cell=lambda cell: replace(cell, variant=replace(cell.variant, reset=other[cell.variant.reset])))


@fault("agreement/step", "agreement/last", "agreement/gradient-bias_hh-candidate")
def candidate_bias_outside_the_reset_product() -> Backend:
    """Both biases of the candidate added to its input part, as if there were only one."""

    def moved(cell: Cell) -> Cell:
        c_i, c_h = gates(cell.bias_ih)[2], gates(cell.bias_hh)[2]
        return replace(cell, bias_ih=with_gates(cell.bias_ih, c=c_i + c_h), bias_hh=with_gates(cell.bias_hh, c=0 * c_h))

    return Faulty(cell=moved, variants=[variant for variant in BIASED if variant.reset == "after"])


@fault("agreement/step", "agreement/outputs", "agreement/last")
def biases_ignored() -> Backend:
    """Biases that are there and are never added."""
    return Faulty(cell=lambda cell: replace(cell, bias_ih=0 * cell.bias_ih, bias_hh=0 * cell.bias_hh), variants=BIASED)


@fault("agreement/step", "agreement/outputs")
def recurrent_candidate_bias_missing() -> Backend:
    """One bias for the candidate where the cell has two."""
    return Faulty(
        cell=lambda cell: replace(cell, bias_hh=with_gates(cell.bias_hh, c=0 * gates(cell.bias_hh)[2])), variants=BIASED
    )


@fault("agreement/step", "agreement/outputs")
def recurrent_biases_added_twice() -> Backend:
    """b_h counted on both sides."""
    return Faulty(cell=lambda cell: replace(cell, bias_ih=cell.bias_ih + cell.bias_hh), variants=BIASED)


@fault("agreement/step", "agreement/jacobian-state")
def recurrent_weights_transposed() -> Backend:
    """Each gate's W_h used as its transpose."""
    return Faulty(cell=lambda cell: replace(cell, weight_hh=np.concatenate([W.T for W in gates(cell.weight_hh)])))


@fault("agreement/step", "agreement/outputs")
def stale_weights() -> Backend:
    """The first weights of each size are kept for ever."""
    first: dict[Any, Cell] = {}
    return Faulty(cell=lambda cell: first.setdefault((cell.variant, cell.weight_ih.shape, cell.weight_hh.shape), cell))


# -- wrong functions: the formulas over numbers whose σ or tanh is another --------------------------------------------


class _HardSigmoid(np.ndarray):
    def sigmoid(self) -> Any:
        return np.clip(self / 6 + self.dtype.type(0.5), 0, 1)


@fault("agreement/step", "agreement/jacobian-state", "regimes/forget-takes-candidate")
def hard_sigmoid() -> Backend:
    """Gates that are piecewise linear."""
    return Faulty(given=lambda a: a.view(_HardSigmoid))


class _EarlyTanh(np.ndarray):
    def tanh(self) -> Any:
        return np.tanh(np.clip(self, -2, 2))


@fault("agreement/step", "regimes/forget-takes-candidate")
def tanh_saturating_early() -> Backend:
    """A table of tanh that ends at 2."""
    return Faulty(given=lambda a: a.view(_EarlyTanh))


class _Unsquashed(np.ndarray):
    def tanh(self) -> Any:
        return self


@fault("agreement/step", "bounds/box", "bounds/between")
def candidate_not_squashed() -> Backend:
    """A candidate without its tanh."""
    return Faulty(given=lambda a: a.view(_Unsquashed))


class _Overflowing(np.ndarray):
    def tanh(self) -> Any:
        e = np.exp(2 * self)
        return (e - 1) / (e + 1)


@fault("contract/finite-values", "contract/finite-gradients")
def tanh_by_exponentials() -> Backend:
    """Tanh as (e²ᵃ-1)/(e²ᵃ+1), which is ∞/∞ from a = 45 on."""
    return Faulty(given=lambda a: a.view(_Overflowing))


# -- wrong answers ----------------------------------------------------------------------------------------------------


@fault("bounds/box")
def last_bit_beyond_one() -> Backend:
    """A state of ±1 that is one last bit larger."""
    return Faulty(step=lambda h, *_: np.where(np.abs(h) == 1, h * np.nextafter(h.dtype.type(1), 2, dtype=h.dtype), h))


@fault("agreement/step", "bounds/between")
def update_gate_above_one() -> Backend:
    """The state is moved away from the candidate, not towards it."""
    return Faulty(step=lambda h, cell, x, before: 2 * before - h)


@fault("agreement/step", "agreement/outputs", "agreement/last", "regimes/carry-copies-state")
def state_in_half_precision() -> Backend:
    """States kept in float16."""

    def half(h: Any) -> Any:
        return h.astype(np.float16).astype(h.dtype)

    return Faulty(step=lambda h, *_: half(h), sequence=lambda answer, *_: (half(answer[0]), half(answer[1])))


@fault("agreement/outputs")
def outputs_reversed_in_time() -> Backend:
    """Outputs from the last to the first."""
    return Faulty(sequence=lambda answer, *_: (answer[0][::-1].copy(), answer[1]))


@fault("agreement/last")
def last_is_the_first_output() -> Backend:
    """The first output in the place of the last state."""
    return Faulty(sequence=lambda answer, *_: (answer[0], answer[0][0]))


@fault("agreement/outputs", "agreement/last")
def state_ignored() -> Backend:
    """A sequence that starts from zeros, whatever state it is given."""
    right = Faulty()
    return Faulty(sequence=lambda answer, cell, inputs, state: right.sequence(cell, inputs, None))
