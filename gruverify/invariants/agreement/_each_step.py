"""Each step from the state that the backend itself returned before it: a bound that does not grow
with the length.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify.arithmetic import Ball, Dual, NDArray
from gruverify.formulas import moving_parameters
from gruverify.formulas import step as one_step
from gruverify.invariants.core._blocks import largest
from gruverify.invariants.core._local import flat, local_to, lost, one_behind, stacked, unknown
from gruverify.invariants.core._registry import ALWAYS, invariant
from gruverify.invariants.core._residual import STATES, Residual, compare
from gruverify.invariants.core._trial import Trial


@invariant(
    "agreement/each-step",
    "h_t is the step from the h_{t-1} that was returned, for every t, and the last state is h_T",
    source="theory 2, (2.1); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence"],
    lengths=ALWAYS,
)
def each_step(trial: Trial) -> Iterator[Residual]:
    outputs, last = trial.observed.sequence
    allowed = local_to(trial, outputs).states
    yield compare("outputs", "tbi", outputs, allowed, scale=STATES)
    yield compare("last", "bi", last, allowed[-1], scale=STATES)


@invariant(
    "agreement/each-tangent",
    "∂h_t along a tangent is that of the step from the h_{t-1} and the ∂h_{t-1} that were "
    "returned, for every t",
    source="theory 2, (2.2), (2.3); docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence", "sequence_jvp"],
    lengths=ALWAYS,
)
def each_tangent(trial: Trial) -> Iterator[Residual]:
    case, exact, tangent = trial.case, trial.exact, trial.observed.tangent
    d_outputs, d_last = trial.observed.sequence_jvp

    def lift(array: NDArray) -> Ball:
        return Ball.exact(exact.mode, array)

    parameters = moving_parameters(exact.parameters, tangent, lift)
    x = Dual(lift(flat(case.inputs)), lift(flat(tangent.inputs)))
    assert tangent.state is not None  # a direction has every part
    outputs = trial.observed.sequence[0]
    # Both the state and its tangent as they were returned: the tangent's error does not add up
    # either.
    h = Dual(one_behind(trial, case.state, outputs), one_behind(trial, tangent.state, d_outputs))
    moved = stacked(one_step(case.variant, parameters, x, h).tangent, len(case.inputs))
    behind = np.concatenate([lost(tangent.state)[None], lost(outputs[:-1]) | lost(d_outputs[:-1])])
    allowed = unknown(moved, behind[..., None])
    yield compare("d_outputs", "tbi", d_outputs, allowed)
    yield compare("d_last", "bi", d_last, allowed[-1], scale=largest(allowed))
