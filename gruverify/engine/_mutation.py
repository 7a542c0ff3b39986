"""A case with other numbers near its own: how a close one leads to a closer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell import AnyCase
from gruverify.engine._judge import NOT_SHOWN, Judgement
from gruverify.engine._smaller import with_arrays
from gruverify.engine._witness import Witness

#: The share of the arrays, and of the entries of each of those, that become others.
_ARRAYS, _ENTRIES = 0.5, 0.2
#: An entry is multiplied by a power of two, up or down by that many, or moved in one of that many
#: bits.
_OCTAVES, _BITS = 3, 22


@dataclass
class Closest:
    """The case that came closest to a bound, of those that kept within all, and the judgement that
    says so; None at first.
    """

    case: AnyCase | None = None
    margin: float = 0.0
    judgement: Judgement | None = None

    def meet(self, case: AnyCase, judgements: Iterable[Judgement]) -> None:
        """Keep the case if none was closer."""
        margin, closest = 0.0, None
        for judgement in judgements:
            # What failed has crossed a bound already: from there on there is nowhere to ascend to.
            if judgement.failed:
                return
            if judgement.tally.judged and judgement.tally.largest >= margin:
                margin, closest = judgement.tally.largest, judgement
        # Of equally close ones the latest: on a plateau mutations should move on, and not come
        # back.
        if self.case is None or margin >= self.margin:
            self.case, self.margin, self.judgement = case, margin, closest

    def by_format(self, target: str) -> dict[str, Witness]:
        """The case as a witness that holds, by its format; nothing where there is none."""
        # Of cases that an earlier run judged, their residuals were not kept.
        if self.case is None or self.judgement is None or self.judgement.residual is NOT_SHOWN:
            return {}
        id, residual = self.judgement.invariant.id, self.judgement.residual
        return {self.case.format.name: Witness(target, id, self.case, residual)}

    def mutations(self, count: int, seed: int) -> Iterator[AnyCase]:
        """So many mutations, each of the case that is the closest when it is asked for."""
        # By the stream's seed, as all that is drawn: a unit of a campaign is a function of its key.
        source = np.random.default_rng(seed)
        for _ in range(count):
            if self.case is not None:
                yield mutated(self.case, source)


def mutated(case: AnyCase, source: np.random.Generator) -> AnyCase:
    """The case with some entries of some arrays multiplied: none becomes larger than the largest of
    its array was, and what is 0 stays 0.
    """

    def change(name: str, array: NDArray) -> NDArray:
        if not array.size or source.random() >= _ARRAYS:
            return array
        old = array.astype(np.float64)
        # At least one entry on average, however small the array.
        chosen = source.random(old.shape) < max(_ENTRIES, 1 / old.size)
        octaves = 2.0 ** source.integers(-_OCTAVES, _OCTAVES + 1, old.shape)
        bits = 2.0 ** source.integers(-_BITS, 0, old.shape)
        moved = 1 + source.standard_normal(old.shape) * bits
        factors = np.where(source.random(old.shape) < 0.5, octaves, moved)
        # Else numbers would grow from one mutation to the next until bounds claim nothing of them.
        most = np.abs(old).max()
        return case.format.cast(np.clip(np.where(chosen, old * factors, old), -most, most))

    return with_arrays(case, change)
