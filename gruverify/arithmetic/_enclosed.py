"""σ and tanh between two float64 numbers, proved from IEEE's + - * / alone: no library's exp is
trusted.

exp(x) for x ≤ 0 is 2^k exp(f) with f = x - k ln 2, |f| < 0.35, and Taylor's polynomial of degree 14
in Horner's form. What is cut off is below 10^-19; f is wrong by less than u, since ln 2 is taken as
two numbers of which the first makes exact products; a stage 1 + (f/j) p of Horner's form has three
roundings, and meets the next with f/j. Together that is below 8 u relative to the result.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._formats import float64

Ends: TypeAlias = tuple[Floats, Floats]

_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")  # 42 bits: times an integer of 11 it is exact
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
_LOG2_E = 1.4426950408889634
#: Below it exp is less than half the smallest number.
_LOWEST = -746.0
#: Of exp by its derivation, and what the three operations behind it add, with some to spare.
_EXP, WIDENING = 2.0**-50, 2.0**-48


def _exp(x: Floats) -> Floats:
    """exp(x) for x ≤ 0, to within 8 u of itself and half the smallest number."""
    x = np.maximum(x, _LOWEST)
    k = np.rint(x * _LOG2_E)
    # k LN2_HIGH is exact, and so is the difference: both are multiples of one small number, and
    # what is left is below 0.35.
    f = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = np.ones_like(f)
    for j in range(14, 0, -1):
        p = 1.0 + (f / j) * p
    return np.ldexp(p, k.astype(np.int64))


def sigmoid_between(a: Floats) -> Ends:
    """Numbers below and above σ(a), to within 2^-48 of it."""
    e = _exp(-np.abs(a))
    gate = np.where(a < 0, e, 1.0) / (1.0 + e)
    off = gate * WIDENING + 2 * float64.min_subnormal
    return np.maximum(gate - off, 0.0), np.minimum(gate + off, 1.0)


def tanh_between(a: Floats) -> Ends:
    """Numbers below and above tanh(a), to within 2^-48; of small a to within a² of itself."""
    size = np.abs(a)
    # Of |a|, for tanh is odd: (1 - e^-2a)/(1 + e^-2a) has no overflow.
    e = _exp(-2.0 * size)
    near = (1.0 - e) / (1.0 + e)
    series = size * np.maximum(1.0 - size * size / 2.0, 0.0) * (1.0 - WIDENING)  # ≤ a - a³/3
    low = np.maximum(near - WIDENING, np.maximum(series - float64.min_subnormal, 0.0))
    high = np.minimum(np.minimum(near + WIDENING, size), 1.0)
    return np.where(a < 0, -high, low), np.where(a < 0, -low, high)
