"""A second checker of certificates, in ball arithmetic, from the weights alone: it shares nothing
with what found them, and trusts none of it.

With |a - b| ≤ s w, entry by entry, a step leaves |h(a) - h(b)| ≤ s rate w if every row of the bound
of |∂h/∂h'|, times w, is at most rate · w. The mean value theorem needs no more, since the states
between a and b are in [-1, 1], too. The same holds of inputs that differ by 1 at most, ∂h/∂x, and
the gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from gruverify.arithmetic import optional
from gruverify.cell import Cell
from gruverify.certifying._certificate import Certificate

if TYPE_CHECKING:
    from flint import arb as Arb

#: Bits of the balls.
_BITS = 128


class Refuted(ValueError):
    """A certificate that does not hold; the message says in which unit."""


def check_certificate(cell: Cell, certificate: Certificate) -> None:
    """Confirm a certificate, or raise.

    Raises:
        Refuted: some unit is not proved to contract by the rate, or to be moved by inputs by no
            more than the gain; or the rate or a weight is none.
        ImportError: python-flint is not installed.
    """
    flint: Any = optional("flint", "python-flint", "arb")
    with flint.ctx.workprec(_BITS):
        _check(cell, certificate, flint.arb)


def _check(cell: Cell, certificate: Certificate, arb: type[Arb]) -> None:
    w = [arb(float(each)) for each in certificate.weights]
    rate, gain, X = map(arb, (certificate.rate, certificate.gain, certificate.largest_input))
    if len(w) != cell.hidden_size or not all(each > 0 for each in w) or not 0 <= rate < 1:
        raise Refuted("weights above 0, one per unit, and a rate below 1 are wanted")
    p = cell.parameters(lambda array: array.astype(np.float64))
    H = range(cell.hidden_size)

    def row(name: str, i: int) -> list[Arb]:
        return [abs(arb(float(each))) for each in getattr(p, name)[i]]

    def bias(name: str, i: int) -> Arb:
        return arb(float(getattr(p, name)[i]))

    def within(middle: Arb, reach: Arb) -> Arb:
        return middle + reach * arb(0, 1)

    def gate(k: str, i: int) -> Arb:
        reach = X * sum(row(f"W_x{k}", i), arb(0)) + sum(row(f"W_h{k}", i), arb(0))
        a = within(bias(f"b_x{k}", i) + bias(f"b_h{k}", i), reach)
        # σ grows, so that its ends are those of the pre-activation: a ball through σ as a whole
        # is wider.
        low, high = a.lower(), a.upper()
        return _hull(1 / (1 + (-low).exp()), 1 / (1 + (-high).exp()))

    r = [gate("r", i) for i in H]
    slope_r = [_slope(each, arb) for each in r]
    for i in H:
        c_row, z, inputs = row("W_hc", i), gate("z", i), sum(row("W_xc", i), arb(0))
        driven = X * inputs
        if cell.variant.reset == "after":
            q = within(bias("b_hc", i), sum(c_row, arb(0)))
            a = within(bias("b_xc", i), driven) + _product(r[i], q)
            inner = _dot(c_row, w) * r[i].abs_upper()
            inner += q.abs_upper() * slope_r[i] * _dot(row("W_hr", i), w)
            inputs += q.abs_upper() * slope_r[i] * sum(row("W_xr", i), arb(0))
        else:
            reach = driven + _dot(c_row, [each.abs_upper() for each in r])
            a = within(bias("b_xc", i) + bias("b_hc", i), reach)
            reset = [r[k].abs_upper() * w[k] + slope_r[k] * _dot(row("W_hr", k), w) for k in H]
            inner = _dot(c_row, reset)
            inputs += _dot(c_row, [slope_r[k] * sum(row("W_xr", k), arb(0)) for k in H])
        slope = 1 - arb(a.abs_lower()).tanh() ** 2
        apart = 1 + arb(a.abs_upper()).tanh()
        moved = _slope(z, arb) * apart * _dot(row("W_hz", i), w)
        moved_x = _slope(z, arb) * apart * sum(row("W_xz", i), arb(0))
        kept = z if cell.variant.update == "keep" else 1 - z
        # The bound is linear in k: what holds at both ends holds between them.
        for k in (kept.lower(), kept.upper()):
            # Arb's comparison is true only where it is certain, so that a wide ball refutes and
            # never confirms.
            if not k * w[i] + (1 - k) * slope * inner + moved <= rate * w[i]:
                raise Refuted(f"unit {i} is not proved to contract by {certificate.rate!r}")
            if not (1 - k) * slope * inputs + moved_x <= gain * w[i]:
                raise Refuted(f"inputs are not proved to move unit {i} by {certificate.gain!r}")


def _dot(a: Sequence[Arb], b: Sequence[Arb]) -> Arb:
    return sum((one * other for one, other in zip(a, b, strict=True)), 0 * b[0])


def _product(one: Arb, other: Arb) -> Arb:
    """Of two intervals, by their ends: a product of balls is wider."""
    pairs = product((one.lower(), one.upper()), (other.lower(), other.upper()))
    ends = [a * b for a, b in pairs]
    return _hull(*ends)


def _hull(first: Arb, *others: Arb) -> Arb:
    for other in others:
        first = first.union(other)
    return first


def _slope(g: Arb, arb: type[Arb]) -> Arb:
    """The most that g(1 - g) can be."""
    low, high = g.lower(), g.upper()
    if low <= 0.5 <= high:
        return arb(0.25)
    return _hull(low * (1 - low), high * (1 - high)).abs_upper()
