"""gruverify check."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from gruverify.backends import resolve
from gruverify.engine import applicable
from gruverify.invariants import INVARIANTS

from ._invoke import QUICK, check, gruverify, one_line

pytestmark = pytest.mark.uncounted


def read(path: Path) -> Any:
    """A JSON file's document, without what took how long."""
    document = json.loads(path.read_text())
    del document["timing"]
    return document


# -- what it prints --------------------------------------------------------------------------------


def test_a_run_that_conforms_prints_header_table_verdict_and_next_command(
    planted: str, here: Path
) -> None:
    result = check(f"{planted}:right", "--seed", "5", "-v")

    assert result.exit_code == 0
    header, run, variants, versions, empty, title, columns, *rest = result.stdout.splitlines()
    assert header == f"gruverify check {planted}:right"
    assert re.fullmatch(
        r"seed 5 · profile default · 3 cases per format · float32 · processes 1 · threads \d+", run
    )
    assert variants == "variants: reset after, keep (biases: both)"
    assert re.match(r"python 3\.\d+\.\d+ .*· numpy \d", versions)
    assert empty == ""
    assert title.startswith("worst margin")
    assert columns.split() == ["invariant", "float32", "checks"]
    rows = [line.split() for line in takewhile(lambda line: "/" in line, rest)]
    right = resolve(f"{planted}:right")
    assert [id for id, _, _ in rows] == [
        i.id for i in INVARIANTS.values() if not i.deep and not applicable(i, right)
    ]
    assert {checks for _, _, checks in rows} <= {"1", "2", "3"}
    assert all(margin == "–" or float(margin) <= 1 for _, margin, _ in rows)
    assert "values claimed: float32 100% of the entries" in rest
    assert re.fullmatch(
        r"conforms \(\d+ passed(, \d+ nothing claimed)?, \d+ not applicable; \d+\.\d s\)", rest[-2]
    )
    assert rest[-1] == f"next: gruverify check {planted}:right --profile deep --seed 6"
    assert {path.suffix for path in here.iterdir()} <= {".py", ""}


def test_a_run_that_falls_prints_witnesses_a_snippet_and_how_to_replay(
    planted: str, here: Path
) -> None:
    result = check(
        f"{planted}:inverted", "--only", "agreement", "--only", "stack", "--only", "sequence", "-v"
    )

    assert result.exit_code == 1
    assert f"agreement/step: {INVARIANTS['agreement/step'].statement}" in result.stdout
    assert "the margin is" in result.stdout
    assert f"gruverify.assert_holds('agreement/step', '{planted}:inverted', case)" in result.stdout
    assert re.search(
        r"not applicable: \d+ invariants \(the backend has no sequence\)", result.stdout
    )
    verdict, then = result.stdout.splitlines()[-2:]
    assert verdict.startswith("falsified (")
    command = then.removeprefix("next: gruverify ").split()
    assert gruverify(*command).exit_code == 1
    assert sorted(map(str, Path("reports/witnesses").iterdir())) == sorted(
        re.findall(r"replay: gruverify replay (\S+)", result.stdout)
    )


def test_several_formats_have_a_column_each(here: Path) -> None:
    few = ("--max-cases", "1", "--only", "agreement", "--jobs", "1")
    result = gruverify("check", "numpy", "--format", "f64,float16", *few)

    assert "float16, float64" in result.stdout
    assert any(
        line.split() == ["family", "float16", "float64", "invariants", "checks"]
        for line in result.stdout.splitlines()
    )


def test_a_passing_run_fits_one_screen(here: Path) -> None:
    printed = gruverify(
        "check", "numpy", "--max-cases", "1", "--jobs", "1", "--profile", "quick"
    ).stdout

    assert len(printed.splitlines()) <= 40
    assert re.search(r"^ agreement( +\d\.\d\d){4}( +\d+){2} $", printed, re.MULTILINE)


def test_quiet_prints_the_verdict_alone(here: Path) -> None:
    few = ("--max-cases", "1", "--only", "agreement", "--jobs", "1", "--format", "f32")

    assert re.fullmatch(r"conforms \(.*\)\n", gruverify("check", "numpy", *few, "-q").output)
    asked_for = gruverify("check", "numpy", *few, "-q", "--margins").stdout.splitlines()
    assert asked_for[0].startswith("margins of the cases by family")
    assert asked_for[-1].startswith("conforms (")
    refused = gruverify("check", "numpy", "-q", "-v")
    assert (refused.exit_code, "give one of them" in refused.output) == (2, True)


