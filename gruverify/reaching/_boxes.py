"""Where inputs and initial states may be: boxes, brought to one form and to the format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray, float64
from gruverify.cell import Stack
from gruverify.judging import BadRecord, initial_states, numbers

Floats: TypeAlias = npt.NDArray[np.float64]
#: LOW and HIGH: a number for all, (I,), (T, I) or (T, B, I).
Box: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]


class CannotReach(ValueError):
    """What is asked for makes no sense, or takes too much; the message names value, rule and way
    out.
    """


@dataclass(frozen=True, eq=False)
class Boxes:
    """The ends of inputs (T, B, I) and of initial states (L·D, B, H), and in words where they come
    from.
    """

    low: Floats
    high: Floats
    state_low: Floats
    state_high: Floats
    source: str

    @property
    def steps(self) -> int:
        """T."""
        return len(self.low)

    @property
    def members(self) -> int:
        """B, the number of boxes."""
        return int(self.low.shape[1])

    @property
    def same_at_every_step(self) -> bool:
        """Whether one box holds for all steps, so that it is known what comes after the last."""
        return bool((self.low == self.low[:1]).all() and (self.high == self.high[:1]).all())

    def rounded_to(self, fmt: Format) -> Boxes:
        """The boxes of what the format makes of these numbers: rounding keeps their order.

        Raises:
            CannotReach: something overflows in it.
        """
        with np.errstate(over="ignore"):
            ends = [
                fmt.cast(end).astype(np.float64)
                for end in (self.low, self.high, self.state_low, self.state_high)
            ]
        if not all(np.isfinite(end).all() for end in ends):
            raise CannotReach(f"the box leaves the range of {fmt.name}: choose another --format")
        low, high, state_low, state_high = ends
        return replace(self, low=low, high=high, state_low=state_low, state_high=state_high)

    def member(self, b: int) -> Boxes:
        """One of the boxes."""
        one = slice(b, b + 1)
        return Boxes(
            self.low[:, one],
            self.high[:, one],
            self.state_low[:, one],
            self.state_high[:, one],
            self.source,
        )


def input_box(
    stack: Stack, box: Box, steps: int | None, axes: str = "(I,), (T, I) or (T, B, I)"
) -> tuple[Floats, Floats]:
    """LOW and HIGH as arrays (T, B, I).

    Raises:
        CannotReach: they do not fit, or each other; or T is not known.
    """
    low, high = (_end(name, end) for name, end in zip(("LOW", "HIGH"), box, strict=True))
    try:
        low, high = np.broadcast_arrays(low, high)
    except ValueError:
        raise CannotReach(
            f"LOW has shape {low.shape} and HIGH {high.shape}: give both the same, or a number"
        ) from None
    I, given = stack.input_size, low.shape
    if low.ndim > 3 or (low.ndim and low.shape[-1] != I):
        raise CannotReach(f"the box has shape {given}, expected a number, {axes} with I={I}")
    if not low.size:
        raise CannotReach(f"the box has shape {given}: there is no step, or no member")
    if low.ndim < 2:
        T = _steps(steps, None)
        # One box for all steps, and one member.
        ends = [np.broadcast_to(end, (T, 1, I)) for end in (low, high)]
    else:
        T = _steps(steps, len(low))
        ends = [end[:T].reshape(T, -1, I) for end in (low, high)]
    try:
        require_box("input", *ends)
        # `broadcast_to` gives read-only views, and boxes are cut in place later.
        return ends[0].copy(), ends[1].copy()
    except MemoryError:
        raise CannotReach(f"steps={T} are boxes of more than fits in memory: give fewer") from None


def input_around(xs: NDArray, radius: float, steps: int | None) -> tuple[Floats, Floats]:
    """The box around recorded inputs (T, B, I)."""
    middle = xs[: _steps(steps, len(xs))].astype(np.float64)
    _require_radius("--radius", radius)
    return middle - radius, middle + radius


def state_box(
    stack: Stack,
    members: int,
    state: npt.ArrayLike | None,
    radius: float,
    box: Box | None,
) -> tuple[Floats, Floats]:
    """The ends (L·D, B, H) of the initial states: around some, zeros unless given, or between two.

    Raises:
        CannotReach: they do not fit.
    """
    _require_radius("--state-radius", radius)
    try:
        if box is None:
            middle = initial_states(stack, state, members, float64, unbatched=members == 1)
            wide = middle.astype(np.float64)
            require_box("state", wide, wide)
            return wide - radius, wide + radius
        if state is not None or radius:
            raise CannotReach("a box of states has no middle and no radius: give one of them")
        ends = list[Floats]()
        for end in box:
            array = np.asarray(end, np.float64)
            if not array.ndim:
                # A bare number stands for every state here; `initial_states` takes arrays with
                # axes.
                array = np.full(
                    (stack.layers * stack.directions, members, stack.hidden_size), float(array)
                )
            found = initial_states(stack, array, members, float64, unbatched=members == 1)
            ends.append(found.astype(np.float64))
    except BadRecord as wrong:
        raise CannotReach(str(wrong)) from None
    require_box("state", *ends)
    return ends[0], ends[1]


def require_box(name: str, low: Floats, high: Floats) -> None:
    """Raise CannotReach for a NaN, an infinite end, or one that lies on the wrong side."""
    for word, end in (("LOW", low), ("HIGH", high)):
        wrong = np.argwhere(~np.isfinite(end))
        if len(wrong):
            at = tuple(map(int, wrong[0]))
            raise CannotReach(
                f"{word} of the {name} box is {end[at]} at {list(at)}: every end must be finite"
            )
    wrong = np.argwhere(low > high)
    if len(wrong):
        at = tuple(map(int, wrong[0]))
        raise CannotReach(
            f"LOW {low[at]:g} of the {name} box is above HIGH {high[at]:g} at {list(at)}: swap them"
        )


def _end(name: str, values: npt.ArrayLike) -> Floats:
    try:
        return numbers(name, values).astype(np.float64)
    except BadRecord as wrong:
        raise CannotReach(str(wrong)) from None


def _steps(asked: int | None, there: int | None) -> int:
    if asked is not None and asked < 1:
        raise CannotReach(f"steps={asked}: give at least 1, for after 0 steps the state is the box")
    if there is None:
        if asked is None:
            raise CannotReach("one box for all steps needs the number of steps: give --steps T")
        return asked
    if asked is not None and asked > there:
        raise CannotReach(f"steps={asked}, and there are inputs of {there}: give fewer")
    if asked is None:
        return there
    return asked


def _require_radius(option: str, radius: float) -> None:
    if not 0 <= radius < np.inf:
        raise CannotReach(f"{option} {radius:g} must be a number of 0 or more")
