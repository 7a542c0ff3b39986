"""gruverify compare OLD NEW."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ._invoke import check, gruverify, one_line


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """The document of a short run in which nothing failed."""
    done: dict[str, Any] = json.loads(check("numpy", "--only", "agreement", "--json", "-").stdout)
    return done


@pytest.fixture
def old(whole: dict[str, Any], here: Path) -> dict[str, Any]:
    """The same, written to old.json."""
    return write("old.json", whole)


def write(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """Write a document to a file in the current directory."""
    Path(name).write_text(json.dumps(document))
    return document


def with_step(document: dict[str, Any], margin: float, **changes: Any) -> dict[str, Any]:
    """The document with another largest margin of agreement/step."""
    rows = [
        {**row, "margin": {**row["margin"], "max": margin}, **changes}
        if row["id"] == "agreement/step"
        else row
        for row in document["invariants"]
    ]
    return {**document, "invariants": rows}


FAILED = {"status": "falsified", "passed": 2, "falsified": 1}


def test_nothing_changed_between_a_result_and_itself(old: dict[str, Any]) -> None:
    done = gruverify(
        "compare", "old.json", "old.json", "--fail-on", "worse-margin", "--fail-on", "new-failure"
    )

    assert (done.exit_code, done.stderr) == (0, "")
    compared = {(row["id"], row["format"]) for row in old["invariants"]}
    assert done.stdout.splitlines()[-1] == f"{len(compared)} unchanged"


@pytest.mark.parametrize(
    ("margin", "changes", "triggers", "code", "said"),
    [
        (3.0, FAILED, ["new-failure"], 1, "--fail-on new-failure: 1 new failure\n"),
        (3.0, FAILED, ["worse-margin"], 1, "--fail-on worse-margin: 1 worse margin\n"),
        (3.0, FAILED, [], 0, ""),
        (0.9, {}, ["new-failure"], 0, ""),
        (0.9, {}, ["new-failure", "worse-margin"], 1, "--fail-on worse-margin: 1 worse margin\n"),
        (0.9, {}, ["worse-margin", "worse-margin"], 1, "--fail-on worse-margin: 1 worse margin\n"),
        (
            0.0,
            {"status": "nothing claimed", "passed": 0, "unclaimed": 3},
            ["new-failure", "worse-margin"],
            6,
            "inconclusive: NEW leaves open 1 result of OLD\n",
        ),
        (0.0, {"status": "nothing claimed", "passed": 0, "unclaimed": 3}, [], 0, ""),
    ],
)
def test_the_exit_code_is_of_what_was_to_be_failed_on(
    margin: float,
    changes: dict[str, Any],
    triggers: list[str],
    code: int,
    said: str,
    old: dict[str, Any],
) -> None:
    write("old.json", with_step(old, 0.1))
    write("new.json", with_step(old, margin, **changes))

    done = gruverify(
        "compare",
        "old.json",
        "new.json",
        *(word for one in triggers for word in ("--fail-on", one)),
    )

    assert (done.exit_code, done.stderr) == (code, said)


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--worse-by", "8"], 0),
        (["--worse-by", "4"], 1),
        (["--worse-above", "0.3"], 1),
        (["--worse-above", "0"], 1),
        (["--worse-above", "0", "--worse-by", "5"], 0),
    ],
)
def test_the_thresholds_are_the_users(options: list[str], code: int, old: dict[str, Any]) -> None:
    write("old.json", with_step(old, 0.1))
    write("new.json", with_step(old, 0.4))

    assert (
        gruverify(
            "compare", "old.json", "new.json", "--fail-on", "worse-margin", *options
        ).exit_code
        == code
    )


def test_json_and_markdown_go_to_files_and_to_standard_output(
    old: dict[str, Any], here: Path
) -> None:
    write("new.json", with_step(old, 3.0, **FAILED))

    text = gruverify("compare", "old.json", "new.json", "--json", "c.json", "--markdown", "c.md")
    as_json = gruverify("compare", "old.json", "new.json", "--json", "-")
    as_markdown = gruverify("compare", "old.json", "new.json", "--markdown", "-")

    assert "new failures" in text.stdout
    assert as_json.stdout == (here / "c.json").read_text()
    assert json.loads(as_json.stdout)["changes"][0]["kind"] == "new-failure"
    assert as_markdown.stdout == (here / "c.md").read_text()
    assert as_markdown.stdout.startswith("## numpy: 1 new failure")
    assert not list(here.glob("*.part"))


def test_every_change_is_listed_where_that_is_wanted(old: dict[str, Any]) -> None:
    rows = [{**row, "margin": {**row["margin"], "max": 0.0}} for row in old["invariants"]]
    write("old.json", {**old, "invariants": rows})
    write(
        "new.json",
        {**old, "invariants": [{**row, "margin": {**row["margin"], "max": 0.9}} for row in rows]},
    )

    assert "more: -v lists them" in gruverify("compare", "old.json", "new.json").stdout
    assert "more: -v lists them" not in gruverify("compare", "old.json", "new.json", "-v").stdout


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "new.json is not JSON, or was cut short: "),
        ('{"schema": 2, "target', "new.json is not JSON, or was cut short: "),
        (
            '{"schema": 3}',
            "new.json has schema=3: this version reads 1 and 2; upgrade gruverify to read it",
        ),
        ("[]", "new.json is not a gruverify result"),
        ('{"schema": 1, "kind": "gruverify witness"}', "new.json is a witness, not a result"),
    ],
)
def test_a_file_that_is_no_result_is_named(
    text: str, why: str, old: dict[str, Any], here: Path
) -> None:
    (here / "new.json").write_text(text)

    assert one_line(gruverify("compare", "old.json", "new.json")).startswith(why)


def test_a_file_that_is_not_there_is_named(old: dict[str, Any]) -> None:
    said = one_line(gruverify("compare", "none.json", "old.json"))

    assert said == "none.json cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--fail-on", "anything"), "Invalid value for '--fail-on'"),
        (("--worse-by", "1"), "--worse-by 1: must be a number above 1"),
        (("--worse-by", "nan"), "--worse-by nan: must be a number above 1"),
        (("--worse-by", "inf"), "--worse-by inf: must be a number above 1"),
        (("--worse-above", "-1"), "--worse-above -1: must be a margin of at least 0"),
        (("--worse-above", "nan"), "--worse-above nan: must be a margin of at least 0"),
        (
            ("--json", "-", "--markdown", "-"),
            "--json - and --markdown - both ask for standard output",
        ),
        (("--json", "old.json"), "--json old.json: is OLD, too; name another file"),
        (("--markdown", "./old.json"), "--markdown old.json: is OLD, too; name another file"),
        (
            ("--json", "out", "--markdown", "out"),
            "--markdown out: is --json, too; name another file",
        ),
        (("--json", "none/c.json"), "--json none/c.json: there is no directory none"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(
    options: tuple[str, ...], why: str, old: dict[str, Any]
) -> None:
    assert one_line(gruverify("compare", "old.json", "old.json", *options)).startswith(why)
    assert json.loads(Path("old.json").read_text()) == old


def test_a_missing_package_is_named(old: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastjsonschema", None)

    said = one_line(gruverify("compare", "old.json", "old.json"), code=3)

    assert said == "reports need fastjsonschema: pip install 'gruverify[report]'"


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize("options", [[], ["--json", "-"], ["--markdown", "-"]])
def test_a_closed_console_changes_no_exit_code(options: list[str], old: dict[str, Any]) -> None:
    write("new.json", with_step(old, 3.0, **FAILED))
    command = [
        sys.executable,
        "-m",
        "gruverify",
        "compare",
        "old.json",
        "new.json",
        "--fail-on",
        "new-failure",
    ]

    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait() == 1
    assert said == "--fail-on new-failure: 1 new failure\n"
