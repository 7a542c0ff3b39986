"""Gradients past steps that a member skips: the cotangent of its state passes as it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.cell import masks_of
from gruverify.invariants.core._blocks import compared
from gruverify.invariants.core._masked import (
    given_slack,
    hidden_outputs,
    masked,
    no_masks,
)
from gruverify.invariants.core._methods import parts, same_bits
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, equal
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.masks._values import under


@invariant(
    "masks/gradient",
    "dL/d(θ, x, h_0) of a run with steps that are skipped, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["sequence_masked_vjp"],
)
def gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    keep = masks_of(every.case)
    # An output that is 0 whatever the state is hands no cotangent on.
    seen = ~hidden_outputs(every.declared.masked_outputs, keep)
    expected = every.exact.masked_gradients(keep, no_masks(every.case), seen)
    yield from compared(every.case.variant, every.observed.ask("sequence_masked_vjp"), expected)


@invariant(
    "masks/gradient-of-skipped",
    "dL/dx of a step that a member skips is exactly 0",
    source="the Backend contract; theory 11, M39",
    since="0.2",
    bound="exact",
    needs=["sequence_masked_vjp"],
)
def gradient_of_skipped(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    found = every.observed.ask("sequence_masked_vjp").inputs
    about = np.broadcast_to(masks_of(every.case)[..., None], found.shape)
    yield equal("dL/dx of steps skipped", "tbj", found, np.zeros_like(found), about=about)


@invariant(
    "masks/gradient-passes",
    "where every step is skipped, dL/dh_0 is the cotangent of the last state bit for bit, and the "
    "parameters get no gradient",
    source="the Backend contract",
    since="0.2",
    bound="exact",
    needs=["sequence_masked_vjp"],
)
def gradient_passes(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    keep, d_last = ~no_masks(every.case), every.case.d_last
    found = every.observed.fresh_answer("sequence_masked_vjp", keep=keep, d_outputs=None)
    for what, (letters, array) in parts(every.case, "sequence_masked_vjp", found).items():
        if what == "gradient of state":
            yield equal(f"{what}, all skipped", letters, array, d_last, given_slack(every, d_last))
        else:
            yield equal(f"{what}, all skipped", letters, array, np.zeros_like(array))


@invariant(
    "masks/gradient-content",
    "other inputs at steps that a member skips: the same gradients, bit for bit",
    source="the Backend contract; theory 11, M39",
    since="0.2",
    bound="exact",
    needs=["sequence_masked_vjp"],
)
def gradient_content(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    c, method = every.case, "sequence_masked_vjp"
    others = under(masks_of(c), c.inputs, 1 - c.inputs)
    again = every.observed.fresh_answer(method, inputs=others)
    first = every.observed.ask(method)
    yield from same_bits("other inputs skipped", parts(c, method, again), parts(c, method, first))
