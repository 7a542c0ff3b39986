"""NaN and infinities: they are passed on, or refused, and never become numbers by the way
(docs/conventions.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from gruverify.cell import Case, Parameters
from gruverify.invariants._sequence import crowded
from gruverify.invariants.core._changes import (
    SATURATED,
    cycled,
    edited,
    pinned,
    short,
    single,
    stretched,
    update_preactivation,
)
from gruverify.invariants.core._obstacle import BackendRaised, Declined, RuledOut
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Floats, Residual, equal, ok, overlooked, violated
from gruverify.invariants.core._trial import Trial

Answer = TypeVar("Answer")

# -- NaN -------------------------------------------------------------------------------------------


def reading_one_input(case: Case) -> Case:
    """One step from 1/2 whose gates and candidate read the first input alone, by weights at which
    the largest number is no more than 4; the update gates keep all or nothing, in turn.

    What is cut off there, or taken for the largest number, leaves σ(±4) of an infinity.
    """
    return _reading(case, case.format.min_normal)


def reading_one_large_input(case: Case) -> Case:
    """The same with inputs and weights at which each gate is exactly 0 or 1."""
    inputs = np.where(np.arange(case.cell.input_size) == 0, _sign(case) * SATURATED, 0.0)
    large = _reading(case, 1.0)
    return replace(
        large, inputs=np.broadcast_to(inputs, large.inputs.shape).astype(case.format.dtype)
    )


def _reading(case: Case, weight: float) -> Case:
    keep = update_preactivation(case.cell.variant, cycled(case, weight, -weight))

    def weights(p: Parameters) -> Parameters:
        blocks = {name: 0 * block for name, block in p.items()}
        for name, numbers in (("W_xr", weight), ("W_xz", keep), ("W_xc", weight)):
            blocks[name] = np.zeros_like(getattr(p, name))
            blocks[name][:, 0] = numbers
        return Parameters(**blocks)

    return replace(edited(single(case), weights), state=np.full_like(case.state, 0.5))


def _sign(case: Case) -> int:
    """1 or -1, by turns of the cases' sizes."""
    odd: int = sum(case.sizes[letter] for letter in "HIB") % 2
    return 1 - 2 * odd


def kept_state(case: Case) -> Case:
    """One step that keeps all of its state, whatever the state is."""
    keeps = update_preactivation(case.cell.variant, SATURATED)
    return pinned(single(case), r=0.0, z=keeps, c=0.0)


def _infinite_input(trial: Trial) -> Iterator[Residual]:
    """Each gate that reads ∞, or -∞, is 1 or 0, and the candidate ±1; or a NaN."""
    one = trial.on(reading_one_input)
    keeps = update_preactivation(one.case.cell.variant, one.case.cell.parameters().W_xz[:, 0]) > 0
    sign = _sign(one.case)
    x = one.case.inputs[0].copy()
    x[0, 0] = sign * np.inf
    after = _unless_refused(trial, partial(one.observed.fresh_answer, "step", x=x))
    if after is None:
        yield ok("an infinite x: raised")
        return
    expected = np.where(keeps == (sign > 0), 0.5, sign)
    passed = np.where(np.isnan(after[0]), expected, after[0].astype(np.float64))
    yield equal(f"h of x = {sign}∞", "i", passed, expected, _slack(trial))


def _slack(trial: Trial) -> Floats | float:
    """What the state of the first member may miss where its gates are exactly 0 or 1."""
    if trial.exact.mode.holds_exact_values:
        return 0.0
    allowed: Floats = trial.on(reading_one_large_input).declared_slack[0]
    return allowed


def _infinite_state(trial: Trial) -> Iterator[Residual]:
    """An infinite state of which all is kept is no number after the step either."""
    one = trial.on(kept_state)
    h = one.case.state.copy()
    h[0, -1] = np.inf
    after = _unless_refused(trial, partial(one.observed.fresh_answer, "step", h=h))
    if after is not None and np.isfinite(after[0, -1]):
        yield violated("inf in h, of which z keeps all, became a number")
    else:
        yield ok("inf in h")


