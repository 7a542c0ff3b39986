"""Hypothesis at work: drawing the cases of a stream.

Hypothesis is imported where it draws: whoever only follows a run takes a tenth of a second less.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from gruverify.backends import Sizes
from gruverify.cell import AnyCase
from gruverify.coverage import Coverage
from gruverify.engine._drawn import Kind
from gruverify.engine._provider import from_seed_alone

if TYPE_CHECKING:
    from hypothesis import Phase, settings
    from hypothesis.strategies import SearchStrategy

Example = TypeVar("Example")

#: Makes a case of bytes.
Read: TypeAlias = Callable[[random.Random], AnyCase]


@dataclass(frozen=True)
class Stream:
    """The cases of one kind in one format: how they are drawn, how many, and from which seed.

    strategy: draws them at random; or a function that reads one from a source of bytes, as those of
    surveys are: what they are for is known, and Hypothesis would take most of the time. `survey`
    tells of a stream of few cases that together meet all gates, or all sizes; `sizes` of one case
    of the latter, which has these sizes; `mutated` is how many cases follow that are made of the
    one that came closest to its bounds.
    """

    strategy: SearchStrategy[Any] | Read
    count: int
    seed: int
    kind: Kind = "cells"
    survey: bool = False
    sizes: Sizes | None = None
    mutated: int = 0

    @property
    def length(self) -> int:
        """How many cases there are in it."""
        return self.count + self.mutated

    def draw(self, visit: Callable[[Any], bool | None], first: int = 0) -> None:
        """Show its cases to `visit`, the same ones for the same seed, but for so many at the
        beginning.

        visit: returns False if it wants no further case.
        """
        if not callable(self.strategy):
            draw(self.strategy, self.count - first, self.seed, visit, first)
            return
        for number in range(first, self.count):
            if visit(self.strategy(random.Random(f"{self.seed}/{number}"))) is False:
                return


class _Enough(BaseException):
    """Ends the drawing: the only way out of Hypothesis, which takes an Exception for a failure."""


def draw(
    strategy: SearchStrategy[Example],
    count: int,
    stream: int,
    visit: Callable[[Example], bool | None],
    first: int = 0,
) -> None:
    """Show `count` cases to `visit`, the same ones for the same `stream`.

    visit: returns False if it wants no further case. first: how many cases at the beginning are
    drawn and not shown.
    """
    from hypothesis import Phase, given, seed

    left_out = iter(range(first))

    # No phase but generate: nothing is reused from runs before, and failures are reduced by
    # ourselves.
    @seed(random.Random(stream).getrandbits(64))
    @_settings(count + first, Phase.generate)
    @given(strategy)
    def show(case: Example) -> None:
        if next(left_out, None) is None and visit(case) is False:
            # Left out cases are drawn all the same: skipping them would change those that follow.
            raise _Enough

    # Else Hypothesis reads the source of `show` to name it in a database, and there is none.
    show._hypothesis_internal_database_key = None  # type: ignore[attr-defined]
    with suppress(_Enough), from_seed_alone():
        show()


def emit(coverage: Coverage) -> None:
    """Tell Hypothesis what the case that it draws visits: its statistics and its observers show
    how often.
    """
    from hypothesis import currently_in_test_context, event

    if currently_in_test_context():
        for level in coverage.levels():
            event(level)


def _settings(count: int, *phases: Phase) -> settings:
    from hypothesis import HealthCheck, Verbosity, settings

    return settings(
        max_examples=count,
        phases=phases,
        # What a run finds must follow from its seed alone, and not from what other runs found.
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        # A slow backend is not a fault of the strategy's. Nor are large cases, of the surveys and
        # of targets with few shapes, a mistake: they are asked for.
        suppress_health_check=(
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ),
        verbosity=Verbosity.quiet,
    )
