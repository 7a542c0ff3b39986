"""Products and curves of affine forms, with what is of second order on symbols of pairs.

    (c + A)(d + B) = c d + c B + d A + A B,    A = Σ a_k ε_k + a ε, B likewise

A B of the symbols that matter most is a sum over their pairs. Of the rest only its size is known:
|A||B| less what the pairs are, less half of the remaining squares a_k b_k ε_k², which have the sign
of a_k b_k.
"""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._curves import Bend
from gruverify.arithmetic._form import Form, Symbols, united
from gruverify.arithmetic._formats import float64
from gruverify.arithmetic._pairs import most_important, pairs_of, spread_of
from gruverify.arithmetic._rounding import OUTWARD

_U, _ETA = float64.unit_roundoff, float64.min_subnormal


def product(a: Form, b: Form, roots: int) -> Form:
    """The product of two forms of one shape; `roots` symbols have their pairs followed."""
    linear = _linear(a, b)
    symbols, mine, others = most_important(a, b, roots)
    pairs = pairs_of(symbols)
    parts = pairs.of(mine, others)
    squares, halves = _other_squares(a, b, symbols)
    squares = squares + (mine * others).sum(0) / 2
    # |A||B| less what is followed: the subtracted bounds are rounded down, or they would take too
    # much.
    left = a.radius * b.radius * OUTWARD - spread_of(mine) * spread_of(others) - halves
    count = len(linear.symbols) + len(pairs.symbols) + 4
    # Three roundings on the way of a linear part, and one more where a pair's symbol is there
    # already.
    rounding = 4 * _U * a.size * b.size + count * _U * a.radius * b.radius + 4 * count * _ETA
    own = (linear.own + np.maximum(left, 0.0) + rounding) * OUTWARD
    return linear.with_parts(pairs.symbols, parts, linear.centre + squares, own)


def bent(form: Form, bend: Bend, roots: int) -> Form:
    """A curve of a form: as a parabola where that leaves less than a straight line does.

    With X = A_P + Y, A_P on the symbols that matter most, X² is A_P² and 2 A_P Y + Y².
    """
    symbols, mine, _ = most_important(form, form, roots)
    pairs = pairs_of(symbols)
    known, radius = spread_of(mine), form.radius
    other = np.maximum(radius - known, 0.0) * OUTWARD
    # 2|A_P||Y| + |Y|² ≤ 2 (|A_P| + |Y|) |Y|
    rest = 2 * radius * other * OUTWARD
    line, parabola = bend.line, bend.parabola
    # Entry by entry: over a wide interval the cubic remainder exceeds that of the line.
    better = parabola.off + np.abs(bend.curvature) * rest < line.off
    curvature = np.where(better, bend.curvature, 0.0)
    slope, middle, off = (
        np.where(better, one, two) for one, two in zip(parabola, line, strict=True)
    )
    straight = form.scaled(slope, middle, off)
    if not better.any():
        return straight
    squares = curvature * (mine * mine).sum(0) / 2
    count = len(pairs.symbols) + 4
    size = np.abs(curvature)
    rounding = (
        size * (rest + count * _U * radius * radius)
        + count * _ETA
        + 2 * _U * (np.abs(middle) + size * radius * radius)
    )
    own = (straight.own + rounding) * OUTWARD
    parts = curvature * pairs.of(mine, mine)
    return straight.with_parts(pairs.symbols, parts, middle + squares, own)


def _other_squares(a: Form, b: Form, symbols: Symbols) -> tuple[Floats | float, Floats | float]:
    """½ Σ a_k b_k over the symbols that both have besides these, and ½ Σ |a_k b_k|, at most."""
    both, mine, others = np.intersect1d(
        a.symbols, b.symbols, assume_unique=True, return_indices=True
    )
    there = ~np.isin(both, symbols, assume_unique=True)
    if not there.any():
        return 0.0, 0.0
    products = a.parts[mine[there]] * b.parts[others[there]] / 2
    return products.sum(0), spread_of(products)


def _linear(a: Form, b: Form) -> Form:
    """The part c d + c B + d A, but for what rounds."""
    symbols, mine, others = united(a.symbols, b.symbols)
    parts = np.zeros((len(symbols), *a.centre.shape))
    parts[mine] = b.centre * a.parts
    parts[others] += a.centre * b.parts
    own = np.abs(a.centre) * b.own + np.abs(b.centre) * a.own
    return Form(symbols, a.centre * b.centre, parts, own)
