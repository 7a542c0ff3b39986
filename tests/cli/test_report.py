"""gruverify report, and check --report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ._invoke import check, gruverify, one_line

pytestmark = pytest.mark.uncounted


@pytest.fixture
def result(here: Path) -> Path:
    """A result file of a short run."""
    check("numpy", "--json", "result.json")
    return here / "result.json"


@pytest.mark.slow
def test_a_result_becomes_a_report(result: Path, here: Path) -> None:
    done = gruverify("report", "result.json", "--out", "out")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "report: out\nnext: open out/index.html\n"
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "index.html",
        "junit.xml",
        "result.json",
        "summary.md",
    ]
    assert (here / "out" / "result.json").read_text() == result.read_text()


@pytest.mark.slow
def test_check_reports_too(planted: str, here: Path) -> None:
    done = check(f"{planted}:right", "--report", "out", "--json", "result.json")

    assert done.exit_code == 0
    assert done.stdout.endswith("report: out\nnext: open out/index.html\n")
    assert (here / "out" / "result.json").read_text() == (here / "result.json").read_text()


@pytest.mark.slow
def test_a_falsified_check_reports_and_still_fails(planted: str, here: Path) -> None:
    done = check(f"{planted}:raises", "--report", "out", "--json", "-")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["verdict"] == "falsified"
    assert done.stderr.endswith("report: out\nnext: open out/index.html\n")
    assert "raises" in (here / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"schema": 1, "target', "result.json is not JSON, or was cut short: "),
        ('{"schema": 0}', "result.json has schema=0: this version reads 1"),
        ("[]", "result.json is not a gruverify result"),
    ],
)
def test_a_file_that_is_no_result_leaves_no_folder(text: str, why: str, here: Path) -> None:
    (here / "result.json").write_text(text)

    assert one_line(gruverify("report", "result.json", "--out", "out")).startswith(why)
    assert not (here / "out").exists()


def test_a_folder_with_other_things_is_refused_before_anything_is_run(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "notes.txt").write_text("mine")

    said = "out holds notes.txt, which is not part of a report: name another folder, or a new one"
    assert one_line(check("numpy", "--report", "out")) == f"--report {said}"
    assert one_line(gruverify("report", "none.json", "--out", "out")) == f"--out {said}"


@pytest.mark.parametrize("package", ["jinja2", "matplotlib", "fastjsonschema"])
def test_a_missing_package_is_named_with_what_installs_it(
    package: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    said = one_line(gruverify("report", "result.json"), code=3)

    assert said == f"reports need {package}: pip install 'gruverify[report]'"
