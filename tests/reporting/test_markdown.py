"""Results as Markdown for a job page."""

from __future__ import annotations

import re

import pytest

from gruverify import Result
from gruverify.reporting import document, markdown

from ._documents import HOSTILE, rich
from ._results import PASSED, falsified, result, unclaimed


def test_a_conforming_result_is_short() -> None:
    text = markdown([document(result())])

    assert text.startswith("## ✅ numpy: conforms\n\n2 passed; 4 judgements in 1.2 s\n")
    assert "* float32, float64: 2 of 2 cases of cells, H 1–3, I 2, B 1, T 1–4\n" in text
    assert "|" not in text
    assert (
        "gruverify check numpy --profile default --max-cases 2 --seed 3 --format float32,float64"
        in text
    )


def test_what_did_not_pass_is_a_table_with_margins() -> None:
    text = markdown([rich()])

    assert "| agreement/step | 3.50 | 0.25 |\n" in text
    assert "| contract/same\\-bits | error | ∞ |\n" in text
    assert "* root cause: contract/shape\\-step: step has shape \\(1,\\); blocks 1\n" in text
    assert "* gates visited \\(levels of z × r × c\\): float32 96.8 %, float64 96.8 %\n" in text
    assert re.search(r"\nFirst witness: .*, is .*, must be .*, margin .*\n", text)
    assert "* likely cause: gates in the order" in markdown(
        [{**rich(), "explanation": "gates in the order z r c"}]
    )
    assert "agreement/last" not in text


def test_what_claims_nothing_is_a_dash_and_the_reasons_come_first() -> None:
    lines = markdown([document(unclaimed())]).splitlines()

    assert lines[0] == "## ❔ numpy: inconclusive"
    assert lines[2] == "1 nothing claimed, 1 passed; 4 judgements in 1.2 s"
    assert lines[4].startswith("* inconclusive: float64: too little is claimed of its values")
    assert "| agreement/step | 0.25 | – |" in lines


@pytest.mark.parametrize(
    ("shown", "heading"),
    [
        (result(complete=False), "## ⚠️ numpy: interrupted"),
        (result(crashes=("killed",)), "## 💥 numpy: died"),
        (result({}), "## ❔ numpy: inconclusive"),
    ],
)
def test_each_verdict_has_a_heading(shown: Result, heading: str) -> None:
    assert markdown([document(shown)]).splitlines()[0] == heading


def test_what_failed_stands_before_what_claims_nothing() -> None:
    rows = [line for line in markdown([rich()]).splitlines() if line.startswith("| ")][1:]

    assert [row.split(" | ")[0] for row in rows] == [
        "| contract/same\\-bits",
        "| agreement/step",
        "| regimes/carry\\-copies\\-state",
        "| regimes/forget\\-value",
    ]


def test_a_hostile_name_is_text() -> None:
    text = markdown([rich(HOSTILE + "\n# heading")])
    heading = text.splitlines()[0]

    assert "<" not in heading
    assert "\\`x\\`" in heading
    assert "\n# heading" not in text


def test_a_command_cannot_end_its_block() -> None:
    text = markdown([rich("```\n<b>")])

    assert "\n````\n" in text


def test_of_many_rows_the_rest_is_counted() -> None:
    from gruverify.engine import Tally
    from gruverify.invariants import INVARIANTS

    failed = Tally(falsified=1, largest=2.0)
    text = markdown([document(result({(id, "float32"): failed for id in INVARIANTS}))])

    assert f"{len(INVARIANTS) - 25} more are not listed" in text
    assert text.count("| 2.00 |") == 25


def test_several_results_follow_each_other() -> None:
    text = markdown(
        [document(falsified()), document(result({("agreement/step", "float32"): PASSED}))]
    )

    assert [line[:4] for line in text.splitlines() if line.startswith("## ")] == ["## ❌", "## ❔"]
