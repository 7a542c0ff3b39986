"""The steps of a record: each direction of a layer in its own order of time, and what is known of
its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import (
    USUAL,
    Ball,
    Format,
    Functions,
    NDArray,
    Rounding,
    is_narrower,
    rounded_to,
    went_on_with,
)
from gruverify.cell import Parameters, Stack, Variant, unpack
from gruverify.engine import Reading
from gruverify.judging._order import reordered
from gruverify.judging._record import Record, kind_of

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Known:
    """Numbers (T, B, n) that are known up to a radius; `lost` (T, B) are the rows of which nothing
    is known.
    """

    mid: Floats
    radius: Floats | None
    lost: Mask

    def rows(self, mode: Rounding, some: Any) -> Ball:
        """Some of the T·B rows, as a batch."""
        if self.radius is None:
            radius = None
        else:
            radius = _flat(self.radius)[some]
        return Ball(mode, _flat(self.mid)[some], radius)

    def at(self, index: NDArray) -> Known:
        """Each member's rows in another order of time: `index` (T, B) says which row stands
        where.
        """
        if self.radius is None:
            radius = None
        else:
            radius = reordered(self.radius, index)
        return Known(reordered(self.mid, index), radius, np.take_along_axis(self.lost, index, 0))

    def carried_over(self, first: Known, masked: Mask) -> Known:
        """States in the place of what is returned at masked steps (T, B): the one before, or the
        first, (1, B, n).
        """
        B = masked.shape[1]
        # From which row on, counted with the first one before them, each state stands.
        own = np.where(masked, 0, np.arange(1, len(masked) + 1)[:, None])
        since = np.maximum.accumulate(np.concatenate([np.zeros((1, B), own.dtype), own]))
        return _joined(first, self).at(since).after_the_first()

    def after_the_first(self) -> Known:
        """All rows but the first."""
        radius = None
        if self.radius is not None:
            radius = self.radius[1:]
        return Known(self.mid[1:], radius, self.lost[1:])

    def restarted(self, at: Mask) -> Known:
        """The same with zeros at some of the rows (T, B)."""
        radius = None
        if self.radius is not None:
            radius = np.where(at[..., None], 0.0, self.radius)
        return Known(np.where(at[..., None], 0.0, self.mid), radius, self.lost & ~at)

    def with_columns_of(self, other: Known) -> Known:
        """Both, the other's columns to the right of these."""
        radius = None
        if self.radius is not None or other.radius is not None:
            radius = np.concatenate([_radius(self), _radius(other)], -1)
        return Known(np.concatenate([self.mid, other.mid], -1), radius, self.lost | other.lost)


def _radius(known: Known) -> Floats:
    if known.radius is None:
        return np.zeros(known.mid.shape)
    return known.radius


def _flat(array: Floats) -> Floats:
    return array.reshape(-1, array.shape[-1])


def known_of(ball: Ball, lost: Mask) -> Known:
    """What a ball says of numbers (T, B, n)."""
    return Known(ball.mid, None if ball.exactly else ball.radius, lost)


@dataclass(frozen=True, eq=False)
class Model:
    """The stack as one reading of it computes, in one model of rounding: parameters by layer and
    direction, and the activation functions of each direction.
    """

    mode: Rounding
    variant: Variant
    rows: tuple[tuple[Parameters, ...], ...]
    functions: Sequence[Functions] = (USUAL, USUAL)


def model_of(
    stack: Stack,
    mode: Rounding,
    saved_in: Format | None = None,
    functions: Sequence[Functions] = (USUAL, USUAL),
) -> Model:
    """The stack in balls: its weights exactly, or whatever numbers round to them in the format they
    are saved in. functions: those of each direction.
    """

    def lift(array: NDArray) -> Ball:
        if saved_in is None:
            return Ball.exact(mode, array)
        return rounded_to(mode, array, saved_in)

    def parameters(packed: dict[str, NDArray]) -> Parameters:
        return unpack({name: lift(array) for name, array in packed.items()}, stack.hidden_size)

    rows = stack.each(lambda cell: parameters(cell.packed()))
    return Model(mode, stack.variant, tuple(map(tuple, rows)), functions)


def reread(model: Model, reading: Reading) -> Model:
    """The model with its parameters read in another way."""
    rows = list[tuple[Parameters, ...]]()
    for row in model.rows:
        rows.append(tuple(map(reading.parameters, row)))
    return replace(model, variant=reading.variant(model.variant), rows=tuple(rows))


def inputs_of(record: Record, mode: Rounding) -> Known:
    """What is known of what the model was given."""
    values, lost = finite(record.inputs)
    fmt = kind_of(record.inputs)
    if fmt is not None and is_narrower(fmt, record.format):
        stored = fmt
    else:
        stored = record.format
    with np.errstate(over="ignore"):
        # Recorded as the model read them they are exact; else they are known to half an ulp.
        exactly = stored == record.format and np.array_equal(
            record.format.cast(values).astype(np.float64), values
        )
    return known_of(Ball.exact(mode, values) if exactly else rounded_to(mode, values, stored), lost)


def outputs_of(record: Record, mode: Rounding, layer: int) -> Known:
    """What the layer above reads, and what each step goes on with, where the outputs are
    recorded.
    """
    values, lost = finite(record.outputs[layer])
    # The state that a step goes on with may be wider than the one that is recorded: see `carry`.
    ball = went_on_with(mode, values, stored_in(record, layer))
    if record.written is not None:
        ball = record.written.read_back(ball, stored_in(record, layer))
    return known_of(ball, lost)


def stored_in(record: Record, layer: int) -> Format:
    """The format in which a layer's outputs are recorded."""
    fmt = kind_of(record.outputs[layer])
    assert fmt is not None  # a record has floating-point outputs
    return fmt


def finite(values: NDArray) -> tuple[Floats, Mask]:
    """The numbers in float64, 0 where they are not finite, and the rows with such a number."""
    wide = values.astype(np.float64)
    there = np.isfinite(wide)
    # The usual case, without a copy.
    if there.all():
        return wide, np.zeros(wide.shape[:-1], bool)
    return np.where(there, wide, 0.0), np.asarray(~there.all(-1))


def initial(record: Record, mode: Rounding, layer: int, direction: int) -> Known:
    """What the direction starts from, (1, B, H)."""
    given = record.state[layer * record.stack.directions + direction][None]
    values, lost = finite(given)
    fmt = kind_of(given)
    narrow = fmt is not None and is_narrower(fmt, record.format)
    with np.errstate(over="ignore"):
        exactly = not narrow and np.array_equal(
            record.format.cast(values).astype(np.float64), values
        )
    if exactly:
        ball = Ball.exact(mode, values)
    else:
        ball = rounded_to(mode, values, fmt if narrow and fmt else record.format)
    return known_of(ball, lost)


def one_behind(first: Known, states: Known) -> Known:
    """What the steps start from, (T, B, H), in their own order: the initial state, then each state
    but the last.
    """
    joined = _joined(first, states)
    radius = None
    if joined.radius is not None:
        radius = joined.radius[:-1]
    return Known(joined.mid[:-1], radius, joined.lost[:-1])


def _joined(first: Known, states: Known) -> Known:
    """The one row, and all others behind it."""
    radius = None
    if first.radius is not None or states.radius is not None:
        radius = np.concatenate([_radius(first), _radius(states)])
    return Known(
        np.concatenate([first.mid, states.mid]),
        radius,
        np.concatenate([first.lost, states.lost]),
    )
