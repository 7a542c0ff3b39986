"""The same quantity at each step of a sequence, and what is added up over the steps.

Where nothing tells apart what a member of the batch and what a step adds to a sum, balls take the
steps for further members of one batch: one matrix product instead of T products and as many sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

import numpy as np

from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._dual import Dual
from gruverify.arithmetic._exactness import everywhere
from gruverify.arithmetic._functions import Array
from gruverify.arithmetic._joined import joined_rows
from gruverify.arithmetic._once import once
from gruverify.arithmetic._sums import Results


class Steps:
    """T ≥ 1 arrays (B, n), one a step, in the order in which they are added up."""

    def __init__(self, given: Sequence[Array], within: int = 1) -> None:
        """The steps, or arrays that have the members of that many of them."""
        self._given, self._within = given, within
        self.count = len(given) * within

    def each(self) -> Sequence[Array]:
        """Each step by itself."""
        if self._within == 1:
            return self._given
        each = list[Array]()
        for array in self._given:
            B = array.shape[0] // self._within
            each += [array[t * B : (t + 1) * B] for t in range(self._within)]
        return each

    def products(self, other: Steps) -> Array:
        """Σ_k a_kᵀ b_k, (n, m)."""
        return reduce(add, (a.T @ b for a, b in zip(self.each(), other.each(), strict=True)))

    def sum(self) -> Array:
        """Σ_k of a_k's members, (n,)."""
        return reduce(add, (a.sum(0) for a in self.each()))


def steps_of(each: Sequence[Array], within: int = 1) -> Steps:
    """The steps of an arithmetic, by the way that is its shortest.

    within: of how many steps each array has the members, one step after the other.
    """
    # Balls know Σ|term| and the counts of a sum whatever its order; floats and tensors must add up
    # # step by step, as an implementation does.
    if isinstance(each[0], Ball):
        return _BallSteps(each, within)
    if (
        isinstance(each[0], Dual)
        and isinstance(each[0].value, Ball)
        and all(a.tangent is not None for a in each)
    ):
        return _DualSteps(each, within)
    return Steps(each, within)


def each_by_itself(f: Callable[..., Array], *given: Steps) -> list[Array]:
    """`f` of the quantities at each step; it treats the members of a batch, its rows, alone."""
    if not all(
        isinstance(one, _BallSteps | _DualSteps) and not one.rounds_operands for one in given
    ):
        return [f(*arrays) for arrays in zip(*(one.each() for one in given), strict=True)]
    # Rows do not meet in f, so those of a step are what the step alone would have.
    found = f(*(one.whole for one in given))  # type: ignore[attr-defined]  # both have it
    T = given[0].count
    if T == 1:
        return [found]
    B = found.shape[0] // T
    return [found[t * B : (t + 1) * B] for t in range(T)]


class _BallSteps(Steps):
    @property
    def rounds_operands(self) -> bool:
        """Whether the operands of matrix products are rounded: what that may lose depends on the
        largest of a step.
        """
        return bool(self._given[0].mode.u_m)

    @once
    def whole(self) -> Ball:
        """All steps as members of one batch, (T·B, n)."""
        return joined_rows(self._given)

    def products(self, other: Steps) -> Array:
        """Σ_k a_kᵀ b_k: the terms of all steps are terms of one sum, whose results are those of
        each step.
        """
        if not isinstance(other, _BallSteps) or self.rounds_operands:
            return super().products(other)
        return self.whole.T.times(other.whole, self._results_with(other))

    def sum(self) -> Array:
        return self.whole.summed(0, self._results())

    def _results_with(self, other: _BallSteps) -> Results | None:
        if not self._stored_by_step:
            return None
        a, b = self._by_step(self.whole.mid), other._by_step(other.whole.mid)
        sizes = reduce(add, (np.abs(one.T.dot(another)) for one, another in zip(a, b, strict=True)))
        # A step whose terms are all exactly 0 stores nothing, and is not an operand.
        masks = self.whole.nonzero, other.whole.nonzero
        if masks[0] is None and masks[1] is None:
            return Results(sizes, float(self.count))
        mine, its = (
            s._by_step(everywhere(m, s.whole.shape))
            for s, m in zip((self, other), masks, strict=True)
        )
        counts = (
            np.minimum(one.T.dot(another), 1.0) for one, another in zip(mine, its, strict=True)
        )
        return Results(sizes, reduce(add, counts))

    def _results(self) -> Results | None:
        if not self._stored_by_step:
            return None
        sizes = np.abs(self._by_step(self.whole.mid).sum(1)).sum(0)
        if self.whole.nonzero is None:
            return Results(sizes, float(self.count))
        return Results(sizes, np.minimum(self._by_step(self.whole.nonzero).sum(1), 1.0).sum(0))

    @property
    def _stored_by_step(self) -> bool:
        """Whether what each step adds is rounded to another format than the one in which it was
        added up.
        """
        mode = self.whole.mode
        return self.count > 1 and mode.wide and not mode.sums_in_format

    def _by_step(self, values: Floats) -> Floats:
        """(T·B, n) as (T, B, n)."""
        return values.reshape(self.count, -1, values.shape[-1])


class _DualSteps(Steps):
    @property
    def rounds_operands(self) -> bool:
        """Whether the operands of matrix products are rounded, of the values as of the tangents."""
        return self.values.rounds_operands

    @once
    def values(self) -> _BallSteps:
        return _BallSteps([dual.value for dual in self._given], self._within)

    @once
    def tangents(self) -> _BallSteps:
        return _BallSteps([dual.tangent for dual in self._given], self._within)

    @once
    def whole(self) -> Dual:
        """All steps as members of one batch."""
        return Dual(self.values.whole, self.tangents.whole)

    def products(self, other: Steps) -> Array:
        if not isinstance(other, _DualSteps):
            return super().products(other)
        moved = self.tangents.products(other.values) + self.values.products(other.tangents)
        return Dual(self.values.products(other.values), moved)

    def sum(self) -> Array:
        return Dual(self.values.sum(), self.tangents.sum())
