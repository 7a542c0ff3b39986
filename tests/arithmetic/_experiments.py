"""Operations on balls, each beside all that implementations may compute for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from gruverify.arithmetic import Ball, Format, Rounding, blend, combined_rows, float64
from tests.arithmetic._exact import (
    Arithmetic,
    Number,
    Term,
    escapes,
    exactly,
    products,
    rounded,
    sums,
)
from tests.arithmetic._operands import Operand, ball_of, numbers, vectors


@dataclass(frozen=True)
class Experiment:
    """`ball` maps a Ball (n,) to one of a single entry; `values` lists what n numbers may become
    instead.
    """

    size: int
    ball: Callable[[Ball], Ball]
    values: Callable[[Arithmetic, Sequence[Number]], Iterable[Number]]
    gate: bool = False  # the first operand lies in [0, 1]
    exact: bool | None = None  # every operand is exact
    #: As `values`, where some are added up in the first arithmetic and stored in the second.
    stored: Callable[[Arithmetic, Arithmetic, Sequence[Number]], Iterable[Number]] | None = None

    def operands(
        self, fmt: Format, within: st.SearchStrategy[float] | None = None
    ) -> st.SearchStrategy[list[Operand]]:
        """Operands of the experiment, with numbers from `within` or else from all of the format."""
        drawn = numbers(fmt) if within is None else within
        if not self.gate:
            return vectors(fmt, self.size, numbers=drawn, exact=self.exact)
        gates = vectors(fmt, 1, numbers=numbers(fmt, highest=-fmt.precision).map(abs), exact=True)
        ends = vectors(fmt, self.size - 1, numbers=drawn)
        return st.builds(lambda gate, rest: [_gate(fmt, gate[0]), *rest], gates, ends)

    def escapees(self, mode: Rounding, operands: list[Operand]) -> Iterator[tuple[str, Number]]:
        """Whatever the ball should hold and does not, and how it was computed."""
        with np.errstate(over="ignore", invalid="ignore"):
            ball = self.ball(ball_of(mode, operands))
            for how, value in self._results(mode, operands):
                if escapes(ball, value):
                    yield how, value

    def _results(self, mode: Rounding, operands: list[Operand]) -> Iterator[tuple[str, Number]]:
        exact, fmt, members = Arithmetic(None), mode.format, [o.member for o in operands]
        for value in self.values(exact, [o.point for o in operands]):
            yield "exactly", value
        for value in self.values(exact, [Fraction(o.member) for o in operands]):
            yield "rounded once", rounded(fmt, value)
        for value in self._within(Arithmetic(fmt), Arithmetic(mode.accumulator), members):
            yield fmt.name, value
        if not mode.subnormals:
            flushing = Arithmetic(fmt, flushes=True)
            for value in self._within(
                flushing, Arithmetic(mode.accumulator, flushes=True), members
            ):
                yield f"{fmt.name}, flushed", float(value)
        for wide in (mode.accumulator, float64):
            arithmetic = Arithmetic(wide)
            for value in self.values(arithmetic, [arithmetic.number(member) for member in members]):
                yield f"{wide.name}, rounded at the end", fmt.cast(value).item()

    def _within(
        self, own: Arithmetic, accumulator: Arithmetic, members: list[float]
    ) -> Iterable[Number]:
        """Every operation in the format, but for sums that are added up elsewhere."""
        if own == accumulator or self.stored is None:
            return self.values(own, [own.number(member) for member in members])
        return self.stored(accumulator, own, [accumulator.number(member) for member in members])


def _gate(fmt: Format, operand: Operand) -> Operand:
    """The same gate as a ball as wide as a σ leaves it, cut off at 0 and 1."""
    rad = 8 * fmt.unit_roundoff * operand.mid
    highest = min(Fraction(operand.mid) + Fraction(rad), Fraction(1))
    return Operand(operand.mid, rad, operand.member, highest)


def at(v: Ball) -> list[Ball]:
    """The entries of a Ball (n,), each of shape (1,)."""
    return [v[i : i + 1] for i in range(v.shape[0])]


def _negated_chain(v: Ball) -> Ball:
    a, b, c, d = at(v)
    return -(a - b) + (c - d)


def _sum_of_products(v: Ball) -> Ball:
    a, b, c, d, e = at(v)
    return a * b - c * d + e


def _sum_of_long_products(v: Ball) -> Ball:
    a, b, c, d = at(v)
    return a * b * c + d


def _product_of_sums(v: Ball) -> Ball:
    a, b, c, d = at(v)
    return (a + b) * (1 - c) * d


def _product_of_sums_values(_: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    a, b, c, d = n
    return products([a + b, type(c)(1) - c, d])


def _affine(v: Ball) -> Ball:
    return v[None, :2] @ v[2:4, None] + v[4:5] + v[None, 5:6] @ v[6:7, None]


def _affine_values(m: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    return sums(m, [Term(n[0], n[2]), Term(n[1], n[3]), n[4], Term(n[5], n[6])])


def _kept(m: Arithmetic, terms: Sequence[Term | Number], own: Arithmetic) -> Iterator[Number]:
    """The sum of `terms` in every order, each rounded to the arithmetic that it is stored in."""
    return (own.number(float(total)) for total in sums(m, terms))


def _dot_terms(n: Sequence[Number]) -> list[Term | Number]:
    return [Term(n[i], n[i + 3]) for i in range(3)]


def _affine_stored(m: Arithmetic, own: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    bias, other = own.number(float(n[4])), own.number(float(n[5] * n[6]))
    for product in _kept(m, [Term(n[0], n[2]), Term(n[1], n[3])], own):
        yield from sums(own, [product, bias, other])


def _three_and_one_stored(m: Arithmetic, own: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    for three in _kept(m, n[:3], own):
        yield three + own.number(float(n[3]))


def _rows(v: Ball) -> Ball:
    a, b, c, W, U, d = (entry[None] for entry in at(v))
    return combined_rows((a * b, W), (c, U), on_diagonal=d)


def _rows_values(m: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    a, b, c, W, U, d = n
    for long in products([a, b, W]):
        yield from sums(m, [long, Term(c, U), d])


def _blend_values(m: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    z, one, zero = n
    rest = type(z)(1) - z
    yield from sums(m, [Term(z, one), Term(rest, zero)])
    yield from sums(m, [zero, Term(z, one - zero)])
    yield from sums(m, [one, Term(rest, zero - one)])


def _halved(m: Arithmetic, n: Sequence[Number]) -> Iterator[Number]:
    return products([m.number(0.5), n[0], n[1]])


EXPERIMENTS: dict[str, Experiment] = {
    "sum": Experiment(2, lambda v: v[:1] + v[1:], lambda m, n: [n[0] + n[1]]),
    "difference": Experiment(2, lambda v: v[:1] - v[1:], lambda m, n: [n[0] - n[1]]),
    "one minus": Experiment(1, lambda v: 1 - v, lambda m, n: [m.number(1) - n[0]]),
    "number plus": Experiment(1, lambda v: 0.5 + v + 0, lambda m, n: [m.number(0.5) + n[0]]),
    "chain of sums from the left": Experiment(4, lambda v: v[:1] + v[1:2] + v[2:3] + v[3:], sums),
    "chain of sums in pairs": Experiment(4, lambda v: (v[:1] + v[1:2]) + (v[2:3] + v[3:]), sums),
    "chain of sums, negated": Experiment(
        4, _negated_chain, lambda m, n: sums(m, [-n[0], n[1], n[2], -n[3]])
    ),
    "sum along an axis": Experiment(
        4, lambda v: v.sum(0)[None], sums, stored=lambda m, own, n: _kept(m, list(n), own)
    ),
    "sum along an axis, and one more": Experiment(
        4, lambda v: v[:3].sum(0)[None] + v[3:], sums, stored=_three_and_one_stored
    ),
    "product": Experiment(2, lambda v: v[:1] * v[1:], lambda m, n: [n[0] * n[1]]),
    "square": Experiment(1, lambda v: v * v, lambda m, n: [n[0] * n[0]]),
    "number times a product": Experiment(2, lambda v: v[:1] * (0.5 * v[1:]), _halved),
    "product of three": Experiment(3, lambda v: v[:1] * v[1:2] * v[2:], lambda m, n: products(n)),
    "product of four from the left": Experiment(
        4, lambda v: v[:1] * v[1:2] * v[2:3] * v[3:], lambda m, n: products(n)
    ),
    "product of four in pairs": Experiment(
        4, lambda v: (v[:1] * v[1:2]) * (v[2:3] * v[3:]), lambda m, n: products(n)
    ),
    "product, negated and indexed": Experiment(
        3, lambda v: (-(v[:1] * v[1:2]))[..., None] * v[2:], lambda m, n: products([-n[0], *n[1:]])
    ),
    "sum of products": Experiment(
        5, _sum_of_products, lambda m, n: sums(m, [Term(n[0], n[1]), Term(-n[2], n[3]), n[4]])
    ),
    "sum of long products": Experiment(
        4,
        _sum_of_long_products,
        lambda m, n: (s for long in products(n[:3]) for s in sums(m, [long, n[3]])),
    ),
    "product of sums": Experiment(4, _product_of_sums, _product_of_sums_values),
    "dot product": Experiment(
        6,
        lambda v: v[None, :3] @ v[3:, None],
        lambda m, n: sums(m, _dot_terms(n)),
        stored=lambda m, own, n: _kept(m, _dot_terms(n), own),
    ),
    "matrix products and biases": Experiment(7, _affine, _affine_values, stored=_affine_stored),
    "rows of a Jacobian": Experiment(6, _rows, _rows_values, exact=True),
    "blend": Experiment(3, lambda v: blend(*at(v)), _blend_values, gate=True),
}

__all__ = ["EXPERIMENTS", "Experiment", "exactly"]
