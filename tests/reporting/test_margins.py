"""Margins by family, as bars."""

from __future__ import annotations

from collections import Counter
from functools import partial, reduce
from operator import add

import gruverify
from gruverify import float32
from gruverify.engine import judged
from gruverify.engine import margin_octaves as octaves
from gruverify.reporting import print_margins
from gruverify.reporting._margins import SHOWN, bars

from ._results import printed, result


def shown(**margins: list[float]) -> list[str]:
    """The lines for families with these margins."""
    tallies = {
        (f"{family}/step" if family == "agreement" else "bounds/box", "float32"): reduce(
            add, map(judged, values)
        )
        for family, values in margins.items()
    }
    return printed(partial(print_margins, result=result(tallies))).splitlines()


def test_a_family_has_its_cases_exact_ones_median_and_those_over_the_bound() -> None:
    row = next(
        line
        for line in shown(agreement=[0.0, 0.0, 0.3, 0.3, 0.3, 2.0])
        if line.strip().startswith("agreement")
    )

    assert row.split() == ["agreement", "6", "33%", "0.310", "█", "1"]


def test_bars_are_as_high_as_their_share_and_stand_at_their_octave() -> None:
    drawn = bars(Counter({-1: 8, -2: 4, -16: 1, -64: 100}))

    assert (len(drawn), drawn[-1], drawn[-2], drawn[0], set(drawn[1:-2])) == (
        len(SHOWN),
        "█",
        "▄",
        "▁",
        {" "},
    )


def test_nothing_to_show_is_blank() -> None:
    assert bars(Counter()) == " " * len(SHOWN)


def test_octaves_of_a_run_are_all_its_judged_cases() -> None:
    run = gruverify.check("numpy", formats=[float32], max_cases=2, only=["agreement/step"])

    assert sum(sum(octaves(tally).values()) for tally in run.tallies.values()) == 2
