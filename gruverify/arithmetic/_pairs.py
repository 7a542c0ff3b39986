"""Products of two symbols, as symbols of their own.

What a product or a curve makes of ε_i ε_j lies in [-1, 1], and so does 2 ε_i² - 1: each may go on
as a symbol with a number made of theirs. Then it is the same wherever it comes up, and what is of
second order adds up or cancels over many steps, instead of being new noise in each. That the symbol
depends on ε_i and ε_j is forgotten where a range is taken, which makes it no less sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify.arithmetic._bounds import Floats
from gruverify.arithmetic._form import Form, Symbols, merged, upward

#: Symbols below it are none of pairs.
_FIRST_PAIR = np.int64(2**31)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The symbols of all pairs of some symbols, (n,), where the two of each stand among these, and
    which are squares.
    """

    symbols: Symbols
    first: Any
    second: Any
    square: Any

    def of(self, a: Floats, b: Floats) -> Floats:
        """What (Σ a_k ε_k)(Σ b_k ε_k) is on these symbols, (n, ...): half of each square is in the
        centre.
        """
        both = a[self.first] * b[self.second]
        others = a[self.second] * b[self.first]
        half = self.square.reshape(-1, *(1,) * (a.ndim - 1))
        return np.asarray(np.where(half, both / 2, both + others))


def most_important(a: Form, b: Form, count: int) -> tuple[Symbols, Floats, Floats]:
    """Up to that many symbols, none of pairs, that matter most in a product, and what they are in
    either factor.
    """
    symbols = _plain(a.symbols)
    if a is not b:
        symbols = merged(symbols, _plain(b.symbols))
    mine, others = _parts(a, symbols), _parts(b, symbols)
    if len(symbols) > count:
        weight = np.abs(mine) * b.spread + np.abs(others) * a.spread
        size = weight.reshape(len(symbols), -1).sum(1)
        kept = np.sort(np.argpartition(-size, count)[:count])
        symbols, mine, others = symbols[kept], mine[kept], others[kept]
    return symbols, mine, others


def _plain(symbols: Symbols) -> Symbols:
    """The symbols that stand for no pair: they come first."""
    return symbols[: np.searchsorted(symbols, _FIRST_PAIR)]


def pairs_of(symbols: Symbols) -> Pairs:
    """All pairs, in the order of their numbers."""
    first, second = np.triu_indices(len(symbols))
    numbers = (symbols[first] + 1) * _FIRST_PAIR + symbols[second]
    return Pairs(numbers, first, second, first == second)


def spread_of(parts: Floats) -> Floats:
    """Σ|part|, at most: what is taken away from a bound must not be too large."""
    return np.asarray(np.abs(parts).sum(0) / upward(len(parts)))


def _parts(form: Form, symbols: Symbols) -> Floats:
    """The generators of these symbols, 0 of those that the form has not."""
    if not len(form.symbols):
        return np.zeros((len(symbols), *form.centre.shape))
    # A symbol above all of the form's would be looked up behind its end.
    at = np.minimum(np.searchsorted(form.symbols, symbols), len(form.symbols) - 1)
    there = form.symbols[at] == symbols
    return np.asarray(form.parts[at] * there.reshape(-1, *(1,) * form.centre.ndim))