def test_colour_is_as_it_is_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("--max-cases", "1", "--only", "agreement", "--jobs", "1", "--format", "f32", "-q")
    monkeypatch.setenv("NO_COLOR", "1")

    assert (
        "\x1b[1;32mconforms\x1b[0m" in gruverify("check", "numpy", *few, "--color", "always").stdout
    )
    assert "\x1b" not in gruverify("check", "numpy", *few, "--color", "never").stdout


def test_the_snippet_can_be_pasted(planted: str) -> None:
    printed = check(f"{planted}:raises").stdout
    snippet = printed[printed.index("import gruverify\n") : printed.index("\n\ngates visited")]

    with pytest.raises(AssertionError, match="step raised ZeroDivisionError: no gate"):
        exec(snippet, {})


def test_output_that_is_no_terminal_has_no_control_codes(planted: str) -> None:
    for target in ("numpy", f"{planted}:raises"):
        assert "\x1b" not in check(target, "--only", "agreement").output


def test_witnesses_go_where_they_are_told_to(planted: str, here: Path) -> None:
    check(f"{planted}:raises", "--witnesses", "some/where")

    names = {path.name for path in (here / "some" / "where").iterdir()}
    assert "planted-raises-contract-shape-step-float32.json" in names
    assert not (here / "reports").exists()


def test_witnesses_that_cannot_be_saved_do_not_end_the_run(planted: str, here: Path) -> None:
    (here / "file").write_text("")

    result = check(f"{planted}:raises", "--witnesses", "file")

    assert result.exit_code == 1
    assert (
        result.stderr
        == "Error: witness not saved to file/planted-raises-contract-shape-step-float32.json: File "
        "exists\n"
    )
    assert "falsified (" in result.stdout
    assert "replay" not in result.stdout


# -- JSON ------------------------------------------------------------------------------------------


def test_json_on_standard_output_stands_there_alone(planted: str) -> None:
    result = check(f"{planted}:raises", "--json", "-", "--seed", "2")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["schema"], document["verdict"], document["seed"]) == (2, "falsified", 2)
    assert "gruverify check planted:raises" in result.stderr


@pytest.mark.slow
def test_the_same_seed_gives_the_same_json_but_for_timing(planted: str, here: Path) -> None:
    for name in ("one.json", "two.json"):
        check(
            f"{planted}:raises", "--seed", "1", "--no-replay", "--only", "agreement", "--json", name
        )
    check(
        f"{planted}:raises",
        "--seed",
        "2",
        "--no-replay",
        "--only",
        "agreement",
        "--json",
        "other.json",
    )

    assert read(here / "one.json") == read(here / "two.json")
    assert read(here / "one.json") != read(here / "other.json")
    assert {path.suffix for path in here.glob("*.json*")} == {".json"}


def test_the_number_of_processes_does_not_change_the_json(planted: str, here: Path) -> None:
    for jobs in ("1", "2"):
        options = (
            "--format",
            "f16,f64",
            "--max-cases",
            "2",
            "--json",
            f"{jobs}.json",
            "--jobs",
            jobs,
        )
        assert gruverify("check", f"{planted}:right", *options).exit_code == 0

    assert read(here / "1.json") == read(here / "2.json")


def test_json_in_a_file_comes_with_the_report(planted: str, here: Path) -> None:
    result = check(f"{planted}:right", "--json", "result.json")

    assert "conforms (" in result.stdout
    assert read(here / "result.json")["verdict"] == "conforms"


def test_json_is_written_into_what_is_no_regular_file(planted: str, here: Path) -> None:
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as beside:
        text = beside.submit(Path("pipe").read_text)  # the result may be longer than a pipe holds
        assert check(f"{planted}:right", "--json", "pipe").exit_code == 0
        assert json.loads(text.result(timeout=60))["verdict"] == "conforms"
    assert (here / "pipe").is_fifo()


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_profile_says_how_many_cases() -> None:
    result = gruverify(
        "check", "numpy", "--profile", "quick", "--format", "f32", "--jobs", "1", "--json", "-"
    )

    document = json.loads(result.stdout)
    assert (document["profile"], document["cases"]) == ("quick", 25)
    step = [row["cases"] for row in document["invariants"] if row["id"] == "agreement/step"]
    assert sum(step) == 25


