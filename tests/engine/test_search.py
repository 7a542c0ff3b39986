"""Shrinking, where the backend does not repeat itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from gruverify import Case, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import draw, shrink, streams_for

pytestmark = pytest.mark.uncounted


@pytest.mark.parametrize("answers", [1, 3, 10])
def test_what_falls_a_few_times_and_then_no_more_is_shrunk_as_far_as_it_fell(answers: int) -> None:
    stream = replace(streams_for(NumpyBackend(), float32, 3, 8)[0], tries=200)
    seen, calls = list[Case](), count()
    draw(stream.strategy, stream.count, stream.seed, seen.append)
    fell: list[Case] = []

    def falls(case: Case) -> bool:
        if next(calls) >= answers:
            return False
        fell.append(case)
        return True

    assert shrink(stream, seen[3], falls) == fell[-1]
