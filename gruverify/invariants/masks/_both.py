"""Steps that a member skips and steps that start from zeros, in one call: what does both is 0."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import derived_methods
from gruverify.cell import masks_of, restarts_of
from gruverify.invariants.core._blocks import compared
from gruverify.invariants.core._masked import (
    before_the_last_start,
    hidden_outputs,
    kept_slack,
    kept_states,
    masked,
    no_masks,
    outputs_of,
    stepped,
)
from gruverify.invariants.core._methods import close, parts, radii
from gruverify.invariants.core._obstacle import Declined
from gruverify.invariants.core._registry import MARKED, invariant
from gruverify.invariants.core._residual import Residual, equal
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.masks._restarts import other_start
from gruverify.invariants.masks._values import (
    other_inputs,
    taken_steps,
    under,
    wide,
    without_a_state,
)


def _states(trial: Trial, outputs: NDArray) -> NDArray:
    """The state after each step, (T, B, H), if what is returned of steps taken is right."""
    keep, restart = masks_of(trial.case), restarts_of(trial.case)
    return kept_states(trial.case.state, outputs, keep[..., None], restart[..., None])


@invariant(
    "masks/both-each-step",
    "where a member takes the step, h_t is the step from the state that was returned before it, "
    "however many steps before, or from 0 where it has started anew since",
    source="the Backend contract; docs/tolerances.md, along time",
    since="0.2",
    needs=["sequence_marked"],
    lengths=MARKED,
)
def both_each_step(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_marked")
    allowed = stepped(every, _states(every, outputs), restarts_of(every.case))
    yield from taken_steps(every, outputs, last, allowed)


@invariant(
    "masks/both-kept",
    "a step that a member skips keeps its state, which is 0 where that step, or one skipped before "
    "it, starts anew; its output is what is declared; no state means zeros",
    source="the Backend contract",
    since="0.2",
    needs=["sequence_marked"],
)
def both_kept(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    outputs, last = every.observed.ask("sequence_marked")
    keep, restart = masks_of(every.case), restarts_of(every.case)
    states = _states(every, outputs)
    slack = kept_slack(every, states, keep[..., None], restart[..., None])
    hidden = hidden_outputs(every.declared.masked_outputs, keep)[..., None]
    expected, skipped = outputs_of(every.declared, states, keep), wide(keep, outputs)
    anew = skipped & restart[..., None]
    of_outputs = np.where(hidden, 0.0, slack)
    for what, about in (("skipped from zeros", anew), ("skipped", skipped & ~anew)):
        yield equal(f"outputs of steps {what}", "tbi", outputs, expected, of_outputs, about=about)
    yield equal("last, the last step skipped", "bi", last, states[-1], slack[-1], about=skipped[-1])
    yield from without_a_state(every, "sequence_marked")


@invariant(
    "masks/both-is-each",
    "where no step starts anew, or none is skipped, two kinds of marks are one",
    source="the Backend contract",
    since="0.2",
    needs=["sequence_marked", "sequence_masked", "sequence_restarted"],
)
def both_is_each(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    none, method = no_masks(every.case), "sequence_marked"
    for alone, absent in (("sequence_masked", "restart"), ("sequence_restarted", "keep")):
        if derived_methods(every.backend).get(alone) == method:
            raise Declined(alone, f"it is derived from {method}")
        marks = {"keep": masks_of(every.case), "restart": masks_of(every.case), absent: none}
        found = every.observed.fresh_answer(method, **marks)
        both = parts(every.case, method, found), parts(every.case, alone, every.observed.ask(alone))
        yield from close(f"as {alone}", *both, partial(radii, every, alone))


@invariant(
    "masks/both-content",
    "other inputs at steps that a member skips, and another state and other inputs before the last "
    "that starts anew: the same outputs from there on, bit for bit",
    source="the Backend contract; theory 11, M39; 4, (4.5)",
    since="0.2",
    bound="exact",
    needs=["sequence_marked"],
)
def both_content(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    c, restart = every.case, restarts_of(every.case)
    before = before_the_last_start(restart)
    past = np.where(before[..., None], 1 - c.inputs, c.inputs)
    outputs, last = every.observed.ask("sequence_marked")
    others = every.observed.fresh_answer(
        "sequence_marked",
        inputs=under(masks_of(c), past, other_inputs(every)),
        state=other_start(every, restart),
    )
    after = wide(~before, outputs)
    yield equal("outputs, another past", "tbi", others[0], outputs, about=after)
    yield equal("last, another past", "bi", others[1], last)


@invariant(
    "masks/both-gradient",
    "dL/d(θ, x, h_0) of a run with both kinds of marks, at both cotangents",
    source="the Backend contract; theory 2, (2.5)",
    since="0.2",
    needs=["sequence_marked_vjp"],
)
def both_gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    keep, restart = masks_of(every.case), restarts_of(every.case)
    seen = ~hidden_outputs(every.declared.masked_outputs, keep)
    expected = every.exact.masked_gradients(keep, restart, seen)
    yield from compared(every.case.variant, every.observed.ask("sequence_marked_vjp"), expected)


@invariant(
    "masks/both-cut-gradient",
    "no gradient of the last state passes a step that starts anew, skipped or not, and none "
    "reaches the input of a step that is skipped: exactly 0",
    source="the Backend contract; theory 4, (4.4); 11, M39",
    since="0.2",
    bound="exact",
    needs=["sequence_marked_vjp"],
)
def both_cut_gradient(trial: Trial) -> Iterator[Residual]:
    every = masked(trial)
    found = every.observed.ask("sequence_marked_vjp", d_outputs=None)
    keep, restart = masks_of(every.case), restarts_of(every.case)
    none, zero = keep | before_the_last_start(restart), np.zeros_like(found.inputs)
    about = wide(none, zero)
    yield equal("dL/dx", "tbj", found.inputs, zero, about=about)
    if found.state is not None:
        anew = np.broadcast_to(np.any(restart, axis=0)[:, None], found.state.shape)
        yield equal("dL/dh_0", "bj", found.state, np.zeros_like(found.state), about=anew)
