"""A program as a target of every command and of pytest."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gruverify.backends._sources import sources_of

from ._invoke import gruverify
from .test_interrupt import heeding

pytestmark = pytest.mark.uncounted

HERE = Path(__file__).parents[1]
MISBEHAVING = HERE / "backends/exec/misbehaving.py"
GRU = HERE.parent / "examples/exec/gru.py"
PYTHON = [sys.executable, "-S", "-E"]
RIGHT = f"exec:{shlex.join([*PYTHON, str(GRU)])}"
FEW = ("--format", "f32", "--max-cases", "2", "--jobs", "1")


def zeros(how: str) -> str:
    return f"exec:{shlex.join([*PYTHON, str(MISBEHAVING), how])}"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_check_says_which_version_it_was() -> None:
    result = gruverify("check", RIGHT, *FEW, "--only", "agreement", "--json", "-")

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["backend"] == "a GRU in plain Python"
    assert document["versions"]["program"] == "a GRU in plain Python 1.0"
    assert document["target"] == RIGHT


def test_a_wrong_program_is_falsified_and_named_so_that_a_shell_reads_it() -> None:
    result = gruverify("check", zeros("cries"), *FEW, "--only", "agreement/step")

    assert result.exit_code == 1
    assert f"gruverify check {shlex.quote(zeros('cries'))}\n" in result.stdout
    [witness] = Path("reports/witnesses").glob("*.json")
    assert gruverify("replay", str(witness)).exit_code == 1
    assert gruverify("replay", str(witness), "--target", RIGHT).exit_code == 0


def test_what_breaks_the_protocol_is_a_finding_and_the_run_goes_on() -> None:
    result = gruverify(
        "check", zeros("wrong-id"), *FEW, "--only", "contract/s", "--no-shrink", "--patience", "20"
    )

    assert result.exit_code == 1, result.output
    assert "rule 5: the answer's id is 1, and the request's 2" in result.stdout
    assert "Traceback" not in result.output
    assert "2 of 2 cases of cells" in result.stdout


@pytest.mark.slow
def test_a_late_program_ends_no_process_of_ours() -> None:
    result = gruverify(
        *("check", zeros("late"), *FEW, "--max-cases", "1"),
        *("--only", "contract/same-bits-step", "--no-shrink", "--patience", "1"),
    )

    assert result.exit_code == 1, result.output
    assert "step: after line 2 of the program's output: rule 4: no answer within 1 s" in (
        result.stdout
    )


def test_waiting_for_its_end_longer_than_the_patience_is_no_hang_of_ours() -> None:
    result = gruverify(
        *("check", zeros("stays"), *FEW, "--max-cases", "1"),
        *("--only", "contract/same-bits-step", "--no-shrink", "--patience", "0.5"),
    )

    assert "died" not in result.stdout
    assert result.exit_code == 6, result.output


@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("exec:no-such-gru", 3, "there is no command 'no-such-gru'"),
        (zeros("gone"), 3, "rule 10: the program ended with code 3 (docs/exec.md has the rules)"),
        (zeros("old"), 3, "line 1 of the program's output: rule 2:"),
        ("exec:", 2, "it names no command"),
        (zeros("lengthy"), 2, "min_length=3 is about sequences"),
    ],
)
def test_a_target_that_is_none_is_one_line(target: str, code: int, told: str) -> None:
    for command in ("check", "identify"):
        result = gruverify(command, target)

        assert result.exit_code == code
        assert told in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""


def test_identify_finds_out_which_gru_it_is() -> None:
    result = gruverify("identify", RIGHT, "--format", "f64")

    assert result.exit_code == 0, result.output
    assert f"gruverify identify {shlex.quote(RIGHT)}\n" in result.stdout


def test_memory_is_a_number() -> None:
    result = gruverify("check", RIGHT, "--memory", "0")

    assert result.exit_code == 2
    assert "--memory 0: must be a number of GiB above 0" in result.stderr


def test_pyproject_names_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.gruverify]\ntarget = {json.dumps(RIGHT)}\nmemory = 1\nonly = ['agreement/step']\n"
    )

    result = gruverify("check", *FEW)

    assert result.exit_code == 0, result.output


def test_a_kept_run_goes_on_with_the_same_version_alone(tmp_path: Path) -> None:
    program, command = tmp_path / "gru.py", ("--only", "agreement/step", "--store", "runs.db")
    program.write_text(GRU.read_text())
    target = f"exec:{shlex.join([*PYTHON, 'gru.py'])}"
    assert gruverify("check", target, *FEW, *command).exit_code == 0
    again = gruverify("check", target, *FEW, *command, "--resume")
    assert again.exit_code == 0, again.output

    program.write_text(GRU.read_text().replace('"version": "1.0"', '"version": "1.1"'))
    other = gruverify("check", target, *FEW, *command, "--resume")

    assert other.exit_code == 0
    assert "(a GRU in plain Python 1.0 → a GRU in plain Python 1.1)" in other.output
    assert "the source of gru.py" in other.output


def test_its_sources_are_the_files_that_it_names() -> None:
    found = sources_of(RIGHT, set())

    assert list(found) == [sys.executable, str(GRU)]


def test_list_names_it() -> None:
    assert "exec:COMMAND    your own in any language" in gruverify("list").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    "by",
    [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL],
    ids=lambda by: by.name,
)
def test_no_process_stays_behind_an_interrupted_run(tmp_path: Path, by: signal.Signals) -> None:
    command = [sys.executable, "-m", "gruverify", "check", zeros("late"), *FEW]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        command, start_new_session=True, preexec_fn=heeding, stdout=nowhere, stderr=nowhere
    ) as run:
        try:
            until(lambda: programs(tmp_path))
            time.sleep(0.5)  # in a request that is not answered
            os.kill(run.pid, by)
            assert run.wait(300) in (130, -by)
        finally:
            run.kill()
    until(lambda: not programs(tmp_path))


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; fail if it does not within minutes."""
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def programs(folder: Path) -> list[int]:
    """The processes of the test's program that run in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):  # it may end while it is looked at
            here = (process / "cwd").readlink() == folder
            if here and b"misbehaving.py" in (process / "cmdline").read_bytes().split(b"\0")[-3]:
                found.append(int(process.name))
    return found
