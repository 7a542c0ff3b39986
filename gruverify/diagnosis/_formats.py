"""One direction of a layer in a narrower format, against float64 and against its own bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import (
    SHARE,
    STATES,
    Ball,
    Format,
    Rounding,
    emulated,
    is_narrower,
    rounded_to,
    steps_of,
)
from gruverify.backends import NumpyBackend, declarations_of, rounding_of
from gruverify.cell import Stack
from gruverify.diagnosis._row import Row
from gruverify.diagnosis._terms import direction_of_loss
from gruverify.formulas import ACTIVATIONS, Activations, Run, contributions, sequence
from gruverify.judging import envelope, known_of, model_of

Floats: TypeAlias = npt.NDArray[np.float64]

#: An error of a state beyond this is one that gruverify no longer calls a claim about it.
LARGE = SHARE * STATES
#: Multiplications that the bounds may take, H³ for each step; and the most steps.
_WORK, _MOST_STEPS = 2**29, 64
#: How many members are run in a format, and the most steps that gradients are compared for.
_MEMBERS, _GRADIENT_STEPS = 4, 128


@dataclass(frozen=True)
class Latch:
    """A unit that keeps everything from a step on to the end of the run, in every member: what is
    kept rounds to 1.
    """

    unit: int
    step: int


@dataclass(frozen=True, eq=False)
class InFormat:
    """The first members of a row, up to four, in one format: from weights and inputs rounded to it.

    error: the largest of a state after each step, against float64, (T,). safe: how many steps it
    stays below 1/8, a sixteenth of a state's range. bound: what it may be after each of the first
    steps of the first member, (n,), as any order of adding up allows; claims: how many of them say
    something, that is stay below 1/8; margin: error / bound there, the largest. latches: units that
    keep everything from some step on. fixed: the share of steps, of each unit, in which no gradient
    can move the update gate, because z rounds to 0 or 1, (H,). gradient: the relative error of
    dL/dU_z over the last `gradient_steps`; zeros: of its entries in the rows of gates that are not
    so fixed, the share that is exactly 0 in this format alone. finite: whether every state is.
    """

    format: Format
    error: Floats
    safe: int
    bound: Floats
    claims: int
    margin: float
    latches: tuple[Latch, ...]
    fixed: Floats
    gradient: float
    zeros: float
    gradient_steps: int
    finite: bool

    @property
    def immovable(self) -> tuple[int, ...]:
        """The units whose update gate no gradient can move at any step."""
        return tuple(map(int, np.flatnonzero(self.fixed == 1)))


def in_format(row: Row, fmt: Format) -> InFormat:
    """Run a row in a format."""
    with np.errstate(over="ignore", invalid="ignore"):
        run = _run(row, fmt)
        states = np.stack([np.asarray(h, np.float64) for h in run.states[1:]])
        # Each row in its format starts from this row's float64 inputs: errors of layers below are
        # not carried on.
        exact = np.stack([h[:_MEMBERS] for h in row.run.states[1:]])
        apart = np.abs(states - exact)
        error = np.where(np.isnan(apart), np.inf, apart).max((1, 2))
        bound = _bound(row, fmt)
        keep = np.stack([np.asarray(step.keep) for step in run.steps])
        z = np.stack([np.asarray(step.z) for step in run.steps])
        gradient, zeros, steps = _gradient(row, run, fmt)
        bounds, margin = bound.max(-1), _margin(apart[: len(bound), 0], bound)
    return InFormat(
        fmt,
        error,
        _first(error >= LARGE),
        bounds,
        _first(~(bounds < LARGE)),
        margin,
        _latches(keep == 1),
        ((z == 0) | (z == 1)).mean((0, 1)),
        gradient,
        zeros,
        steps,
        bool(np.isfinite(states).all()),
    )


def _margin(error: Floats, bound: Floats) -> float:
    """The largest error / bound; what is infinite on both sides is within."""
    if np.any((error > 0) & (bound == 0)):
        return np.inf
    known = (bound > 0) & np.isfinite(bound)
    return float(np.max(error / bound, where=known, initial=0.0))


def _first(of: npt.NDArray[np.bool_]) -> int:
    """The first place where it is so; all of them if it is nowhere."""
    return int(of.argmax()) if of.any() else len(of)


def _run(row: Row, fmt: Format) -> Run:
    def lift(array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return emulated(array, fmt)

    xs = [lift(step.x[:_MEMBERS]) for step in row.run.steps]
    start = lift(row.run.states[0][:_MEMBERS])
    return sequence(row.cell.variant, row.cell.parameters(lift), xs, start)


def _latches(kept: npt.NDArray[np.bool_]) -> tuple[Latch, ...]:
    """Units that keep everything for the last half of the run or more, and from which step on."""
    T = len(kept)
    # Counted from the end: how many last steps keep everything, without a break.
    held = np.logical_and.accumulate(np.asarray(kept.all(1))[::-1], axis=0).sum(0)
    return tuple(Latch(int(i), T - int(held[i])) for i in np.flatnonzero(2 * held >= T))


def _bound(row: Row, fmt: Format) -> Floats:
    """Bounds (n, H) of the error of the first member's states, as many steps as are affordable."""
    (T, _, H), mode = row.sizes, rounding_of(declarations_of(NumpyBackend()), fmt)
    n = min(T, _MOST_STEPS, max(1, _WORK // H**3))
    stack = Stack(((row.cell,),))
    rounded = fmt if is_narrower(fmt, stack.format) else None
    model = model_of(stack, mode, rounded)
    xs = np.stack([step.x[:1] for step in row.run.steps[:n]])
    inputs = known_of(_rounded_ball(mode, xs), np.zeros((n, 1), bool))
    first = known_of(_rounded_ball(mode, row.run.states[0][None, :1]), np.zeros((1, 1), bool))
    radius = envelope(model, 0, 0, inputs, first).radius
    assert radius is not None  # an envelope has one
    return np.asarray(radius[:, 0])


def _rounded_ball(mode: Rounding, values: Floats) -> Ball:
    """Numbers that are rounded to the format before they are used."""
    if np.array_equal(mode.format.cast(values).astype(np.float64), values):
        return Ball.exact(mode, values)
    return rounded_to(mode, values, mode.format)


def _gradient(row: Row, run: Run, fmt: Format) -> tuple[float, float, int]:
    """The relative error of dL/dU_z in the format, which of its entries are 0 there alone, and over
    how many steps.
    """
    T, B, H = row.sizes
    n = min(T, _GRADIENT_STEPS)
    g = direction_of_loss(B, H)[:_MEMBERS]
    exact = _update_gradient(row.run, g, n)
    found = _update_gradient(run, emulated(g, fmt), n)
    size = float(np.linalg.norm(exact))
    if not size:
        return 0.0, 0.0, n
    error = float(np.linalg.norm(found - exact)) / size
    z = np.stack([np.asarray(step.z) for step in run.steps[-n:]])
    # A gate that rounds to 0 or 1 at every step has no gradient by right; `fixed` counts those.
    movable = ((z > 0) & (z < 1)).any((0, 1))
    lost = np.asarray(np.logical_and(found == 0, exact != 0))[movable]
    return error, float(lost.mean()) if lost.size else 0.0, n


def _update_gradient(run: Run, g: Floats, n: int) -> Floats:
    """dL/dU_z over the last n steps of the first members, in the run's own arithmetic."""
    some = slice(0, len(g))
    steps = list[Activations]()
    for step in run.steps[-n:]:
        steps.append(replace(step, **{name: getattr(step, name)[some] for name in ACTIVATIONS}))
    last = Run(run.variant, run.parameters, steps, [h[some] for h in run.states[-n - 1 :]])
    terms = list(contributions(last, None, g))
    of_gates = steps_of([term.gates.z for term in terms])
    return np.asarray(of_gates.products(steps_of([term.step.x for term in terms])), np.float64)
