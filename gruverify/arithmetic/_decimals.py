"""Numbers that were written in text with fewer digits than they had, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._arrays import NDArray
from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._formats import Format
from gruverify.arithmetic._recorded import half_spacing, spacing
from gruverify.arithmetic._rounding import OUTWARD

#: float64 has no more digits than these.
_MOST = 16
#: The last digit counts so many times the spacing of the format, or digits tell nothing.
_COARSER = 4
#: The powers of ten that float64 has exactly: what NumPy's power returns may be one ulp off.
_TENS = np.array([float(10**k) for k in range(23)])


@dataclass(frozen=True)
class Decimals:
    """How numbers are written: with so many digits behind the point, as C's %f and NumPy's savetxt
    with "%.6f" do, or with so many significant ones, as %g and C++'s streams do.
    """

    digits: int
    significant: bool

    def __str__(self) -> str:
        if self.significant:
            return f"{self.digits} significant digit{'s' * (self.digits > 1)}"
        return f"{self.digits} decimal{'s' * (self.digits > 1)}"

    def wrote(self, values: NDArray, fmt: Format) -> bool:
        """Whether values of the format are what comes of others that were written so, and few
        numbers of the format are.
        """
        wide = values[np.nonzero(values)].astype(np.float64)
        scale = self._scale(wide)
        # Where the last digit counts no more than the spacing of the format, it leaves no number
        # out.
        if not wide.size or np.median(scale * spacing(wide, fmt)) > 1 / _COARSER:
            return False
        # Divided by a power of ten, and not multiplied by one that float64 does not have.
        return np.array_equal(fmt.cast(np.rint(wide * scale) / scale), fmt.cast(wide))

    def _scale(self, values: npt.ArrayLike) -> Floats:
        """The power of ten that makes whole numbers of what is written, at the size of each."""
        sizes = np.abs(np.asarray(values, np.float64))
        leading = np.zeros(sizes.shape)
        if self.significant:
            # 0 has no leading digit, and is written as it is.
            leading = np.floor(np.log10(np.where(sizes > 0, sizes, 1.0))) + 1
        places = np.clip(self.digits - leading, 0, len(_TENS) - 1)
        return np.asarray(_TENS[places.astype(np.intp)])

    def read_back(self, ball: Ball, fmt: Format) -> Ball:
        """What was written of numbers in the ball, or the numbers of which the ball was written;
        fmt: what they are read back as.
        """
        half = OUTWARD / 2 / self._scale(ball.magnitude) + half_spacing(ball.magnitude, fmt)
        return Ball(ball.mode, ball.mid, ball.radius + half)


def decimals_of(values: NDArray, fmt: Format) -> Iterator[Decimals]:
    """How values of the format may have been written: with the fewest decimals, and with the fewest
    significant digits, where these are fewer than its numbers have.
    """
    for significant in (False, True):
        ways = (Decimals(digits, significant) for digits in range(1, _MOST + 1))
        yield from islice((way for way in ways if way.wrote(values, fmt)), 1)
