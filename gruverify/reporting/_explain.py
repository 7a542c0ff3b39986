"""The question the project started from, answered in numbers: where gradients go when the gates close (theory.md 0, 3, 4).

dL_T/dU_z is the sum over k of dL_T/dh_T (Π_{i=k+1..T} J_i) ∂⁺h_k/∂U_z, U_z being the update gate's input weights W_xz.
Sizes ‖·‖ are the largest entry of a gradient and, induced by it, the largest row sum of a Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import matmul
from typing import TypeAlias

from gruverify.arithmetic import Array, Ball, Format, Rounding, float64, floating
from gruverify.cell import Case, Parameters
from gruverify.formulas import (
    Activations,
    Contribution,
    Magnitudes,
    Run,
    carry_gap,
    contributions,
    elman_gap,
    forget_gap,
    jacobian,
    magnitudes,
    sequence,
    total,
)
from gruverify.formulas._limits import Floats
from gruverify.reporting._explain_enclosure import Enclosure, largest, largest_row_sum, total_of, worst_of
from gruverify.reporting._explain_setting import LARGEST_BIAS, Regime, Setting, case_at, pre_activation

EXACT = Rounding(float64)

Lift: TypeAlias = Callable[[Array], Array]
Limit: TypeAlias = Callable[[Lift, Parameters, Activations], Array]
Bound: TypeAlias = Callable[[Magnitudes], Floats]
