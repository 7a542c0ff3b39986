"""Cases that were judged before: taken over if they are the very same, and asked the very same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Case, Cell, Variant, float32
from gruverify.coverage import Coverage
from gruverify.engine import CasesJudged, Judgement, Tally
from gruverify.engine._journal import CpuClock, Found, Journal, digest_of
from gruverify.invariants import INVARIANTS, Residual

IDS = ["agreement/step", "bounds/box"]
FELL = Judgement(
    INVARIANTS[IDS[0]],
    Tally(falsified=1, largest=2.0),
    Residual("h[b=0]", 1.0, 0.5, 0.5, 0.25, 2.0),
)
HELD = Judgement(
    INVARIANTS[IDS[1]], Tally(passed=1, largest=0.5), Residual("h[b=0]", 1.0, 1.0, 0.0, 0.25, 0.0)
)
FOUND = Found((FELL, HELD), Coverage({"h'-c": np.array([1, 0, 2], np.int64)}))


def case(weight: float) -> Case:
    """The smallest case, with that weight in all places."""
    one, three = float32.cast([[1.0]]), float32.cast([[weight]] * 3)
    return Case(
        Cell(Variant(), three, three, three[:, 0], three[:, 0]), one[None], one, one[None], one
    )


@pytest.fixture
def judged() -> dict[tuple[str, int], bytes]:
    """A case that was kept, as the second of its stream."""
    events: list[Any] = []
    journal = Journal("float32", {}, events.append, CpuClock())
    assert journal.found("f00", 1, case(1.0), IDS) is None
    journal.keep("f00", 1, case(1.0), FOUND)
    journal.send()
    journal.send()
    [event] = events
    assert isinstance(event, CasesJudged)
    return {(each.stream, each.number): each.found for each in event.cases}


def found(
    judged: dict[tuple[str, int], bytes], asked: list[str], of: Case, stream: str, number: int
) -> Found | None:
    """What a later run is told of a case."""
    return Journal("float32", judged, lambda event: None, CpuClock()).found(
        stream, number, of, asked
    )


def test_the_same_case_is_taken_over_with_the_time_that_it_took(
    judged: dict[tuple[str, int], bytes],
) -> None:
    clock = CpuClock()

    again = Journal("float32", judged, lambda event: None, clock).found("f00", 1, case(1.0), IDS)

    assert again is not None
    assert [replace(each, residual=FELL.residual) for each in again.judgements] == [
        replace(each, residual=FELL.residual) for each in FOUND.judgements
    ]
    assert again.judgements[0].residual == FELL.residual
    assert again.visited == FOUND.visited
    assert clock.taken > 0


def test_catches_another_case(judged: dict[tuple[str, int], bytes]) -> None:
    assert found(judged, IDS, case(np.nextafter(np.float32(1), np.float32(2))), "f00", 1) is None


def test_catches_other_invariants(judged: dict[tuple[str, int], bytes]) -> None:
    for asked in (IDS[:1], IDS[::-1], [*IDS, "agreement/one-unit"]):
        assert found(judged, asked, case(1.0), "f00", 1) is None


def test_catches_another_place(judged: dict[tuple[str, int], bytes]) -> None:
    assert found(judged, IDS, case(1.0), "f00", 0) is None
    assert found(judged, IDS, case(1.0), "f01", 1) is None


def test_catches_bits_that_have_changed(judged: dict[tuple[str, int], bytes]) -> None:
    [(place, data)] = judged.items()
    for position in range(0, len(data), 7):
        damaged = data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :]
        again = found({place: damaged}, IDS, case(1.0), *place)
        assert (
            again is None or again.visited == FOUND.visited
        )  # the header of the compression says little


def test_a_digest_tells_of_every_bit() -> None:
    zero, minus = case(0.0), case(-0.0)

    assert digest_of(case(1.0)) == digest_of(case(1.0))
    assert digest_of(zero) != digest_of(minus)
    assert digest_of(case(1.0)) != digest_of(replace(case(1.0), regimes=("r=1",)))
