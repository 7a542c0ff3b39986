"""Many targets as rows: what each comes to, there and back, and several accounts as one."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gruverify.reporting import BadResult, as_text, document, junit, load_document
from gruverify.reporting.page import comparison_page
from gruverify.reporting.targets import (
    Outcome,
    Row,
    load_accuracies,
    load_outcomes,
    merged_outcomes,
    outcome_of,
    outcome_of_model,
    print_row,
    print_rows,
    rows_in_words,
    rows_table,
    targets_document,
    unasked,
    with_accuracies,
)
from gruverify.reporting.targets._row import FamilyMargin

from ._documents import rich
from ._results import result

UNAVAILABLE = unasked("flax", "unavailable", "target 'flax' needs the package 'flax'", exit=3)


def printed(*rows: Row) -> str:
    """What is printed of the rows, on 80 columns."""
    stream = StringIO()
    console = Console(file=stream, width=80, highlight=False)
    for row in rows:
        print_row(console, row)
    print_rows(console, rows)
    return stream.getvalue()


def written(folder: Path, *outcomes: Outcome) -> Path:
    """A file of the rows."""
    file = folder / "targets.json"
    file.write_text(as_text(targets_document(outcome.row for outcome in outcomes)))
    return file


def test_a_row_has_the_worst_of_each_family_in_each_format() -> None:
    row = outcome_of(rich(), exit=1).row

    found = {(each.family, each.format): (each.status, each.margin) for each in row.families}
    assert found["agreement", "float32"] == ("falsified", 3.5)
    assert found["agreement", "float64"] == ("passed", 0.25)
    assert found["contract", "float32"][0] == "error"
    assert found["regimes", "float32"][0] == "blocked"
    worst = row.in_format("float64")
    assert worst is not None
    assert (worst.family, worst.status) == ("contract", "falsified")


def test_the_worst_finding_is_the_gravest_and_else_the_closest_to_its_bound() -> None:
    falsified, right = outcome_of(rich()).row, outcome_of(document(result())).row

    assert falsified.worst is not None
    assert falsified.worst.invariant == "contract/same-bits"
    assert right.worst is not None
    assert right.worst.status == "passed"


def test_a_family_that_claims_nothing_hides_no_margin_of_another() -> None:
    silent = FamilyMargin("regimes", "float32", "nothing claimed", 0.5, 2, 9, "regimes/order-reset")
    closest = replace(silent, family="agreement", status="passed", margin=0.25)
    row = replace(outcome_of(document(result())).row, families=(silent, closest))

    assert row.in_format("float32") == closest
    assert replace(row, families=(silent,)).in_format("float32") == silent


def test_how_a_target_is_made_available_is_printed_whole() -> None:
    install = f"pip install {' '.join(f'package-{i}==1.2.3' for i in range(5))}"
    row = replace(UNAVAILABLE.row, reason=f"{UNAVAILABLE.row.reason}: {install}", install=install)

    lines = printed(row).splitlines()
    assert lines[1:3] == ["  target 'flax' needs the package 'flax'", f"  {install}"]


def test_what_there_is_to_say_is_the_likely_cause() -> None:
    def said(**changes: object) -> str:
        return outcome_of({**rich(), **changes}).row.said

    assert said() == "contract/shape-step: step has shape (1,)"
    assert said(explanation="z and r are swapped") == "z and r are swapped"
    assert said(crashes=["the process was killed; again: gruverify"]) == "the process was killed"
    assert said(unexpected=["agreement/last"]) == "passed, and was expected to fail: agreement/last"
    less = said(less_accurate=["explained by float32 arithmetic"])
    assert less == "less accurate than declared: explained by float32 arithmetic"
    assert outcome_of(document(result())).row.said == ""


def test_a_model_in_a_runtime_is_a_row_too() -> None:
    right = {"verdict": "passed", "trouble": "", "ruling": ["rounding: all are within"]}
    wrong = {"verdict": "failed", "trouble": "", "ruling": ["bug: Y[t=1] is 3", "and so on"]}
    node = {"name": "gru", "verdict": "falsified", "refused": "", "inputs": [right, wrong]}
    found = {
        "runtime": "onnx",
        "seed": 0,
        "declared": {},
        "versions": {"onnx": "1.23.2"},
        "verdict": "falsified",
        "nodes": [{**node, "verdict": "conforms"}, node],
    }

    row = outcome_of_model("m.onnx@onnx", found, exit=1).row

    assert (row.verdict, row.exit, row.asked) == ("falsified", 1, True)
    assert row.said == "gru: bug: Y[t=1] is 3"
    refused = {**node, "verdict": "inconclusive", "refused": "no such attribute", "inputs": []}
    row = outcome_of_model("m.onnx@onnx", {**found, "nodes": [refused]}).row
    assert row.said == "gru: no such attribute"
    assert outcome_of_model("m.onnx@onnx", {**found, "nodes": []}).row.said == ""


def test_rows_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    pytest.importorskip("fastjsonschema")
    outcomes = [outcome_of(rich("a"), exit=1, date="2026-11-29"), UNAVAILABLE]

    found = load_outcomes(written(tmp_path, *outcomes))

    assert [outcome.row for outcome in found] == [outcome.row for outcome in outcomes]
    assert [outcome.document for outcome in found] == [None, None]


def test_a_result_alone_is_an_account_of_one_target(tmp_path: Path) -> None:
    pytest.importorskip("fastjsonschema")
    (tmp_path / "result.json").write_text(as_text(rich("a")))

    for path in (tmp_path, tmp_path / "result.json"):
        [outcome] = load_outcomes(path)
        assert outcome.row.target == "a"
        assert outcome.document == rich("a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "has schema=2: this version reads 1"),
        ({"targets": [{"target": "a"}]}, "is damaged: targets"),
        ({"kind": "other"}, "is not a gruverify result"),
    ],
)
def test_what_is_no_account_is_told(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    pytest.importorskip("fastjsonschema")
    file = written(tmp_path, UNAVAILABLE)
    found = {**json.loads(file.read_text()), **change}
    if change.get("kind"):
        del found["schema"]
    file.write_text(json.dumps(found))

    with pytest.raises(BadResult, match=message):
        load_outcomes(file)


def test_what_is_read_as_a_result_is_not_an_account(tmp_path: Path) -> None:
    with pytest.raises(BadResult, match="holds many targets: name the result of one"):
        load_document(written(tmp_path, UNAVAILABLE))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadResult, match="is not a report"):
        load_outcomes(tmp_path / "empty")


def test_what_was_found_stays_where_another_run_could_not_ask() -> None:
    found, missing = outcome_of(rich("flax")), UNAVAILABLE

    for given in ([found, missing], [missing, found]):
        assert merged_outcomes(given) == [found]
    assert merged_outcomes([missing, missing]) == [missing]


def test_runs_that_differ_stand_side_by_side_and_the_last_of_those_that_do_not() -> None:
    old = outcome_of({**rich("a"), "versions": {"keras": "3.14"}})
    new = outcome_of({**rich("a"), "versions": {"keras": "3.15"}})
    again = Outcome(replace(new.row, date="2026-11-29"))
    other = outcome_of(rich("b"))

    assert merged_outcomes([old, other, new, again]) == [old, again, other]


def test_80_columns_suffice_for_whatever_it_is_called() -> None:
    long = outcome_of(rich("package.of.a.very.long:name" * 5), exit=1)
    text = printed(long.row, UNAVAILABLE.row, outcome_of(document(result())).row)

    assert max(map(len, text.splitlines())) <= 80
    assert "unavailable" in text
    assert "needs the package" in text


def test_the_last_line_names_those_that_do_not_conform() -> None:
    rows = [outcome_of(document(result())).row, UNAVAILABLE.row, outcome_of(rich("a")).row]

    assert rows_in_words(rows) == "3 targets: 1 falsified (a), 1 unavailable (flax), 1 conforming"


def test_a_markdown_table_has_a_row_for_each() -> None:
    lines = rows_table([outcome_of(rich("a")).row, UNAVAILABLE.row]).splitlines()

    assert lines[0] == "| target | verdict | float32 | float64 | versions | why |"
    assert lines[2].startswith("| a | falsified | 3.50 | ∞ |")
    assert "| flax | unavailable |  |  |" in lines[3]


def test_accuracies_stand_beside_the_targets_that_they_were_measured_of(tmp_path: Path) -> None:
    pytest.importorskip("fastjsonschema")
    functions = [{"function": "σ", "worst": 2.9}, {"function": "tanh", "worst": None}]
    one = {"target": "a", "format": "float32", "functions": functions, "step": {"worst": 1.5}}
    (tmp_path / "accuracy.json").write_text(json.dumps([one]))
    asked = {**rich("a"), "covers": ["declared: x=1", "not covered: the target has no stack"]}
    measured = load_accuracies(tmp_path / "accuracy.json")
    assert measured is not None

    [found, _], others = with_accuracies([outcome_of(asked), UNAVAILABLE], [measured])

    assert others == []
    assert with_accuracies([UNAVAILABLE], [measured])[1] == ["a"]
    assert found.row.accuracies == ["float32: σ 2.9, tanh ∞, step 1.5"]
    assert found.row.not_asked == ("the target has no stack",)
    assert "| float32: σ 2.9, tanh ∞, step 1.5 |" in rows_table([found.row, UNAVAILABLE.row])
    [again] = load_outcomes(written(tmp_path, found))
    assert again.row == found.row
    assert load_accuracies(written(tmp_path, found)) is None
    page = comparison_page([found, UNAVAILABLE])
    assert "float32: σ 2.9, tanh ∞, step 1.5" in page
    assert "the target has no stack" in page
    (tmp_path / "accuracy.json").write_text('[{"target": "a"}]')
    with pytest.raises(BadResult, match="not what accuracy --json writes"):
        load_accuracies(tmp_path / "accuracy.json")


def test_a_target_that_could_not_be_asked_is_no_pass_for_a_ci_server() -> None:
    died = unasked("x:y", "died", "it was killed").row

    text = junit([], [died, UNAVAILABLE.row])

    assert '<error type="died" message="died: it was killed"' in text
    assert '<skipped type="unavailable"' in text