@invariant(
    "numerics/nan",
    "a NaN in a member's input or state makes its next state NaN somewhere, and no other "
    "member's; an infinite input leaves gates of 0 or 1, or a NaN; an infinite state that is kept "
    "is no number; or the call raises",
    source="docs/conventions.md; fault S65",
    bound="exact",
    needs=["step"],
    unless={"nan": "undefined"},
)
def nan_is_passed_on(trial: Trial) -> Iterator[Residual]:
    all_ = trial.on(short).on(crowded)
    _ = all_.observed.step  # whoever refuses numbers too does not refuse NaN
    for name in ("x", "h"):
        arrays = {"x": all_.case.inputs[0].copy(), "h": all_.case.state.copy()}
        # The last entry: a loop over vectors of a processor's width ends with what is left over.
        arrays[name][0, -1] = np.nan
        if name == "h" and not trial.declared.initial_state:
            continue
        after = _unless_refused(trial, partial(all_.observed.fresh_answer, "step", **arrays))
        if after is None:
            yield ok(f"NaN in {name}: raised")
            continue
        if trial.declared.nan == "raises":
            yield violated(f"NaN in {name} was taken, and nan='raises' is declared")
            continue
        spread = np.isnan(after[1:]) & np.isfinite(all_.exact.next_state.radius[1:])
        if not np.isnan(after[0]).any():
            yield violated(f"NaN in {name} of member 0 became a number")
        yield (
            violated(f"NaN in {name} of member 0 reached another")
            if spread.any()
            else ok(f"NaN in {name}")
        )
    # A clip makes numbers of infinities, and other functions have other ends.
    if not trial.declared.other_functions:
        yield from _infinite_input(trial)
        if trial.declared.initial_state:
            yield from _infinite_state(trial)


@invariant(
    "numerics/nan-in-time",
    "a NaN in an input makes that step's output and those after it NaN somewhere, and changes none "
    "before it; or the call raises",
    source="docs/conventions.md; theory 11, M33",
    bound="exact",
    needs=["sequence"],
    unless={"nan": "undefined"},
)
def nan_in_time(trial: Trial) -> Iterator[Residual]:
    whole = trial.on(stretched)
    before = whole.observed.sequence[0][:-1]
    inputs = whole.case.inputs.copy()
    inputs[-1, 0, -1] = np.nan
    answer = _unless_refused(trial, lambda: whole.observed.fresh_answer("sequence", inputs=inputs))
    if answer is None:
        yield ok("NaN in the last input: raised")
    elif trial.declared.nan == "raises":
        yield violated("NaN in the last input was taken, and nan='raises' is declared")
    else:
        outputs = answer[0]
        yield equal("outputs before the NaN", "tbi", outputs[:-1], before)
        passed = np.isnan(outputs[-1, 0]).any()
        yield (
            ok("NaN in the last input")
            if passed
            else violated("NaN in the last input became a number")
        )
        yield _kept_in_the_state(trial, whole)


def _kept_in_the_state(trial: Trial, whole: Trial) -> Residual:
    """A NaN in the first input: a state that has one makes the next, of which it is a term, NaN."""
    inputs = whole.case.inputs.copy()
    inputs[0, 0, -1] = np.nan
    answer = _unless_refused(trial, lambda: whole.observed.fresh_answer("sequence", inputs=inputs))
    if answer is None:
        return ok("NaN in the first input: raised")
    forgotten = ~np.isnan(answer[0][1:, 0]).any(-1)
    if forgotten.any():
        return violated(f"NaN in the first input was forgotten by step {forgotten.argmax() + 2}")
    return ok("NaN in the first input")


@invariant(
    "numerics/nan-cotangent",
    "a NaN in a member's cotangent makes some gradient NaN, and none of another member; or the "
    "call raises",
    source="docs/conventions.md",
    bound="exact",
    needs=["sequence_vjp"],
    unless={"nan": "undefined"},
    asks_more=True,
)
def nan_cotangent_is_passed_on(trial: Trial) -> Iterator[Residual]:
    all_ = trial.on(short)
    c, expected, before = all_.case, all_.exact.gradients, all_.observed.sequence_vjp
    d_last = c.d_last.copy()
    d_last[0, -1] = np.nan
    found = _unless_refused(
        trial,
        lambda: all_.observed.fresh_answer("sequence_vjp", d_last=d_last),
    )
    if found is None:
        yield ok("NaN in a cotangent: raised")
        return
    passed = any(np.isnan(array).any() for _, array in found.items())
    yield ok("NaN in a cotangent") if passed else violated("NaN in a cotangent became a number")
    unknown = [
        overlooked(~np.isfinite(ball.radius[1:])) for ball in (*expected.inputs, expected.state)
    ]
    yield equal(
        "dL/dx of other members",
        "tbj",
        found.inputs[:, 1:],
        before.inputs[:, 1:],
        np.stack(unknown[:-1]),
    )
    if found.state is not None and before.state is not None:
        yield equal(
            "dL/dh_0 of other members", "bi", found.state[1:], before.state[1:], unknown[-1]
        )


def _unless_refused(trial: Trial, ask: Callable[[], Answer]) -> Answer | None:
    """The answer to a NaN; None if the backend raises, which NotImplementedError is too for one
    that declares so.
    """
    try:
        return ask()
    except BackendRaised:
        return None
    except Declined as declined:
        if trial.declared.nan != "raises" or isinstance(declined, RuledOut):
            raise
        return None
