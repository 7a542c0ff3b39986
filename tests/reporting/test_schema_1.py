"""Results that gruverify 0.1 wrote: they are read, and their claims are unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gruverify import Result
from gruverify.engine import Tally
from gruverify.reporting import (
    BadResult,
    document,
    junit,
    load_document,
    markdown,
    parse_document,
    schema,
    write_report,
)
from gruverify.reporting._schema_1 import UNKNOWN
from gruverify.reporting.page import result_page

from ._documents import rich
from ._results import PASSED, falsified, result, witness

pytestmark = pytest.mark.uncounted

#: What schema 1 did not have: of a result, of a row, of a residual.
NEW = (
    "methods",
    "declarations",
    "doubts",
    "covers",
    "hints",
    "less_accurate",
    "drawn",
    "flaky",
    "replays",
)
NEW_OF_ROWS = ("unclaimed", "entries", "condition")
NEW_OF_RESIDUALS = ("compared", "claimed", "scale")


def old(shown: Result | dict[str, Any], verdict: str = "conforms") -> dict[str, Any]:
    """The document that 0.1 wrote of a result."""
    new = shown if isinstance(shown, dict) else document(shown)
    rows = [
        _without(row, NEW_OF_ROWS)
        for row in new["invariants"]
        if row["status"] != "nothing claimed"
    ]
    witnesses = [
        {**one, "residual": _without(one["residual"], NEW_OF_RESIDUALS)} for one in new["witnesses"]
    ]
    return {
        **_without(new, NEW),
        "schema": 1,
        "verdict": verdict,
        "invariants": rows,
        "witnesses": witnesses,
    }


def _without(whole: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name not in names}


def read(shown: Result | dict[str, Any], verdict: str = "conforms") -> dict[str, Any]:
    """That document, read back."""
    return parse_document(json.dumps(old(shown, verdict)))


def test_a_pass_is_inconclusive_for_its_claims_are_unknown() -> None:
    found = read(result())

    assert (found["schema"], found["verdict"]) == (2, "inconclusive")
    assert found["doubts"] == found["covers"] == [UNKNOWN]
    assert [row["entries"] for row in found["invariants"]] == [None, None]
    assert found["methods"] is None


def test_all_else_is_kept() -> None:
    shown = falsified()

    found, same = read(shown, "falsified"), document(shown)

    assert found["verdict"] == "falsified"
    assert found["doubts"] == []
    for name in ("target", "seed", "selection", "crashes", "coverage", "gradient_flow", "timing"):
        assert found[name] == same[name]


@pytest.mark.parametrize(
    ("shown", "verdict", "now"),
    [
        pytest.param(result(), "incomplete", "interrupted", id="stopped"),
        pytest.param(
            result({("agreement/step", "float32"): PASSED}),
            "incomplete",
            "inconclusive",
            id="unjudged",
        ),
        pytest.param(result(crashes=("killed",)), "falsified", "died", id="died"),
        pytest.param(
            falsified(crashes=("killed",)), "falsified", "falsified", id="failed and died"
        ),
        pytest.param(
            result({("agreement/step", "float32"): Tally(error=1)}),
            "falsified",
            "falsified",
            id="raised",
        ),
        pytest.param(result(), "falsified", "falsified", id="expected to fail, strictly"),
    ],
)
def test_a_verdict_of_schema_1_is_one_of_schema_2(shown: Result, verdict: str, now: str) -> None:
    assert read(shown, verdict)["verdict"] == now


def test_a_format_without_a_pass_is_named() -> None:
    found = read(result({("agreement/step", "float32"): PASSED}), "incomplete")

    assert found["doubts"] == ["float64: no case passed, or the run was stopped", UNKNOWN]


@pytest.mark.slow
@pytest.mark.parametrize("verdict", ["conforms", "falsified", "incomplete"])
def test_it_is_rendered_and_what_is_written_reads_back(verdict: str, tmp_path: Path) -> None:
    found = read(rich(), verdict)

    for text in (result_page(found), markdown([found]), junit([found])):
        assert "pkg.module:step" in text
    assert "claims unknown" in result_page(found)
    assert "claims unknown" in markdown([found])
    write_report([found, read(result())], tmp_path / "report")
    for path in (tmp_path / "report").glob("*/result.json"):
        assert load_document(path)["covers"] == [UNKNOWN]


def test_a_damaged_one_is_refused_by_the_rules_of_its_own_schema() -> None:
    mixed = old(result()) | {"doubts": []}

    with pytest.raises(BadResult, match=r"must not contain \{'doubts'\} properties"):
        parse_document(json.dumps(mixed))
    with pytest.raises(BadResult, match="verdict must be one of"):
        read(result(), "inconclusive")


def test_the_schema_that_0_1_shipped_is_kept() -> None:
    assert schema(1)["properties"]["schema"] == {
        "const": 1,
        "description": "The version of this schema.",
    }
    assert set(old(falsified(witnesses={("agreement/step", "float32"): witness()}))) == set(
        schema(1)["properties"]
    )
