"""Results of parts of a run merge into the result of the whole."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings

import gruverify
from gruverify import Result, float16, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import Plan, Tally, merge, run
from gruverify.invariants import INVARIANTS

from ._drawn import HEADER, NOTHING, plain, results

pytestmark = pytest.mark.uncounted

few = settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@few
@given(results(), results(), results())
def test_merging_is_associative(a: Result, b: Result, c: Result) -> None:
    assert plain(a.merged(b).merged(c)) == plain(a.merged(b.merged(c)))


@few
@given(results(), results())
def test_merging_is_commutative(a: Result, b: Result) -> None:
    assert plain(a.merged(b)) == plain(b.merged(a))


@few
@given(results())
def test_an_empty_part_changes_nothing(a: Result) -> None:
    assert plain(a.merged(NOTHING)) == plain(a) == plain(NOTHING.merged(a))


@few
@given(results(), results())
def test_the_smaller_witness_stays(a: Result, b: Result) -> None:
    for place, witness in a.merged(b).witnesses.items():
        rivals = [part.witnesses[place] for part in (a, b) if place in part.witnesses]
        assert witness.order() == min(rival.order() for rival in rivals)


@pytest.mark.slow
def test_a_run_is_the_sum_of_its_formats() -> None:
    def of(*formats: Any) -> Result:
        return run(
            NumpyBackend(), Plan(formats=formats, max_cases=4, seed=5), "numpy", lambda event: None
        )

    whole = of(float16, float32)
    parts = [replace(of(fmt), header=whole.header) for fmt in (float32, float16)]

    assert plain(replace(merge(parts), seconds=0.0, cpu=0.0)) == plain(
        replace(whole, seconds=0.0, cpu=0.0)
    )


def test_parts_of_different_runs_do_not_merge() -> None:
    with pytest.raises(ValueError, match="results of different runs cannot be merged"):
        merge([NOTHING, replace(NOTHING, header={**HEADER, "seed": 1})])


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="there is nothing to merge"):
        merge([])


PASSED = Tally(passed=2)


def test_by_format_adds_the_variants_up_in_the_catalogues_order() -> None:
    first, second = list(INVARIANTS)[:2]
    keys = [
        (second, "float32", "a"),
        (first, "float32", "b"),
        (first, "float32", "a"),
        (first, "float16", "a"),
    ]

    table = replace(NOTHING, tallies=dict.fromkeys(keys, PASSED)).by_format

    assert list(table) == [first, second]
    assert table[first] == {"float16": PASSED, "float32": PASSED + PASSED}


def test_a_result_is_one_line_and_a_notebook_shows_what_it_covers() -> None:
    result = gruverify.check(
        "numpy", max_cases=1, formats=[float32], only=["agreement"], max_size=3
    )
    named = replace(result, header={**result.header, "target": "<b>mine</b>"})

    assert re.fullmatch(r"<Result of numpy: conforms \(\d+ passed(, .*)?\)>", repr(result))
    html = named._repr_html_()
    assert "<b>conforms</b>: &lt;b&gt;mine&lt;/b&gt;" in html
    assert "values claimed: float32 100% of the entries" in html
    ElementTree.fromstring(html)