@pytest.mark.slow
def test_max_cases_goes_before_the_profile() -> None:
    document = json.loads(check("numpy", "--profile", "deep", "--json", "-").stdout)

    assert (document["profile"], document["cases"]) == ("deep", 3)


@pytest.mark.slow
def test_a_time_budget_ends_the_run(planted: str) -> None:
    result = gruverify(
        "check",
        "numpy",
        "--profile",
        "deep",
        "--format",
        "f32",
        "--time-budget",
        "5",
        "--jobs",
        "1",
        "--json",
        "-",
    )

    document = json.loads(result.stdout)
    assert (result.exit_code, document["verdict"]) == (6, "inconclusive")
    assert any(
        re.fullmatch(r"float32: \d+ of \d+ cases of cells judged: time was up", why)
        for why in document["doubts"]
    )
    assert 1 <= max(row["cases"] for row in document["invariants"]) < 2000
    assert document["timing"]["seconds"] < 30
    assert 0 < document["timing"]["cpu"] < 30


@pytest.mark.slow
def test_formats_that_time_did_not_allow_are_no_conformance() -> None:
    result = gruverify("check", "numpy", "--profile", "deep", "--time-budget", "0.1", "--jobs", "1")

    assert result.exit_code == 6
    assert result.stdout.splitlines()[-2].startswith("inconclusive (")
    assert (
        "inconclusive float16, bfloat16, float32, float64: no case was judged"
        in result.stdout.splitlines()
    )


# -- what is wrong with a command ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["numpi"],
            "target 'numpi' is unknown: did you mean numpy? Your own code is",
            id="target",
        ),
        pytest.param(
            ["planted:invert"], "planted has no 'invert': did you mean inverted?", id="object"
        ),
        pytest.param(["nowhere:x"], "there is no module 'nowhere' (searched ", id="module"),
        pytest.param([], "Missing argument 'TARGET...' (main check", id="no target"),
        pytest.param(
            ["numpy", "--format", "f8"], "--format f8: format='f8' is unknown: choose", id="format"
        ),
        pytest.param(
            ["numpy", "--format", ""], "--format '': format='' is unknown", id="no format"
        ),
        pytest.param(
            ["numpy", "--seed", "x"],
            "Invalid value for '--seed': 'x' is not a valid integer",
            id="seed",
        ),
        pytest.param(
            ["numpy", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the", id="negative"
        ),
        pytest.param(
            ["numpy", "--max-cases", "0"],
            "Invalid value for '--max-cases': 0 is not in the",
            id="cases",
        ),
        pytest.param(
            ["numpy", "--time-budget", "0"],
            "--time-budget 0: must be a number of seconds above",
            id="time",
        ),
        pytest.param(
            ["numpy", "--time-budget", "nan"],
            "--time-budget nan: must be a number of seconds",
            id="nan",
        ),
        pytest.param(
            ["numpy", "--patience", "nan"],
            "--patience nan: must be a number of seconds",
            id="patience",
        ),
        pytest.param(
            ["numpy", "--patience", "-1"],
            "--patience -1: must be a number of seconds",
            id="no patience",
        ),
        pytest.param(
            ["numpy", "--fail-under-gates", "nan"],
            "--fail-under-gates nan: must be a per",
            id="gates",
        ),
        pytest.param(
            ["numpy", "--jobs", "0"],
            "Invalid value for '--jobs': 0 is not in the range x>=1",
            id="jobs",
        ),
        pytest.param(
            ["numpy", "--profile", "slow"],
            "Invalid value for '--profile': 'slow' is not",
            id="profile",
        ),
        pytest.param(["numpy", "--sead", "1"], "--seed", id="option"),
        pytest.param(
            ["numpy", "--json", "no/such/r.json"],
            "r.json: there is no directory no/such",
            id="json",
        ),
        pytest.param(["numpy", "--json", ""], "--json '': name a file", id="json of nothing"),
        pytest.param(
            ["numpy", "--report", ""], "--report '': name a folder", id="report of nothing"
        ),
        pytest.param(
            ["numpy", "--witnesses", ""], "--witnesses '': name a folder", id="witnesses of nothing"
        ),
        pytest.param(
            ["numpy", "--json", "."],
            "--json .: is a directory; name a file in it",
            id="json directory",
        ),
    ],
)
def test_what_is_wrong_fits_on_one_line(planted: str, arguments: list[str], message: str) -> None:
    assert message in one_line(gruverify("check", *arguments))


