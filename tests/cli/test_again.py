"""Running it again: saved witnesses first, what is flaky, and xfails files that are kept up to
date.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gruverify.cli._check import _to_update
from gruverify.engine import Plan

from ._invoke import check, gruverify, one_line

ONLY = ("--only", "agreement", "--max-cases", "8")
JSON = ("--json", "found.json")


def found() -> dict[str, Any]:
    """The result that a run wrote."""
    document: dict[str, Any] = json.loads(Path("found.json").read_text())
    return document


# -- saved witnesses -------------------------------------------------------------------------------


@pytest.mark.uncounted
def test_the_next_run_tries_what_failed_before_it_draws(planted: str) -> None:
    check(f"{planted}:inverted", *ONLY)

    again = check(f"{planted}:inverted", *ONLY, "-x", *JSON)

    assert again.exit_code == 1
    assert "saved witnesses: 2 tried first (--no-replay leaves them out)" in again.stdout
    assert "failed in float32, a saved witness: agreement/" in again.stdout
    assert "1 of 1 saved witnesses fail again: agreement/" in again.stdout
    assert found()["replayed"] == {"tried": 2, "left_out": []}
    assert [drawn["judged"] for drawn in found()["drawn"]] == []


@pytest.mark.slow
@pytest.mark.uncounted
def test_none_is_tried_where_that_is_turned_off(planted: str) -> None:
    check(f"{planted}:inverted", *ONLY)

    again = check(f"{planted}:inverted", *ONLY, "--no-replay", *JSON)

    assert "saved witness" not in again.stdout
    assert "failed in float32, case " in again.stdout
    assert (found()["replayed"], found()["replays"]) == ({"tried": 0, "left_out": []}, [])


@pytest.mark.slow
def test_a_mended_target_is_said_to_be_one_and_conforms(planted: str) -> None:
    check(f"{planted}:inverted", *ONLY)
    file = Path(f"{planted}.py")
    file.write_text(
        file.read_text().replace("z * np.tanh(i_n + r * h_n) + (1 - z) * h", "right(cell, x, h)")
    )

    again = gruverify(
        "check",
        f"{planted}:inverted",
        "--format",
        "f32",
        "--max-cases",
        "3",
        "--jobs",
        "2",
        *ONLY,
        *JSON,
    )

    assert (again.exit_code, found()["verdict"]) == (0, "conforms")
    assert (
        "replayed 2 of 2 saved witnesses no longer fail: agreement/one-unit in float32"
        in again.stdout
    )
    assert {replay["fate"] for replay in found()["replays"]} == {"held"}


@pytest.mark.uncounted
def test_a_broken_file_is_one_line(planted: str) -> None:
    check(f"{planted}:inverted", *ONLY)
    broken = Path("reports/witnesses") / f"{planted}-inverted-agreement-step-float32.json"
    broken.write_text("{")

    again = check(f"{planted}:inverted", *ONLY, "--keep-going")

    assert again.exit_code == 1
    assert f"saved witness not tried: {broken} is not JSON: " in again.stdout
    assert json.loads(broken.read_text())["invariant"] == "agreement/step"  # it is written anew


@pytest.mark.slow
@pytest.mark.uncounted
def test_the_folder_is_that_of_the_option(planted: str) -> None:
    check(f"{planted}:inverted", *ONLY, "--witnesses", "elsewhere")

    assert "saved witness" not in check(f"{planted}:inverted", *ONLY).stdout
    assert "2 tried first" in check(f"{planted}:inverted", *ONLY, "--witnesses", "elsewhere").stdout


# -- what is flaky ---------------------------------------------------------------------------------


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("sometimes", "the target's answers are random"),
        ("stale", "the target remembers earlier calls"),
    ],
)
def test_what_is_flaky_is_said_first_and_everywhere(planted: str, fault: str, why: str) -> None:
    result = check(f"{planted}:{fault}", *ONLY, "--max-cases", "9", *JSON, "--report", "report")

    assert result.exit_code == 1
    first, _, rest = result.stdout.partition("\nflaky agreement/")
    assert "failed in float32, case " in first
    assert rest.partition("\n")[0].startswith(
        ("step in float32 failed in ", "one-unit in float32 failed in ")
    )
    assert f" of 5 calls with the same arguments: {why}" in rest
    assert "contract/same-bits-step" in result.stdout
    flaky = found()["flaky"]
    assert all(each["calls"] == 5 and why in each["text"] for each in flaky)
    for name in ("index.html", "junit.xml", "summary.md"):
        told = (
            (Path("report") / name)
            .read_text(encoding="utf-8")
            .replace("&#39;", "'")
            .replace("\\", "")
        )
        assert "of 5 calls with the same arguments" in told
        assert why in told


# -- xfails files ----------------------------------------------------------------------------------

FILE = "xfails.txt"
UPDATE = ("--update-xfails", FILE)
OTHER = "gruverify.faults:inverted-update-gate"


@pytest.mark.uncounted
def test_a_run_that_expects_what_is_written_exits_with_0(planted: str) -> None:
    target = f"{planted}:inverted"
    first = check(target, *ONLY, *UPDATE)
    again = check(target, *ONLY, "--xfails-file", FILE, "--strict")

    assert (first.exit_code, again.exit_code) == (1, 0)
    assert f"--update-xfails: {FILE} has 2 entries: 2 new, 0 before" in first.stdout
    assert [line.split()[:2] for line in Path(FILE).read_text().splitlines()[1:]] == [
        ["agreement/step", "f32"],
        ["agreement/one-unit", "f32"],
    ]


@pytest.mark.slow
@pytest.mark.uncounted
def test_reasons_stay_and_what_no_longer_fails_goes(planted: str) -> None:
    Path(FILE).write_text("# mine\nagreement/step  # see #7\n\nbounds/box f32\n")

    first = check(f"{planted}:inverted", *ONLY, "--xfails-file", FILE, *UPDATE)
    assert (first.exit_code, "agreement/step  # see #7" in Path(FILE).read_text()) == (1, True)
    assert "bounds/box f32" in Path(FILE).read_text()  # it was not asked

    check("numpy", "--only", "agreement", "--only", "bounds", *UPDATE)
    assert "# see #7" not in Path(FILE).read_text().replace(
        "agreement/step f16,bf16,f64  # see #7", ""
    )
    assert "bounds/box" not in Path(FILE).read_text()


def test_what_a_run_leaves_inconclusive_is_said(planted: str) -> None:
    result = check(f"{planted}:raises", *ONLY, *UPDATE)

    assert "a run with it will be inconclusive all the same: float32: " in result.stdout
    assert "# step raised ZeroDivisionError: no gate" in Path(FILE).read_text()


@pytest.mark.slow
def test_json_on_standard_output_stays_json(planted: str) -> None:
    result = check(f"{planted}:inverted", *ONLY, *UPDATE, "--json", "-")

    assert json.loads(result.stdout)["verdict"] == "falsified"
    assert f"{FILE} has 2 entries" in result.stderr


def test_a_run_that_died_leaves_the_file_as_it_was(planted: str) -> None:
    Path(FILE).write_text("agreement/step  # why\n")

    options = ("--format", "f32", "--max-cases", "2", "--jobs", "2")
    result = gruverify("check", f"{planted}:dies", *options, *ONLY, *UPDATE)

    assert result.exit_code == 4
    assert f"--update-xfails: {FILE} is left as it was, for the run died" in result.stdout
    assert Path(FILE).read_text() == "agreement/step  # why\n"


@pytest.mark.parametrize("option", ["skips", "xfails"])
def test_a_folder_without_a_file_of_the_target_is_told(here: Path, option: str) -> None:
    (here / "known").mkdir()
    (here / "known" / "numpy.txt").touch()
    asked = ("--list", "--only", "agreement/step", f"--{option}-file", "known")

    both, one = (
        gruverify("check", "numpy", OTHER, *asked),
        gruverify("check", "numpy", *asked),
    )

    assert (
        both.stderr
        == f"--{option}-file known: there is no gruverify.faults-inverted-update-gate.txt\n"
    )
    assert (one.stderr, both.exit_code, one.exit_code) == ("", 0, 0)


def test_of_a_folder_it_is_the_file_of_the_target(here: Path) -> None:
    (here / "known").mkdir()

    found = _to_update("known", "pkg.cells:GRU", Plan())

    assert found is not None
    assert found.file == Path("known/pkg.cells-GRU.txt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--update-xfails", "-"), "--update-xfails '-': name a file"),
        (("--update-xfails", ""), "--update-xfails '': name a file"),
        (
            ("--update-xfails", "no/where.txt"),
            "--update-xfails no/where.txt: there is no directory no",
        ),
        ((*UPDATE, "-x"), "--update-xfails needs all that fails: leave out -x and --max-failures"),
        (
            (*UPDATE, "--max-failures", "3"),
            "--update-xfails needs all that fails: leave out -x and --max-failures",
        ),
    ],
)
def test_a_mistake_is_one_line_before_the_run(
    here: Path, options: tuple[str, ...], said: str
) -> None:
    assert one_line(check("numpy", *options)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"agreement/gone\n", f"--update-xfails: {FILE}:1: no invariant matches 'agreement/gone'"),
        (b"agreement/step f99\n", f"--update-xfails: {FILE}:1: "),
        (b"a b c\n", f"--update-xfails: {FILE}:1: expected ID [FORMATS] [# reason]"),
        (b"\xff\n", f"--update-xfails: {FILE} is not UTF-8 text"),
    ],
)
def test_a_wrong_line_is_named_and_the_file_stays(here: Path, text: bytes, said: str) -> None:
    Path(FILE).write_bytes(text)

    assert one_line(check("numpy", *UPDATE)).startswith(said)
    assert Path(FILE).read_bytes() == text


def test_a_file_that_cannot_be_written_loses_nothing_else(planted: str) -> None:
    Path(f"{FILE}.{os.getpid()}.part").mkdir()  # where it is written aside

    result = check(f"{planted}:inverted", *ONLY, *UPDATE, *JSON)

    assert result.exit_code == 1, "the verdict stands"
    assert f"Error: --update-xfails {FILE}: Is a directory" in result.stderr
    assert found()["verdict"] == "falsified"
    assert not Path(FILE).exists()
