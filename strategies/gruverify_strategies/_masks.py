"""Masks: which steps of each member are skipped, or start anew."""

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
#: Bytes of the header for each member: which mask, and that seed.
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
        name, seed = choose(own[slot][0], [*PATTERNS, _ANY]), list(own[slot][1:])
        if name == _ANY:
            found[:, b] = np.random.Generator(np.random.SFC64(seed)).random(T) < 1 / 2
        else:
            found[:, b] = pattern(name, T)
    return found