def test_a_json_path_that_cannot_be_written_is_found_out_before_the_run(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    assert one_line(check("numpy", "--json", "result.json")) == "--json result.json: not writable"


def test_a_full_disk_is_one_line_and_the_verdict_stands(
    planted: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    (here / "old.json").write_text("old")

    new, old = (
        check(f"{planted}:{gru}", "--json", f)
        for gru, f in (("right", "new.json"), ("half", "old.json"))
    )

    assert (new.exit_code, old.exit_code) == (0, 1)
    assert new.stderr == "Error: --json new.json: No space left on device\n"
    assert "conforms (" in new.stdout
    assert (here / "old.json").read_text() == "old"
    assert sorted(path.name for path in here.rglob("*.*") if path.suffix in (".json", ".part")) == [
        "old.json"
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
@pytest.mark.parametrize("options", [(), ("--json", "-")], ids=["report", "json"])
def test_a_console_on_a_full_disk_changes_no_exit_code(
    planted: str, here: Path, options: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "gruverify", "check", f"{planted}:right", *QUICK, *options]

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "standard output cannot be written: No space left on device\n" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
@pytest.mark.parametrize("command", ["--version", "check --help", "list agreement/step"])
def test_what_is_only_printed_is_missed_in_one_line_on_a_full_disk(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gruverify", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 0
    assert done.stderr == "standard output cannot be written: No space left on device\n"


def test_a_backend_without_the_format_says_which_it_has(planted: str, here: Path) -> None:
    code = (
        "import gruverify, planted\nb = gruverify.backend(step=planted.right, "
        "formats=[gruverify.float64])\n"
    )
    (here / "narrow.py").write_text(code)

    assert one_line(check("narrow:b")) == "right claims none of the formats float32: it has float64"


# -- what cannot be checked here -------------------------------------------------------------------


def test_without_torch_its_targets_exit_with_3_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    message = one_line(check("torch"), code=3)

    assert message == "target 'torch' needs the package 'torch': pip install 'gruverify[torch]'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "import no_such_package",
            "needs the package 'no_such_package', which is not",
            id="missing",
        ),
        pytest.param("raise SystemExit", "importing broken failed: SystemExit", id="leaves"),
        pytest.param(
            "1 / 0", "importing broken failed: ZeroDivisionError: division by zero", id="raises"
        ),
    ],
)
def test_a_module_that_does_not_import_exits_with_3(here: Path, text: str, message: str) -> None:
    (here / "broken.py").write_text(text)

    assert message in one_line(check("broken:step"), code=3)


# -- a target that dies ----------------------------------------------------------------------------


def test_a_target_that_dies_exits_with_4_and_says_how_to_see_it_again(planted: str) -> None:
    options = ("--format", "f16,f32", "--max-cases", "2", "--jobs", "2", "--seed", "3")

    result = gruverify("check", f"{planted}:dies", *options, "-v")

    assert result.exit_code == 4
    died, *_ = re.findall(
        r"^died the process ended with code 7 in step at H=.*$", result.stdout, re.MULTILINE
    )
    assert ", asked by contract/" in died
    note, _, again = died.partition("; again: ")
    assert note.endswith("under planted:dies, in float32 after 0 cases")
    assert re.fullmatch(
        r"gruverify check planted:dies --format float32 --seed 3 --max-cases 1 --only "
        r"contract/[\w-]+ --jobs 1",
        again,
    )
    assert result.stdout.endswith(f"next: {again}\n")
    assert gruverify(*again.split()[1:]).exit_code == 4  # and this process lives on
    assert re.search(r"^ agreement/step +\d\.\d\d +blocked +3 $", result.stdout, re.MULTILINE)


# -- gates -----------------------------------------------------------------------------------------


def test_a_run_that_visits_too_few_gates_fails_without_being_falsified(
    planted: str, here: Path
) -> None:
    few = check(f"{planted}:right", "--fail-under-gates", "99")
    enough = check(f"{planted}:right", "--fail-under-gates", "0.1")

    assert (few.exit_code, enough.exit_code) == (5, 0)
    assert "conforms" in few.stdout
    assert re.fullmatch(
        r"--fail-under-gates 99: float32 visited \d+\.\d % of z × r × c\n", few.stderr
    )


def test_what_is_falsified_stays_so_however_few_gates_were_visited(
    planted: str, here: Path
) -> None:
    few = ("--fail-under-gates", "99", "--only", "agreement/step")
    assert check(f"{planted}:inverted", *few).exit_code == 1


# -- what is asked ---------------------------------------------------------------------------------


def test_only_what_is_selected_is_asked(here: Path) -> None:
    result = check(
        "numpy",
        "--only",
        "agreement/step",
        "--only",
        "bounds",
        "--skip",
        "bounds/g*",
        "--json",
        "r.json",
    )

    assert result.exit_code == 6
    assert (
        "inconclusive float32: the selection leaves out what shows its gradients" in result.stdout
    )
    statuses = {row["id"]: row["status"] for row in read(here / "r.json")["invariants"]}
    assert statuses == {
        "agreement/step": "passed",
        "bounds/box": "passed",
        "bounds/between": "passed",
        "bounds/gradient-sign": "skipped",
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read(planted: str, here: Path, encoding: str) -> None:
    (here / "known.txt").write_text("agreement/step  # the gate is inverted\n", encoding=encoding)

    result = check(
        f"{planted}:inverted",
        "--only",
        "agreement/step",
        "--xfails-file",
        "known.txt",
        "--json",
        "r.json",
    )

    assert [row["status"] for row in read(here / "r.json")["invariants"]] == ["xfailed"]
    assert result.exit_code != 2


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 1)], ids=["lax", "strict"])
def test_known_failures_are_no_failure_and_a_strict_run_wants_them(
    planted: str, here: Path, options: tuple[str, ...], code: int
) -> None:
    (here / "known.txt").write_text(
        "agreement/step  # the gate is inverted\nagreement/one-unit\nregimes\n"
    )
    (here / "more.txt").write_text("contract/shape-step\n")
    files = (
        "--xfails-file",
        "known.txt",
        "--xfails-file",
        "more.txt",
        "--only",
        "agreement",
        "--only",
        "contract",
    )

    result = check(f"{planted}:inverted", *files, *options, "-v")

    assert result.exit_code == code
    assert re.search(r"^ agreement/step +xfailed +3 $", result.stdout, re.MULTILINE)
    assert "xpassed contract/shape-step was expected to fail and did not\n" in result.stdout


