"""gruverify check TARGET TARGET...: each apart, one account of all, and nothing ends the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gruverify.cli._many import Crew, Start
from gruverify.cli._member import Member
from gruverify.cli._memory import end_those_above
from gruverify.cli._options import worst_exit
from gruverify.reporting.targets import Outcome, load_outcomes, targets_schema, unasked

from ._invoke import gruverify, one_line

pytest.importorskip("fastjsonschema")

CELLS = """
import numpy as np

def right(cell, x, h):
    print("here I am")
    a = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, 1)
    b = np.split(h @ cell.weight_hh.T + cell.bias_hh, 3, 1)
    with np.errstate(over="ignore"):
        r, z = (1 / (1 + np.exp(-(i + j))) for i, j in zip(a[:2], b[:2], strict=True))
    return (1 - z) * np.tanh(a[2] + r * b[2]) + z * h

def wrong(cell, x, h):
    return right(cell, x, h) + 1
"""
FEW = ("--only", "agreement/step", "--max-cases", "2", "--format", "f32", "--no-shrink")


@dataclass
class Run:
    """A run of several targets in a folder, with what it printed."""

    folder: Path
    result: Result

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of its JSON, by target."""
        found = json.loads((self.folder / "all.json").read_text())
        return {row["target"]: row for row in found["targets"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One that fails as its file expects, one that dies when it is imported, and one that there is
    not.
    """
    folder = tmp_path_factory.mktemp("many")
    (folder / "cells.py").write_text(CELLS)
    (folder / "exits.py").write_text("import os\nos._exit(9)\n")
    (folder / "known").mkdir()
    (folder / "known" / "cells-wrong.txt").write_text("agreement/step  # it adds 1\n")
    targets = ("cells:wrong", "exits:x", "cells:rihgt", "cells:wrong")
    options = ("--xfails-file", "known", "--strict", "--json", "all.json", "--report", "out")
    options += ("--store", "runs.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        # What is about the run of all is not handed on to the check of each.
        patch.setenv("GRUVERIFY_CHECK_REPORT", "elsewhere")
        yield Run(folder, gruverify("check", *targets, *FEW, *options, "--jobs", "2"))


@pytest.mark.uncounted
def test_each_target_has_its_verdict_whatever_becomes_of_the_others(run: Run) -> None:
    found = {name: (row["verdict"], row["exit"]) for name, row in run.rows.items()}

    assert found == {
        "cells:wrong": ("conforms", 0),
        "exits:x": ("died", 4),
        "cells:rihgt": ("refused", 2),
    }
    assert run.result.exit_code == 4
    assert "ended with code 9" in run.rows["exits:x"]["reason"]
    assert "did you mean right?" in run.rows["cells:rihgt"]["reason"]
    assert "cells:wrong is named twice: it is verified once" in run.result.stderr


@pytest.mark.slow
def test_the_xfails_file_of_each_is_found_in_the_folder(run: Run) -> None:
    assert run.rows["cells:wrong"]["counts"]["xfailed"] == 1


@pytest.mark.slow
@pytest.mark.uncounted
def test_the_account_keeps_to_its_schema(run: Run) -> None:
    import fastjsonschema

    check = fastjsonschema.compile(targets_schema())

    check(json.loads((run.folder / "all.json").read_text()))
    check(json.loads((run.folder / "out" / "targets.json").read_text()))


def test_the_report_has_a_page_for_each_result(run: Run) -> None:
    outcomes = load_outcomes(run.folder / "out")

    pages = {outcome.row.target: outcome.row.result for outcome in outcomes}
    assert pages == {
        "cells:wrong": "1-cells-wrong/result.json",
        "exits:x": "",
        "cells:rihgt": "",
    }
    assert not (run.folder / "elsewhere").exists()
    assert "exits:x" in (run.folder / "out" / "index.html").read_text()
    assert "report: out\n" in run.result.stdout


def test_80_columns_suffice_and_what_targets_print_is_left_out(run: Run) -> None:
    lines = run.result.stdout.splitlines()
    *table, closing = lines[: lines.index("report: out")]

    assert max(map(len, table)) <= 80
    assert "here I am" not in run.result.output
    assert closing == "3 targets: 1 died (exits:x), 1 refused (cells:rihgt), 1 conforming"


def test_reports_of_several_runs_become_one(run: Run) -> None:
    merged = gruverify("report", "out", "all.json", "-o", "both")

    assert merged.exit_code == 0
    assert [outcome.row.target for outcome in load_outcomes(run.folder / "both")] == [*run.rows]


def test_the_options_of_a_check_reach_each(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder)
    row = run.rows["cells:wrong"]

    assert (row["formats"], row["cases"]) == (["float32"], 2)
    assert "cells:wrong" in gruverify("compare", "runs.db").stdout


@pytest.mark.parametrize(
    ("ends", "judged"), [("-x", 1), ("--max-failures=1", 1), ("--keep-going", 2), (None, 2)]
)
def test_when_a_check_ends_is_said_to_each(here: Path, ends: str | None, judged: int) -> None:
    (here / "cells.py").write_text(CELLS)
    options = (*FEW, *([ends] if ends else []), "--json", "all.json", "--report", "out")

    result = gruverify("check", "cells:wrong", "cells:right", *options)

    assert result.exit_code == 1
    wrong, right = json.loads(Path("all.json").read_text())["targets"]
    assert (wrong["verdict"], right["verdict"]) == ("falsified", "conforms")
    assert wrong["families"][0]["checks"] == judged


@pytest.mark.parametrize("first", ["--batch-first", "--time-first"])
def test_which_of_a_pair_of_options_was_given_reaches_each(
    here: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    started: list[list[str]] = []

    def start(target: str, options: Sequence[str], *_: object) -> Member:
        started.append(list(options))
        raise OSError("enough is known")

    monkeypatch.setattr("gruverify.cli._many.Member", start)
    gruverify("check", "a.onnx@x", "b.onnx@x", "--weights", "w.npz", first)

    assert started == [["--weights=w.npz", first, "--color=never"]] * 2


def test_without_a_target_all_that_have_a_table_are_listed(here: Path) -> None:
    (here / "cells.py").write_text(CELLS)
    (here / "pyproject.toml").write_text(
        '[tool.gruverify]\nonly = ["agreement/step"]\nformats = ["f32"]\n'
        '[tool.gruverify.targets.one]\ntarget = "cells:right"\n'
        '[tool.gruverify.targets.two]\ntarget = "cells:nothing"\n'
    )

    listed = gruverify("check", "--list")

    assert listed.exit_code == 2
    assert listed.stdout.startswith("one\n")
    assert "two\n" in listed.stdout
    assert "[tool.gruverify.targets.two]" in listed.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--events", "-"), "--events is about one target"),
        (("--update-xfails", "x.txt"), "--update-xfails x.txt: with several targets"),
        (("--only", "agrement"), "no invariant matches 'agrement'"),
        (("--json", "no/where.json"), "there is no directory no"),
    ],
)
def test_a_mistake_ends_it_before_anything_is_asked(
    here: Path, options: tuple[str, ...], message: str
) -> None:
    assert message in one_line(gruverify("check", "numpy", "torch", *options))


@pytest.mark.parametrize(
    ("codes", "worst"),
    [([0, 6, 3], 3), ([5, 6], 6), ([2, 3], 2), ([1, 2], 1), ([1, 4], 4), ([4, 130], 130)],
)
def test_the_exit_code_is_the_worst(codes: list[int], worst: int) -> None:
    assert worst_exit(codes) == worst_exit([*codes][::-1]) == worst


# -- what goes on at once --------------------------------------------------------------------------


@dataclass
class _Fake:
    """A check that ends when it is told to."""

    target: str
    looks: int = 1
    calls: list[str] = field(default_factory=list)
    output: str = ""

    @property
    def ended(self) -> bool:
        self.looks -= 1
        return self.looks < 0

    def tend(self, memory: int) -> None:
        if self.target == "interrupts":
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        self.looks = 0
        self.calls.append("interrupt")

    def kill(self) -> None:
        self.calls.append("kill")

    def outcome(self) -> Outcome:
        return unasked(self.target, "died", "it is no real one")


def crew(started: list[Any], shown: list[str]) -> Crew:
    """Two at once, of checks that are no processes."""

    def start(target: str, number: int) -> Any:
        started.append(_Fake(target))
        return started[-1]

    return Crew(start, 2, lambda outcome, _: shown.append(outcome.row.target), lambda _: None)  # type: ignore[arg-type]


def test_outcomes_are_shown_as_they_come_and_stand_in_the_order_given() -> None:
    started, shown = list[Any](), list[str]()

    found = crew(started, shown).check(["a", "b", "c"])

    assert [outcome.row.target for outcome in found] == ["a", "b", "c"]
    assert shown == ["a", "b", "c"]


def test_interrupted_it_keeps_what_there_is() -> None:
    started, shown = list[Any](), list[str]()

    found = crew(started, shown).check(["interrupts", "b", "c"])

    assert [outcome.row.verdict for outcome in found] == ["died", "died", "interrupted"]
    assert found[2].row.exit == 130
    assert started[0].calls == ["interrupt"]


def test_a_process_that_cannot_be_started_ends_nothing(here: Path) -> None:
    shown = list[str]()
    started = Crew(Start([], os.environ, here), 1, lambda *_: None, shown.append)

    [found] = started.check(["half a\0name"])

    assert (found.row.verdict, found.row.exit) == ("died", 4)
    assert "its process cannot be started: embedded null byte" in found.row.reason
    assert shown == ["1 done; at work: "]


@pytest.mark.slow
def test_a_check_ends_when_its_input_is_closed(here: Path) -> None:
    (here / "hangs.py").write_text("open('there', 'w').close()\nwhile True:\n    pass\n")
    options = ["--only", "agreement/step"]
    member = Start(options, os.environ, here)("hangs:x", 1)
    _wait_for((here / "there").exists)

    member.interrupt()
    _wait_for(lambda: member.ended)

    row = member.outcome().row
    assert (row.verdict, row.exit) == ("interrupted", 130)
    assert "before there was anything to write" in row.reason


def test_a_check_that_hangs_is_ended_at_once_if_asked_twice(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", _script(here, "sleep 60"))
    member = Member("numpy", [], os.environ, here / "1")

    member.interrupt()
    member.interrupt()

    assert member.ended
    assert member.outcome().row.verdict == "interrupted"


def test_a_check_that_ends_without_a_word_died(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", _script(here, "echo segmentation; exit 77"))
    member = Member("numpy", [], os.environ, here / "1")
    _wait_for(lambda: member.ended)

    row = member.outcome().row

    assert (row.verdict, row.exit) == ("died", 4)
    assert row.reason == "its process ended with code 77: segmentation"


@pytest.mark.slow
def test_what_the_exit_code_says_beyond_the_verdict_is_a_reason(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = run.folder / "out" / "1-cells-wrong" / "result.json"
    copy = f'for a; do case "$a" in --json=*) cp {written} "${{a#--json=}}";; esac; done; exit 5'
    monkeypatch.setattr(sys, "executable", _script(here, copy))
    member = Member("cells:wrong", [], os.environ, here / "1")
    _wait_for(lambda: member.ended)

    row = member.outcome().row

    assert (row.verdict, row.exit) == ("conforms", 5)
    assert row.said == "it visited fewer gates than --fail-under-gates requires"


def test_a_process_that_takes_too_much_memory_is_ended(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", _script(here, "sleep 60"))
    member = Member("numpy", [], os.environ, here / "1")
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        _wait_for(lambda: member.tend(1) or member.ended)

        assert "took more than" in member.outcome().row.reason
        assert not end_those_above(2**40, other.pid)
        assert other.poll() is None
    finally:
        other.kill()
        assert other.wait() == -signal.SIGKILL


def _script(here: Path, text: str) -> str:
    """What stands for the interpreter: whatever it is asked, it does this."""
    script = here / "python"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return str(script)


def _wait_for(happens: Any) -> None:
    deadline = time.monotonic() + 120.0  # a busy machine is not a failure
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)
