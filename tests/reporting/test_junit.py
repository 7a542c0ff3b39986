"""Results as JUnit XML, held against the schema that Jenkins' xUnit plugin publishes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gruverify.reporting import document, junit

from ._documents import HOSTILE, rich
from ._results import falsified, large, result, unclaimed

xmlschema = pytest.importorskip("xmlschema")


@cache
def schema() -> Any:
    """What the servers of CI read: built once it is asked for."""
    return xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))


def suites(*documents: Any) -> list[ET.Element]:
    """The suites of a valid file."""
    text = junit(documents)
    schema().validate(text)
    return list(ET.fromstring(text))


def test_a_suite_for_each_format_counts_its_cases() -> None:
    f32, f64 = suites(rich())

    assert [suite.get("name") for suite in (f32, f64)] == [
        "pkg.module:step float32",
        "pkg.module:step float64",
    ]
    counts = [
        [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
        for suite in (f32, f64)
    ]
    assert counts == [["5", "1", "1", "3"], ["5", "1", "0", "1"]]


def test_a_failure_tells_the_statement_the_numbers_and_how_to_get_it_again() -> None:
    [failure] = suites(rich())[0].iter("failure")

    assert failure.get("message") == "margin 3.50"
    assert failure.text is not None
    assert failure.text.startswith("h = keep∘h' + take∘c\nh[b=0, i=0]\nis 1.0\nmust be 0.5\n")
    assert "gruverify.assert_holds('agreement/step', 'pkg.module:step', case)" in failure.text


def test_what_was_not_judged_is_skipped_with_the_reason() -> None:
    said = [skipped.get("message") for skipped in suites(rich())[0].iter("skipped")]

    assert said == [
        "not applicable: the backend has no sequence",
        "blocked: step has shape (1,)",
        "nothing claimed",
    ]


def test_an_inconclusive_verdict_is_a_failure_with_the_reasons() -> None:
    f32, f64, verdict = suites(document(unclaimed()))

    assert [list(suite.iter("failure")) for suite in (f32, f64)] == [[], []]
    assert [skipped.get("message") for skipped in f64.iter("skipped")] == ["nothing claimed"]
    assert (verdict.get("name"), verdict.get("tests"), verdict.get("failures")) == (
        "numpy verdict",
        "1",
        "1",
    )
    [failure] = verdict.iter("failure")
    message = failure.get("message")
    assert message is not None
    assert message.startswith("inconclusive: float64: too little is claimed of its values")
    assert failure.text is not None
    assert "float32, float64: 2 of 2 cases of cells" in failure.text


def test_an_interrupted_run_is_a_failure_and_a_pass_is_none() -> None:
    [failure] = suites(document(result(complete=False)))[-1].iter("failure")

    assert failure.get("message") == "interrupted: the run was stopped before its end"
    assert not [case for suite in suites(document(result())) for case in suite.iter("failure")]
    assert len(suites(document(falsified()))) == 2


def test_a_large_case_is_read_from_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = document(large("lambda cell, x, h: h + 1"))
    (tmp_path / "result.json").write_text(json.dumps(found))
    monkeypatch.chdir(tmp_path)

    [failure] = suites(found)[0].iter("failure")

    assert failure.text is not None
    assert len(failure.text) < 1000
    code = failure.text[failure.text.index("# Too large to print") :].replace(
        "witness.target", "lambda cell, x, h: h"
    )
    with pytest.raises(AssertionError, match="agreement/step"):
        exec(code, {})


def test_a_process_that_died_is_an_error() -> None:
    *_, died = suites(document(result(crashes=("the process was killed",))))

    assert [error.get("message") for error in died.iter("error")] == ["the process was killed"]


@pytest.mark.parametrize("target", [HOSTILE, "null \x00 bell \x07 half \ud800"])
def test_a_hostile_name_is_text(target: str) -> None:
    name = suites(rich(target))[0].get("name")

    assert name is not None
    assert name.startswith(target[:4])


def test_several_results_stand_in_one_file() -> None:
    assert len(suites(rich("a"), rich("b"))) == 4