def test_list_says_what_would_be_asked_and_asks_nothing(planted: str, here: Path) -> None:
    (here / "known.txt").write_text("agreement/step f16 # half\nbounds/box # bound\n")

    result = gruverify(
        "check", f"{planted}:dies", "--list", "--xfails-file", "known.txt", "--only", "agreement"
    )
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert lines[0] == "agreement/step  expected to fail (half) in float16"
    assert "agreement/last  not applicable: the backend has no sequence" in lines
    assert (
        lines[-1]
        == f"2 of {sum(id.startswith('agreement') for id in INVARIANTS)} invariants would be "
        "checked"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--only", "agreement/stepp"),
            "no invariant matches 'agreement/stepp': did you mean agreement/step",
        ),
        (("--skips-file", "none.txt"), "none.txt cannot be read: No such file or directory"),
        (
            ("--xfails-file", "bad.txt"),
            "bad.txt:2: no invariant matches 'agreement/stop': did you mean",
        ),
    ],
)
def test_a_selection_of_nothing_is_a_usage_error(
    here: Path, options: tuple[str, ...], message: str
) -> None:
    (here / "bad.txt").write_text("# known\nagreement/stop\n")

    assert message in one_line(check("numpy", *options))


@pytest.mark.parametrize(
    "command", [("check", "--format", "f32", "--max-cases", "1", "--jobs", "2"), ("identify",)]
)
def test_a_target_that_ends_its_process_while_it_is_imported_exits_with_4(
    here: Path, command: tuple[str, ...]
) -> None:
    (here / "fatal.py").write_text("import os\n\nos._exit(7)\n")

    result = gruverify(*command, "fatal:step")

    assert result.exit_code == 4
    assert "the process ended with code 7" in result.stderr
    assert "Traceback" not in result.stderr
