"""Masks: which steps of a sequence a member skips, or starts anew from zeros."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.cell._case import Case
from gruverify.cell._cell import Cell
from gruverify.cell._stack_case import StackCase

Mask = npt.NDArray[np.bool_]

#: The masks that go wrong in their own ways, by name: from the steps t = 0 … T-1 and T to whether
#: each is masked. From four steps on no two are the same.
PATTERNS: Mapping[str, Callable[[npt.NDArray[np.int64], int], Mask]] = {
    "no step": lambda t, T: t < 0,
    "every step": lambda t, T: t >= 0,
    "the second half, as padding is": lambda t, T: 2 * t >= T,
    "every other step": lambda t, T: t % 2 == 1,
    "one step in the middle": lambda t, T: t == T // 2,
    "the first step": lambda t, T: t == 0,
    "the last step": lambda t, T: t == T - 1,
}
#: From so many steps on no two of the patterns are the same.
DISTINCT = 4


def pattern(name: str, T: int) -> Mask:
    """The mask of that name over T steps, (T,)."""
    return np.asarray(PATTERNS[name](np.arange(T), T))


def mask_names(case: Case) -> list[str]:
    """The name of each member's mask: the patterns by turns, so that seven members have all of
    them. Which of them comes first depends on the cell's weights.
    """
    first, names = _first(case.cell), list(PATTERNS)
    return [names[(first + b) % len(names)] for b in range(len(case.state))]


def restart_names(case: Case) -> list[str]:
    """The name of the pattern by which each member starts anew where it skips steps, too: as many
    turns after that of its mask for all. Which number of turns depends on the cell's weights, and
    none, so that each new start is at a step that is skipped, is one.
    """
    turns, first = divmod(_number(case.cell), len(PATTERNS))
    names = list(PATTERNS)
    return [names[(first + turns + b) % len(names)] for b in range(len(case.state))]


def _number(cell: Cell) -> int:
    """A number of the cell from 0 to 48."""
    # By numbers of the cell, and not of inputs: what a mask hides may be changed under it.
    return zlib.crc32(cell.weight_hh.tobytes()) % len(PATTERNS) ** 2


def _first(cell: Cell) -> int:
    """Which pattern the first member has."""
    return _number(cell) % len(PATTERNS)


def masks_of(case: Case) -> Mask:
    """The masks of the members of a case, (T, B)."""
    return _by_member(len(case.inputs), mask_names(case))


def restarts_of(case: Case) -> Mask:
    """Where the members of a case start anew that skip the steps of `masks_of`, (T, B)."""
    return _by_member(len(case.inputs), restart_names(case))


def _by_member(T: int, names: list[str]) -> Mask:
    found = np.zeros((T, len(names)), bool)
    for b, name in enumerate(names):
        found[:, b] = pattern(name, T)
    return found


def stack_masks_of(case: StackCase) -> Mask:
    """The masks of the members of a case of a stack, (T, B), by turns as those of `masks_of`."""
    T, B, _ = case.inputs.shape
    first, names = _first(case.stack.cells[0][0]), list(PATTERNS)
    return _by_member(T, [names[(first + b) % len(names)] for b in range(B)])


def unit_masks_of(case: Case) -> Mask:
    """The masks of the units of a case, (T, B, H): the first unit of a member has the member's,
    each other the pattern after that of the unit before it.
    """
    T, (B, H) = len(case.inputs), case.state.shape
    each = np.stack([pattern(name, T) for name in PATTERNS], axis=-1)
    turns = _first(case.cell) + np.arange(B)[:, None] + np.arange(H)
    return np.asarray(each[:, turns % len(PATTERNS)])


def unit_shares_of(case: Case) -> NDArray:
    """The share of its state that each unit of a case keeps, (T, B, H) in its format: the same for
    all, as a rate is, an eighth or several.
    """
    share = (1 + _first(case.cell)) / 8
    return case.format.cast(np.full(unit_masks_of(case).shape, share))
