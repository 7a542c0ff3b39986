"""What an invariant's own arithmetic may err by: it computes with answers and radii in float64,
which rounds too.

Every bound that takes such arithmetic ends with `float64_error`, and so with an absolute term:
where products underflow, no relative one is left, neither on the sides nor in the bound
(docs/tolerances.md).
"""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic import Rounding, float64
from gruverify.invariants.core._residual import Floats

#: float64 as what an invariant computes in: twice its roundoff and its underflow unit, which more
#: than covers one side.
REFERENCE = Rounding(float64)


def float64_error(size: Floats | float, roundings: int, products: int) -> Floats | float:
    """What finding a number in float64 may err by: `roundings` relative to `size`, the sum of the
    magnitudes of its terms, and an underflow unit for each product, those of both sides and of the
    bound.
    """
    return REFERENCE.gamma(roundings) * size + products * REFERENCE.eta


def float64_error_of_answers(size: Floats, roundings: int, products: int) -> Floats:
    """What `float64_error` allows, for sizes that are answers themselves: one that is not finite is
    allowed nothing.
    """
    return np.asarray(np.where(np.isfinite(size), float64_error(size, roundings, products), 0.0))
