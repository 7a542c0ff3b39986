"""Faults of reading a cell: the step is right, but of other weights or of another convention."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gruverify.backends import Backend
from gruverify.cell import Cell
from gruverify.faults._fault import fault
from gruverify.faults._faulty import AFTER, BIASED, Faulty, changed, gates, reordered, with_gates

_OTHER = {"keep": "replace", "replace": "keep", "after": "before", "before": "after"}


def _of_variant(cell: Cell, **changes: Any) -> Cell:
    return replace(cell, variant=replace(cell.variant, **changes))


def _packed(cell: Cell, order: str) -> Cell:
    return changed(cell, **{name: partial(reordered, order=order) for name in cell.packed()})


@fault(
    "forward",
    "h = (1-z)∘h' + z∘c for h = z∘h' + (1-z)∘c",
    touches="FWD JAC dθ dx dh0",
    thread="PaddlePaddle/Paddle#5493",
)
def inverted_update_gate() -> Backend:
    """Z multiplies the candidate where it should multiply the state, and the other way round."""
    return Faulty(cell=lambda cell: _of_variant(cell, update=_OTHER[cell.variant.update]))


@fault(
    "forward",
    "(r, z, c) read as (z, r, c)",
    touches="FWD JAC dθ dx dh0",
    thread="keras-team/keras#8720",
)
def swapped_reset_and_update() -> Backend:
    """Gate order z, r, n: Keras's, read as PyTorch's."""
    return Faulty(cell=lambda cell: _packed(cell, "zrc"))


@fault(
    "forward",
    "(r, z, c) read as (c, r, z)",
    touches="FWD JAC dθ dx dh0",
    thread="keras-team/keras#8720",
)
def gates_in_another_order() -> Backend:
    """Gate order n, r, z."""
    # Weights and biases alike: with only one of them in another order, see
    # `biases_of_the_gates_swapped`.
    return Faulty(cell=lambda cell: _packed(cell, "crz"))


@fault(
    "forward",
    "W_hc (r∘h') for r∘(W_hc h'), or the other way round",
    touches="FWD JAC dθ dx dh0",
    thread="microsoft/onnxscript#2852",
)
def reset_on_the_other_side() -> Backend:
    """The reset gate before the recurrent product instead of after it, and the other way round."""
    return Faulty(cell=lambda cell: _of_variant(cell, reset=_OTHER[cell.variant.reset]))


@fault(
    "forward",
    "c = tanh(W_xc x + r∘(W_hc h') + (b_xc + b_hc))",
    touches="FWD JAC dθ",
    thread="apple/coremltools#1124",
)
def candidate_bias_outside_the_reset_product() -> Backend:
    """Both biases of the candidate added to its input part, as if there were only one."""

    def moved(cell: Cell) -> Cell:
        c_i, c_h = gates(cell.bias_ih)[2], gates(cell.bias_hh)[2]
        return replace(
            cell,
            # The sum is right where r = 1, so that only a case with r well below 1 and b_hc ≠ 0
            # tells.
            bias_ih=with_gates(cell.bias_ih, c=c_i + c_h),
            bias_hh=with_gates(cell.bias_hh, c=0 * c_h),
        )

    return Faulty(cell=moved, variants=[variant for variant in BIASED if variant in AFTER])


@fault("forward", "b_x = b_h = 0", touches="FWD JAC dθ dx dh0")
def biases_ignored() -> Backend:
    """Biases that are there and are never added."""
    return Faulty(
        cell=lambda cell: changed(cell, bias_ih=np.zeros_like, bias_hh=np.zeros_like),
        variants=BIASED,
    )


@fault("forward", "b_hc = 0", touches="FWD dθ", thread="google/flax#5594")
def recurrent_candidate_bias_missing() -> Backend:
    """One bias for the candidate where the cell has two."""
    return Faulty(
        cell=lambda cell: changed(cell, bias_hh=lambda b: with_gates(b, c=0 * gates(b)[2])),
        variants=BIASED,
    )


@fault(
    "forward",
    "W_x x + (b_x + b_h) + W_h h' + b_h",
    touches="FWD JAC dθ",
    thread="tensorflow/tensorflow#54492",
)
def recurrent_biases_added_twice() -> Backend:
    """b_h counted on both sides."""
    return Faulty(
        # b_h stays where it is as well: that is its second time.
        cell=lambda cell: changed(cell, bias_ih=lambda b: b + cell.bias_hh),
        variants=BIASED,
    )


@fault("forward", "W_hᵀ h' for W_h h'", touches="FWD JAC dθ dh0")
def recurrent_weights_transposed() -> Backend:
    """Each gate's W_h used as its transpose."""
    return Faulty(
        cell=lambda cell: changed(
            # Block by block, as a reader of another layout does: the whole (3H, H) transposed
            # would not fit.
            cell,
            weight_hh=lambda W: np.concatenate([block.T for block in gates(W)]),
        )
    )


@fault(
    "forward",
    "θ of the first call for θ",
    touches="FWD JAC dθ dx dh0",
    thread="pytorch/pytorch#33238",
)
def stale_weights() -> Backend:
    """The first weights of each size are kept for ever."""
    first: dict[tuple[object, ...], Cell] = {}
    return Faulty(
        # By sizes, for weights of other sizes would raise, and nobody would call that a stale
        # cache.
        cell=lambda cell: first.setdefault(
            (cell.variant, cell.format, cell.weight_ih.shape, cell.weight_hh.shape), cell
        )
    )
