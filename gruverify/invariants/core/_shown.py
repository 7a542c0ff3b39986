"""The cotangents of the gates, shown by a backend's own gradients of inputs (docs/tolerances.md,
along time).

An input that is always 0 changes nothing, whatever its weights. If they are 1 for one row of the
packed gates and 0 for the others, the gradient of that input is the cotangent of that row's
pre-activation. So 3H further inputs show all of them at once. An implementation of one size has no
room for more: there inputs of its own are silenced, and show one group of rows after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Declarations
from gruverify.cell import Case, Gradients
from gruverify.invariants.core._observed import Observed
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._trial import Trial


@dataclass(frozen=True)
class Shown:
    """The cotangents of the gates' pre-activations in one answer, (T, B, 3H) in packed order, and
    what is made of them.

    how: in words, for the reader of a failure; trial: that of the case whose gradients these are,
    as far as they are gradients of the case's own arrays; outputs: the states that the same case
    returned, (T, B, H).
    """

    how: str
    trial: Trial
    outputs: NDArray
    gates: NDArray
    gradients: Gradients


def showing_inputs(case: Case) -> Case:
    """The case with 3H further inputs that are always 0, with the unit matrix as their weights."""
    T, B, _ = case.inputs.shape
    rows = len(case.cell.weight_ih)
    # x⁺ = (x, 0): the forward run is the same but for the order of its sums, since products with 0
    # are exactly 0; and dL/dx⁺ is a sum with one term that is not 0, so exactly α.
    unit, nothing = np.eye(rows, dtype=case.format.dtype), np.zeros((T, B, rows), case.format.dtype)
    cell = replace(case.cell, weight_ih=np.concatenate([case.cell.weight_ih, unit], axis=1))
    return replace(case, cell=cell, inputs=np.concatenate([case.inputs, nothing], axis=2))


def shown_cotangents(trial: Trial) -> Shown:
    """The cotangents of the gates at every step, by one call, or by several of an implementation of
    one size or of few.

    Raises:
        Declined: the backend finds gradients in separate passes, or has one input, which cannot be
        silenced.
    """
    if why := why_not_shown(trial.declared, trial.case.sizes["I"]):
        raise NotAsked("sequence_vjp", why)
    if _has_own_sizes(trial.declared):
        return _by_own_inputs(trial)
    return _by_further_inputs(trial)


def why_not_shown(declared: Declarations, I: int) -> str:
    """Why a backend shows no cotangents of the gates to a case of I inputs; empty if it does."""
    # (2.4) holds between parts that were made of one α; here each pass has an α of its own.
    if declared.separate_passes:
        return "gradients found in separate passes are not made of the same cotangents"
    if _has_own_sizes(declared) and I == 1:
        return "it has I=1 input alone, and needs one more that can be silenced"
    return ""


def _has_own_sizes(declared: Declarations) -> bool:
    return declared.input_size is not None or declared.shapes == "few"


class NotAsked(Declined):
    """What is not checked on a backend, for what it has declared; the message says why."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(method, reason)
        self.args = (reason,)


def _by_further_inputs(trial: Trial) -> Shown:
    wide, I = trial.on(showing_inputs), trial.case.sizes["I"]
    found = wide.observed.sequence_vjp
    own = replace(found, weight_ih=found.weight_ih[:, :I], inputs=found.inputs[..., :I])
    return Shown(
        "with 3H further inputs", trial, wide.observed.sequence[0], found.inputs[..., I:], own
    )


# -- an implementation of one size -----------------------------------------------------------------


def silenced(case: Case) -> Case:
    """The case with the later half of its inputs always 0: their weights show the first rows of the
    packed gates.
    """
    return _showing(case, 0)


def _by_own_inputs(trial: Trial) -> Shown:
    first, rows = trial.on(silenced), len(trial.case.cell.weight_ih)
    found, count = first.observed.sequence_vjp, trial.case.sizes["I"] // 2
    parts = [found.inputs[..., -count:], *_further_groups(trial, rows)]
    gates = np.concatenate(parts, axis=2)[..., :rows]
    return Shown(
        "with half of the inputs silenced", first, first.observed.sequence[0], gates, found
    )


def _further_groups(trial: Trial, rows: int) -> Iterator[NDArray]:
    """What the silent inputs show of the rows after those that are shown first."""
    count = trial.case.sizes["I"] // 2
    for start in range(count, rows, count):
        # The other gradients of that call are let go of: each is as large as all weights.
        seen = Observed(_showing(trial.case, start), trial.backend).sequence_vjp.inputs
        yield seen[..., -count:].copy()


def _showing(case: Case, start: int) -> Case:
    """The later half of the inputs silent, with unit vectors for the rows from `start` on as their
    weights.
    """
    inputs, weights = case.inputs.copy(), case.cell.weight_ih.copy()
    count = inputs.shape[2] // 2
    inputs[..., -count:] = 0
    weights[:, -count:] = np.eye(len(weights), count, -start, dtype=weights.dtype)
    return replace(case, cell=replace(case.cell, weight_ih=weights), inputs=inputs, regimes=())
