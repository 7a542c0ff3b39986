"""Two results compared: what each change amounts to, and what is said of it."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gruverify.engine import Tally
from gruverify.reporting import Document, document
from gruverify.reporting.compare import (
    Change,
    Comparison,
    Kind,
    Threshold,
    compared,
    comparison_document,
    comparison_markdown,
    comparison_text,
    print_comparison,
)

from ._documents import HOSTILE
from ._results import HEADER, NOTHING, PASSED, printed, result
from .test_schema_1 import read as read_from_schema_1

STEP = ("agreement/step", "float32")
RAISED = Tally(error=1, reason="step raised ValueError: no")
BLOCKED = Tally(blocked=2, reason="step has shape (1,)", cause="contract/shape-step")
XFAILED = Tally(falsified=1, largest=3.0, mark="xfail")
XPASSED = Tally(passed=1, largest=0.5, mark="xfail")


def tally(margin: float) -> Tally:
    """Two cases that were judged, with this largest margin."""
    failed = margin > 1
    return replace(PASSED, passed=1 if failed else 2, falsified=int(failed), largest=margin)


def found(tallied: Tally | None, **changes: Any) -> Document:
    """A result in which agreement/step fared so in float32; None: it was not asked. Something else
    always passes.
    """
    others = {("agreement/step", "float64"): PASSED}
    header = {**HEADER, **changes.pop("header", {})}
    return document(
        result(others if tallied is None else {STEP: tallied, **others}, header=header, **changes)
    )


def change(old: Tally | None, new: Tally | None, threshold: Threshold = Threshold()) -> Change:  # noqa: B008
    """What became of agreement/step in float32."""
    changes = compared(found(old), found(new), threshold).changes
    [mine] = [change for change in changes if (change.id, change.format) == STEP]
    return mine


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (PASSED, tally(2.0), Kind.NEW_FAILURE),
        (PASSED, RAISED, Kind.NEW_FAILURE),
        (None, tally(2.0), Kind.NEW_FAILURE),
        (NOTHING, tally(2.0), Kind.NEW_FAILURE),
        (XPASSED, tally(2.0), Kind.NEW_FAILURE),
        (PASSED, XFAILED, Kind.EXPECTED_FAILURE),
        (tally(0.3), tally(0.7), Kind.WORSE_MARGIN),
        (tally(3.0), tally(300.0), Kind.WORSE_MARGIN),
        (tally(3.0), tally(math.inf), Kind.WORSE_MARGIN),
        (PASSED, BLOCKED, Kind.NO_LONGER_JUDGED),
        (PASSED, NOTHING, Kind.NO_LONGER_JUDGED),
        (PASSED, None, Kind.NO_LONGER_JUDGED),
        (tally(2.0), NOTHING, Kind.NO_LONGER_JUDGED),
        (RAISED, BLOCKED, Kind.NO_LONGER_JUDGED),
        (tally(2.0), tally(2.0), Kind.STILL_FAILING),
        (tally(math.inf), tally(math.inf), Kind.STILL_FAILING),
        (tally(2.0), RAISED, Kind.STILL_FAILING),
        (XFAILED, tally(3.0), Kind.STILL_FAILING),
        (tally(3.0), XFAILED, Kind.STILL_FAILING),
        (tally(2.0), PASSED, Kind.GONE_FAILURE),
        (RAISED, PASSED, Kind.GONE_FAILURE),
        (XFAILED, XPASSED, Kind.GONE_FAILURE),
        (tally(0.7), tally(0.3), Kind.BETTER_MARGIN),
        (NOTHING, PASSED, Kind.NEWLY_JUDGED),
        (None, PASSED, Kind.NEWLY_JUDGED),
        (PASSED, PASSED, Kind.UNCHANGED),
        (tally(0.0), tally(0.0), Kind.UNCHANGED),
        (tally(0.4), tally(0.7), Kind.UNCHANGED),
        (tally(0.1), tally(0.4), Kind.UNCHANGED),
        (None, BLOCKED, Kind.UNCHANGED),
    ],
)
def test_a_change_is_of_the_gravest_kind_that_is_true(
    old: Tally | None, new: Tally | None, kind: Kind
) -> None:
    assert change(old, new).kind is kind


@pytest.mark.parametrize(
    ("threshold", "old", "new", "worse"),
    [
        (Threshold(), 0.25, 0.5, False),  # as if it rose to its bound once more: not past it
        (Threshold(), 0.25, 0.51, True),
        (Threshold(), 0.0, 0.1, False),
        (Threshold(), 0.0, 0.6, True),
        (Threshold(), 0.9, 1.01, True),
        (Threshold(), 1.01, 1.9, False),
        (Threshold(), 0.6, 0.6, False),
        (Threshold(1.1), 0.8, 0.9, False),
        (Threshold(1.1), 0.8, 0.95, True),
        (Threshold(4.0), 0.1, 0.41, True),
        (Threshold(4.0), 0.2, 0.7, False),
        (Threshold(above=0.0), 0.0, 0.1, True),
        (Threshold(above=0.0), 0.0, 0.0, False),
        (Threshold(above=0.0), 0.001, 0.002, True),
    ],
)
def test_a_margin_is_worse_by_a_factor_and_near_its_bound(
    threshold: Threshold, old: float, new: float, worse: bool
) -> None:
    assert threshold.is_worse(old, new) is worse


def test_catches_a_failure_that_hides_behind_something_blocked() -> None:
    lost = compared(found(tally(2.0)), found(BLOCKED))

    assert lost.changes_of(Kind.GONE_FAILURE) == []
    assert lost.reasons("new-failure") == []
    assert lost.gaps == ["NEW leaves open 1 result of OLD", "NEW has the verdict inconclusive"]


def test_catches_a_target_that_dies_now() -> None:
    note = "the process died of SIGABRT under numpy, in float32 after 3 cases"
    died = compared(found(PASSED), found(PASSED, crashes=(note,)))

    assert died.reasons("new-failure") == ["1 death of the target"]
    assert f"died {note}" in printed(lambda console: print_comparison(console, died))
    assert (
        compared(found(PASSED, crashes=(note,)), found(PASSED, crashes=(note,))).reasons(
            "new-failure"
        )
        == []
    )


def test_passing_the_bound_is_a_new_failure_and_a_worse_margin() -> None:
    both = compared(found(tally(0.9)), found(tally(1.1)))

    assert both.reasons("new-failure") == ["1 new failure"]
    assert both.reasons("worse-margin") == ["1 worse margin"]
    raised = compared(found(PASSED), found(RAISED))
    assert raised.reasons("new-failure") == ["1 new failure"]
    assert raised.reasons("worse-margin") == []


@pytest.mark.parametrize(
    ("old", "new", "gaps"),
    [
        ({}, {"complete": False}, ["NEW has the verdict interrupted"]),
        ({}, {"drawn": {}}, ["NEW has the verdict inconclusive"]),
        ({"drawn": {}}, {"drawn": {}}, []),
        ({}, {"crashes": ("it died",)}, ["NEW has the verdict died"]),
        ({"crashes": ("it died",)}, {"crashes": ("it died",)}, []),
        ({}, {}, []),
    ],
)
def test_a_newer_result_without_a_verdict_is_a_gap(
    old: dict[str, Any], new: dict[str, Any], gaps: list[str]
) -> None:
    assert compared(document(result(**old)), document(result(**new))).gaps == gaps


@pytest.mark.parametrize(
    ("header", "said", "same_cases"),
    [
        ({"seed": 4}, "the runs differ: seed 3 → 4", False),
        (
            {"versions": {"python": "3.11.0", "numpy": "2.1"}},
            "the runs differ: numpy 2.0 → 2.1",
            True,
        ),
        (
            {"versions": {**HEADER["versions"], "hypothesis": "7"}},
            "the runs differ: hypothesis none → 7",
            False,
        ),
        (
            {"declarations": {"bias": False}},
            'the runs differ: declarations {} → {"bias": false}',
            False,
        ),
        ({"seed": None}, "the runs differ: seed 3 → none", False),
        ({"variants": []}, "", True),
    ],
)
def test_runs_that_were_not_alike_are_told_apart(
    header: dict[str, Any], said: str, same_cases: bool
) -> None:
    unlike = compared(found(PASSED), found(PASSED, header=header))

    assert said in printed(lambda console: print_comparison(console, unlike))
    assert unlike.same_cases is same_cases


def test_runs_of_other_variants_are_told_apart() -> None:
    one, other = (
        found(PASSED, header={"variants": [{"biases": biases}]}) for biases in ("both", "none")
    )

    assert not compared(one, other).same_cases
    assert compared(one, one).same_cases


def test_runs_whose_cases_hypothesis_drew_are_of_different_cases() -> None:
    drawn = found(PASSED, header={"seed": None})

    assert not compared(drawn, drawn).same_cases


def comparison() -> Comparison:
    """Something of several kinds."""
    tallies = {
        ("agreement/step", "float32"): (tally(0.3), tally(0.7)),
        ("agreement/step", "float64"): (tally(0.25), tally(3.5)),
        ("agreement/last", "float32"): (tally(0.001), tally(0.01)),
        ("agreement/last", "float64"): (tally(2.0), tally(0.5)),
        ("bounds/box", "float32"): (tally(0.1), NOTHING),
        ("bounds/box", "float64"): (tally(0.1), tally(0.1)),
    }
    old = document(result({key: old for key, (old, _) in tallies.items()}, cpu=4.0))
    new = document(result({key: new for key, (_, new) in tallies.items()}, seconds=2.5, cpu=8.0))
    return compared(old, new)


def test_the_text_has_figures_changes_and_a_summary() -> None:
    lines = [
        line.rstrip()
        for line in printed(lambda console: print_comparison(console, comparison())).splitlines()
    ]
    words = [line.split() for line in lines]

    assert ["cases", "judged", "4", "4"] in words
    assert ["seconds", "1.2", "2.5"] in words
    assert ["CPU", "seconds", "4.0", "8.0"] in words
    assert ["gates", "visited", "unknown", "unknown"] in words
    assert lines[-15:] == [
        "",
        "new failures",
        "  agreement/step  float64   0.25 → falsified 3.50",
        "",
        "worse margins",
        "  agreement/step  float32   0.30 → 0.70",
        "",
        "no longer judged",
        "  bounds/box  float32   0.10 → nothing claimed",
        "",
        "gone failures",
        "  agreement/last  float64   falsified 2.00 → 0.50",
        "",
        "1 other margin rose 2-fold or more and stayed at most 0.5: not counted as worse (see "
        "--worse-above)",
        "1 new failure, 1 worse margin, 1 no longer judged, 1 gone failure, 2 unchanged",
    ]


def test_only_the_worst_of_many_are_listed_unless_all_are_wanted() -> None:
    ids = [
        "step",
        "last",
        "outputs",
        "jvp",
        "step-vjp",
        "jacobian-state",
        "jacobian-input",
        "one-unit",
        "each-step",
    ]
    names = [f"agreement/{id}" for id in ids]
    rises = {(id, fmt): 0.51 + i / 50 for i, id in enumerate(names) for fmt in HEADER["formats"]}
    old = document(result(dict.fromkeys(rises, tally(0.1))))
    many = compared(old, document(result({key: tally(margin) for key, margin in rises.items()})))

    brief = printed(lambda console: print_comparison(console, many))
    whole = printed(lambda console: print_comparison(console, many, in_full=True))

    assert "  and 8 more: -v lists them\n" in brief
    assert "agreement/each-step" in brief
    assert "agreement/step " not in brief
    assert "more" not in whole
    assert all(name in whole for name in names)


def test_the_markdown_has_a_table_of_each_kind() -> None:
    text = comparison_markdown(comparison())

    assert text.startswith("## numpy: 1 new failure, 1 worse margin, ")
    assert "\n| new failures | format | OLD | NEW |\n|---|---|---:|---:|\n" in text
    assert "\n| agreement/step | float64 | 0.25 | falsified 3.50 |\n" in text
    assert "\n| seconds | 1.2 | 2.5 |\n" in text
    assert text.endswith("|\n")


def test_the_json_has_everything() -> None:
    data = json.loads(comparison_text(comparison_document(comparison(), ("worse-margin",))))

    assert (data["schema"], data["kind"]) == (1, "gruverify comparison")
    assert data["threshold"] == {"factor": 2.0, "above": 0.5}
    assert data["changes"][0] == {
        "kind": "new-failure",
        "id": "agreement/step",
        "format": "float64",
        "old": {"status": "passed", "margin": 0.25, "cases": 2, "claimed": 1.0},
        "new": {"status": "falsified", "margin": 3.5, "cases": 2, "claimed": 1.0},
    }
    assert Counter(change["kind"] for change in data["changes"]) == Counter(
        ["new-failure", "worse-margin", "no-longer-judged", "gone-failure"]
    )
    assert data["unchanged"] == 2
    assert data["figures"]["new"]["cpu_seconds"] == 8.0
    assert data["failed_on"] == {"worse-margin": ["2 worse margins"]}
    assert data["gaps"][0] == "NEW leaves open 1 result of OLD"


def test_numbers_that_json_lacks_are_strings() -> None:
    data = json.loads(
        comparison_text(comparison_document(compared(found(tally(3.0)), found(tally(math.inf)))))
    )

    assert data["changes"][0]["new"]["margin"] == "inf"


def test_claims_of_a_result_of_schema_1_are_unknown() -> None:
    data = comparison_document(compared(read_from_schema_1(found(PASSED)), found(PASSED)))

    assert data["figures"]["old"]["claimed"] is None
    assert data["figures"]["old"]["cases"] is None
    assert data["figures"]["old"]["cpu_seconds"] is None


def test_a_hostile_name_stays_text() -> None:
    target = f"{HOSTILE}\x1b[31m\n::error::\ud800"
    names = {**HEADER["versions"], target: target}
    hostile = compared(found(PASSED), found(PASSED, header={"target": target, "versions": names}))

    text = printed(lambda console: print_comparison(console, hostile))
    assert "\x1b" not in text
    assert "\n::error" not in text
    assert "\\x1b[31m" in "".join(text.split())
    markdown = comparison_markdown(hostile)
    assert "<script>" not in markdown
    assert "\x1b" not in markdown
    markdown.encode()
    comparison_text(comparison_document(hostile)).encode("ascii")
