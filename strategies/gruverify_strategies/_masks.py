"""Masks: which steps of each member are skipped, or start anew; which units keep their state."""

from __future__ import annotations

from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.cell import PATTERNS, pattern
from gruverify_strategies._codes import RANDOM, choose, header
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import limits

Masks: TypeAlias = npt.NDArray[np.bool_]

#: Besides the patterns: every other step or so, as a seed of the member's own says.
_ANY = "any step"
#: Bytes of the header for each member, or unit: which mask, and that seed.
_LENGTH = 1 + 4


@st.composite
def masks(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
) -> Masks:
    """Masks (T, B) of the members of a batch, bool, True at a step that is masked.

    Each member has one of the patterns that go wrong in ways of their own, no step, every step, the
    second half as padding is, every other step, one step in the middle, the first, the last, or
    steps drawn one by one. Shrinks to one member and one step, which is not masked.

    Raises:
        InvalidArgument: a bound is not an integer, is negative, or a minimum exceeds its maximum.
    """
    within = limits("TB", T=(min_T, max_T), B=(min_B, max_B))
    most = within["B"][1]
    codes = header(draw(RANDOM), slots_length(within) + most * _LENGTH)
    filled = slots(codes, within)
    T, found = len(filled["T"]), np.zeros((len(filled["T"]), len(filled["B"])), bool)
    # Bytes for each slot that there may be, so that emptying one changes no other member.
    own = [bytes(islice(codes, _LENGTH)) for _ in range(most)]
    for b, slot in enumerate(filled["B"]):
        found[:, b] = _along_time(own[slot], T)
    return found


@st.composite
def mask_pairs(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
) -> tuple[Masks, Masks]:
    """Two masks (T, B) of the same members, as `masks` draws each: the steps that are skipped, and
    those that start from zeros. Some are both. Shrinks to one member and one step, which is
    neither.

    Raises:
        InvalidArgument: a bound is not an integer, is negative, or a minimum exceeds its maximum.
    """
    keep = draw(masks(min_T=min_T, max_T=max_T, min_B=min_B, max_B=max_B))
    T, B = keep.shape
    return keep, draw(masks(min_T=T, max_T=T, min_B=B, max_B=B))


@st.composite
def unit_masks(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
) -> Masks:
    """Masks (T, B, H) of the units of each member, bool, True where zoneout has a unit keep its
    state.

    Each unit has one of the patterns of `masks`, or steps drawn one by one. Shrinks to one unit and
    one step, which is not masked.

    Raises:
        InvalidArgument: a bound is not an integer, is negative, or a minimum exceeds its maximum.
    """
    within = limits("TB", T=(min_T, max_T), B=(min_B, max_B), H=(min_H, max_H))
    members, units = within["B"][1], within["H"][1]
    codes = header(draw(RANDOM), slots_length(within) + members * units * _LENGTH)
    filled = slots(codes, within)
    T, B, H = (len(filled[letter]) for letter in "TBH")
    found = np.zeros((T, B, H), bool)
    own = [bytes(islice(codes, _LENGTH)) for _ in range(members * units)]
    for b, member in enumerate(filled["B"]):
        for i, unit in enumerate(filled["H"]):
            found[:, b, i] = _along_time(own[member * units + unit], T)
    return found


def _along_time(codes: bytes, T: int) -> Masks:
    """One of the patterns, or any steps, as some bytes say, (T,)."""
    name, seed = choose(codes[0], [*PATTERNS, _ANY]), list(codes[1:])
    if name == _ANY:
        return np.asarray(np.random.Generator(np.random.SFC64(seed)).random(T) < 1 / 2)
    return pattern(name, T)
