"""Which steps and lags are looked at: all steps of all members cost too much where H is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Whole: TypeAlias = npt.NDArray[np.intp]

#: Multiplications that one product of Jacobians along all windows may take, H³ each.
_WORK = 2**32
#: How many windows there are, if that leaves each this many lags, and at most.
_FEWEST, _MOST, _FEW_LAGS = 2, 32, 32


@dataclass(frozen=True, eq=False)
class Windows:
    """A sample of steps: window s ends after step `ends[s]` of member `members[s]`, the longest
    first, and reaches back as far as there are steps. `lags` are those that are looked at.
    """

    ends: Whole
    members: Whole
    lags: Whole

    @property
    def longest(self) -> int:
        """The longest lag."""
        return int(self.lags[-1])


def windows_of(T: int, B: int, H: int) -> Windows:
    """Windows that end in the second half of the run, one at its end, drawn once for all."""
    # Length before number: a memory that is longer than every window can only be bounded from
    # below.
    longest = min(T, max(_FEW_LAGS, _WORK // (_FEWEST * H**3)))
    late = (T - T // 2) * B
    count = min(late, max(1, min(_MOST, _WORK // (longest * H**3))))
    others = np.random.default_rng(0).permutation(np.arange(1, late))[: count - 1]
    chosen = np.sort(np.concatenate([[0], others])).astype(np.intp)
    # Numbered from the last step backwards, member by member: sorted means the longest first.
    return Windows(T - chosen // B, chosen % B, _lags(longest))


def _lags(longest: int) -> Whole:
    """1, 2, 3, 4, 6, 8, 12 and on, and the longest."""
    powers = 2 ** np.arange(longest.bit_length())
    # Two lags per octave: a curve on a logarithmic axis needs no more.
    grid = np.unique(np.concatenate([powers, 3 * powers // 2, [longest]]))
    return np.asarray(grid[grid <= longest], np.intp)
