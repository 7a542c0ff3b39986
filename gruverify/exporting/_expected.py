"""What a case must give: values and gradients, each with the bound of its error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Ball, NDArray, Rounding
from gruverify.cell import Case, StackCase
from gruverify.invariants import (
    STATES,
    Exact,
    StackBalls,
    StackExact,
    as_one,
    compare,
    packed_balls,
)

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Expected:
    """A quantity in float64, and how far a right implementation may be off, entry by entry; an
    infinite bound allows anything. claimed: how many of the bounds claim something, as a run of
    `gruverify check` counts it.
    """

    values: Floats
    bounds: Floats
    claimed: int


def expected(case: StackCase, mode: Rounding) -> Mapping[str, Expected]:
    """By name: "outputs" (T, B, D·H), "last" (L·D, B, H), and the gradients at both cotangents,
    "gradients.inputs" (T, B, I), "gradients.states" (L·D, B, H), "gradients.weight_ih_l0" and so on
    by nn.GRU's names. There is none of biases that the variant lacks.
    """
    exact = StackExact(case, mode)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows has no bound
        balls = _balls(case, exact.outputs, exact.last, exact.gradients)
        return {name: _with_bounds(name, ball) for name, ball in balls}


def expected_masked(
    case: StackCase, mode: Rounding, keep: NDArray | None, restart: NDArray | None
) -> Mapping[str, Expected]:
    """The same of one layer in one direction whose members skip the steps at which keep (T, B) is
    not 0: their state stays, and is the output; and start from zeros those at which restart is not.
    """
    none = np.zeros(case.inputs.shape[:2], bool)
    marks = [none if mask is None else mask for mask in (keep, restart)]
    cell, c = case.stack.cells[0][0], case
    exact = Exact(Case(cell, c.inputs, c.states[0], c.d_outputs, c.d_last[0]), mode)
    with np.errstate(over="ignore", invalid="ignore"):
        run = exact.masked_run(*marks)
        back = exact.masked_gradients(*marks)
        gradients = StackBalls(
            packed_balls(cell, back.parameters),
            as_one(np.stack, back.inputs),
            as_one(np.stack, [back.state]),
        )
        states = run.states[1:]
        outputs, last = as_one(np.stack, states), as_one(np.stack, states[-1:])
        balls = _balls(case, outputs, last, gradients)
        return {name: _with_bounds(name, ball) for name, ball in balls}


def expected_masked_stack(case: StackCase, mode: Rounding, keep: NDArray) -> Mapping[str, Expected]:
    """The same of a stack whose members skip the steps at which keep (T, B) is not 0 in every layer
    and direction.
    """
    exact, skipped = StackExact(case, mode), keep != 0
    with np.errstate(over="ignore", invalid="ignore"):
        run = exact.masked_run(skipped)
        outputs, last = as_one(np.stack, run.outputs), as_one(np.stack, run.last)
        # What a step that is skipped returns is a state, and hands its cotangent on.
        seen = np.ones(case.d_outputs.shape, bool)
        balls = _balls(case, outputs, last, exact.masked_gradients(skipped, seen))
        return {name: _with_bounds(name, ball) for name, ball in balls}


def expected_outputs(case: StackCase, mode: Rounding) -> Mapping[str, Expected]:
    """The outputs and last states alone: of these a mode may have a clip."""
    # Gradients through a clip have no bounds here: at the clip there is no derivative.
    exact = StackExact(case, mode)
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: _with_bounds(name, getattr(exact, name)) for name in ("outputs", "last")}


def _balls(
    case: StackCase, outputs: Ball, last: Ball, gradients: StackBalls
) -> Iterator[tuple[str, Ball]]:
    yield "outputs", outputs
    yield "last", last
    for name in ("inputs", "states", *parameters_of(case)):
        yield f"gradients.{name}", gradients[name]


def parameters_of(case: StackCase) -> dict[str, NDArray]:
    """The parameters of a case by nn.GRU's names, but for biases that the variant lacks."""
    packed = case.stack.packed()
    return {name: array for name, array in packed.items() if any(case.variant.mask(name))}


def _with_bounds(name: str, ball: Ball) -> Expected:
    """The values of a ball and its radii as bounds, with how many of them claim something."""
    # JSON has no NaN and no infinity: 0 with a bound that allows anything says the same.
    sure = np.isfinite(ball.mid) & np.isfinite(ball.radius)
    values, bounds = np.where(sure, ball.mid, 0.0), np.where(sure, ball.radius, np.inf)
    if name in ("outputs", "last"):
        scale = STATES
    else:
        scale = float(np.abs(values).max(initial=0.0))
    right = Ball(ball.mode, values, bounds)
    residual = compare(name, "tbi"[: values.ndim], values, right, scale=scale)
    return Expected(values, bounds, residual.claimed)
