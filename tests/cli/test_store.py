"""check --store FILE --resume: what a run leaves that is killed, and how it is gone on with."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gruverify.engine import CasesJudged, Event, FormatFinished, Plan, ProcessDied
from gruverify.store import File, Kept

from ._invoke import gruverify, one_line

COUNTED = """
import os
from pathlib import Path
from gruverify.backends import NumpyBackend
from planted import inverted, right

def counted(function):
    def step(cell, x, h):
        with open("calls", "a") as calls:
            calls.write("x")
        return function(cell, x, h)
    return step

def dies(cell, x, h):
    if h.dtype == "float32":
        os._exit(7)
    return right(cell, x, h)

class Seeded:
    name, variants, formats = "seeded", NumpyBackend.variants, NumpyBackend.formats
    def seed(self, number): ...
    step = staticmethod(counted(right))

class Declared(Seeded):
    kappa_sigma = float(Path("kappa").read_text()) if Path("kappa").exists() else 4.0

fine, wrong, seeded, declared = counted(right), counted(inverted), Seeded(), Declared()
"""
OPTIONS = ("--format", "f16,f32", "--max-cases", "4", "--only", "agreement/step", "--jobs", "1")
STORE = ("--store", "runs.db")


class Killed(BaseException):
    """What a test kills a run with: nobody handles it."""


@pytest.fixture
def counting(planted: str, here: Path) -> str:
    """The name of a module of GRUs that count how often they are called."""
    (here / "counting.py").write_text(COUNTED)
    return "counting"


def checked(target: str, *options: str) -> Result:
    """A short run in two formats, in one process."""
    return gruverify("check", target, *OPTIONS, *options)


def killed(target: str, moment: Callable[[Event], bool], *options: str) -> None:
    """Such a run that is kept, killed as soon as an event is."""
    keep = Kept.keep

    def dying(self: Kept, event: Event) -> None:
        keep(self, event)
        if moment(event):
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kept, "keep", dying)
        with pytest.raises(Killed):
            checked(target, *STORE, *options)


def in_float32(event: Event) -> bool:
    """Whether cases in float32 were kept, and float16 is finished."""
    return isinstance(event, CasesJudged) and event.format == "float32"


def changed(*statements: str) -> None:
    """Change the store behind its back."""
    with closing(sqlite3.connect("runs.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def document(*of: str) -> dict[str, Any]:
    """The result that a run wrote, but for its times."""
    found: dict[str, Any] = json.loads(Path(*of).read_text())
    return {name: value for name, value in found.items() if name != "timing"}


def undisturbed(target: str) -> dict[str, Any]:
    """The result of a run that nobody kills or keeps; it saves witnesses, which a run that was
    killed began without.
    """
    checked(target, "--json", "undisturbed.json", "--no-replay")
    return document("undisturbed.json")


def calls() -> int:
    """How often the target was called."""
    return Path("calls").stat().st_size


# -- going on --------------------------------------------------------------------------------------


@pytest.mark.slow
# Who is wrong has its likely cause after two cases, with which a format ends.
@pytest.mark.parametrize(("fault", "code", "cases"), [("fine", 0, 4), ("wrong", 1, 2)])
@pytest.mark.uncounted
def test_a_killed_run_ends_as_if_nothing_had_happened(
    counting: str, fault: str, code: int, cases: int
) -> None:
    target = f"{counting}:{fault}"
    killed(target, in_float32)
    changed("DELETE FROM judged WHERE number >= 2")
    expected = undisturbed(target)

    result = checked(target, *STORE, "--resume", "--json", "result.json")

    assert result.exit_code == code
    assert "store: goes on with run 1 (" in result.stdout
    kept = f"float16: all {cases} cases from the store, float32: 2 cases from the store"
    assert kept in result.stdout
    assert result.stdout.endswith("store: run 1 in runs.db\n")
    assert document("result.json") == expected


@pytest.mark.uncounted
def test_what_the_store_has_is_not_asked_again(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)
    changed("DELETE FROM judged WHERE number >= 3")
    before = calls()

    checked(f"{counting}:fine", *STORE, "--resume")
    assert calls() - before == before // 8

    once_more = checked(f"{counting}:fine", *STORE, "--resume")
    assert calls() - before == before // 8
    assert "float32: all 4 cases from the store" in once_more.stdout


@pytest.mark.uncounted
def test_catches_cases_whose_bits_have_changed(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)
    changed(
        "UPDATE judged SET found = x'00' WHERE number < 2",
        "UPDATE judged SET found = zeroblob(9) WHERE number > 1",
    )

    checked(f"{counting}:fine", *STORE, "--resume", "--json", "result.json")

    assert document("result.json") == undisturbed(f"{counting}:fine")


@pytest.mark.uncounted
def test_catches_what_was_found_of_another_case(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)
    changed("UPDATE judged SET found = (SELECT found FROM judged WHERE number = 0)")

    checked(f"{counting}:fine", *STORE, "--resume", "--json", "result.json")

    assert document("result.json") == undisturbed(f"{counting}:fine")


def test_what_a_target_died_under_is_not_asked_again(counting: str) -> None:
    killed(f"{counting}:dies", lambda event: isinstance(event, ProcessDied))

    result = checked(f"{counting}:dies", *STORE, "--resume", "--json", "result.json")

    assert result.exit_code == 4
    assert document("result.json") == undisturbed(f"{counting}:dies")


@pytest.mark.uncounted
def test_of_a_seeded_target_whole_formats_are_taken_over(counting: str) -> None:
    killed(f"{counting}:seeded", lambda event: isinstance(event, FormatFinished))

    result = checked(f"{counting}:seeded", *STORE, "--resume")

    assert "float16: all 4 cases from the store, float32: nothing yet" in result.stdout


@pytest.mark.uncounted
def test_without_such_a_run_everything_is_asked_and_that_is_said(counting: str) -> None:
    result = checked(f"{counting}:fine", *STORE, "--resume")

    assert result.exit_code == 0
    assert (
        "runs.db has no run of counting:fine that is not finished: everything is checked"
        in result.stdout
    )


# -- another run -----------------------------------------------------------------------------------


@pytest.mark.uncounted
def test_a_target_whose_file_changed_is_asked_anew(counting: str, here: Path) -> None:
    killed(f"{counting}:fine", in_float32)
    (here / "planted.py").write_text((here / "planted.py").read_text() + "\n")

    result = checked(f"{counting}:fine", *STORE, "--resume")

    assert result.exit_code == 0
    assert "changed since: the source of planted" in result.stdout
    assert "everything is run again" in result.stdout
    assert result.stdout.endswith("store: run 2 in runs.db\n")


OTHERS = (
    (
        ("--seed", "1"),
        "has --seed 0, not --seed 1: give it the same options, or leave out --resume to begin "
        "another",
    ),
    (("--no-shrink",), "has no --no-shrink, not --no-shrink"),
    (("--max-size", "3"), "has no --max-size, not --max-size 3"),
    (("--format", "f32"), "has --format float16,float32, not --format float32"),
    (
        ("--skip", "bounds", "-x"),
        "has no --max-failures, not --max-failures 1; no --skip, not --skip with bounds",
    ),
)


@pytest.mark.uncounted
def test_a_run_with_other_options_is_refused_in_one_line(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)

    for options, said in OTHERS:
        line = one_line(checked(f"{counting}:fine", *options, *STORE, "--resume"))
        assert line.startswith("run 1 (")
        assert said in line


@pytest.mark.uncounted
def test_a_run_with_other_declarations_is_refused_in_one_line(counting: str, here: Path) -> None:
    killed(f"{counting}:declared", lambda event: isinstance(event, FormatFinished))
    (here / "kappa").write_text("8")

    line = one_line(checked(f"{counting}:declared", *STORE, "--resume"))

    assert 'its declarations {} → {"kappa_sigma": 8.0}' in line
    assert line.endswith("leave out --resume to begin another")


@pytest.mark.uncounted
def test_other_versions_are_said_and_everything_is_asked_anew(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)
    changed("""UPDATE run SET versions = '{"numpy": "1.0"}'""")

    result = checked(f"{counting}:fine", *STORE, "--resume")

    assert result.exit_code == 0
    assert "numpy (1.0 → " in result.stdout.replace("\n", " ")


# -- mistakes, and stores that cannot be used ------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resume",), "--resume needs --store FILE: the file that the run was kept in"),
        (("--store", ""), "--store '': name a file"),
        (("--store", "-"), "--store '-': name a file"),
        (("--store", "."), "--store .: is a directory; name a file in it"),
        (("--store", "none/runs.db"), "--store none/runs.db: there is no directory none"),
        (
            ("--store", "planted.py"),
            "--store planted.py: is not a store: it is not an SQLite database",
        ),
        (("--store", "/dev/full"), "--store /dev/full: is not a regular file"),
        (("--store", "a", "--json", "./a"), "--store a: is --json, too; name another file"),
    ],
)
def test_a_mistake_is_one_line_before_the_run(
    planted: str, options: tuple[str, ...], said: str
) -> None:
    assert one_line(checked("numpy", *options)).startswith(said)


def test_a_store_on_a_read_only_disk_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)

    assert one_line(checked("numpy", *STORE)) == "--store runs.db: not writable"


@pytest.mark.uncounted
def test_a_damaged_part_is_one_line(counting: str) -> None:
    killed(f"{counting}:fine", in_float32)
    changed("UPDATE part SET found = x'00'")

    said = one_line(checked(f"{counting}:fine", *STORE, "--resume"))

    assert (
        said
        == "--store runs.db: is damaged or was cut short: name another file, or restore this one"
    )


def test_what_cannot_be_kept_changes_no_exit_code(counting: str) -> None:
    one_line(checked("numpy", *STORE, "--only", "nothing"))  # leaves an empty store
    changed("CREATE TRIGGER no BEFORE INSERT ON part BEGIN SELECT RAISE(ABORT, 'no more'); END")

    result = checked(f"{counting}:fine", *STORE)

    assert result.exit_code == 0
    assert result.stderr.count("Error: ") == 1
    assert "--store runs.db: cannot be used: no more; the verdict stands" in result.stderr


@pytest.mark.uncounted
def test_a_disk_without_room_for_a_store_changes_no_exit_code(
    counting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = "PRAGMA max_page_count = 1;\nCREATE TABLE run (id)"
    monkeypatch.setattr("gruverify.store._file._CHANGES", (tables, ""))

    result = checked(f"{counting}:fine", *STORE, "--resume")

    assert (result.exit_code, result.stderr.count("Error: ")) == (0, 1)
    assert (
        "--store runs.db: cannot be written: the disk is full; the verdict stands" in result.stderr
    )


@pytest.mark.uncounted
def test_the_library_is_imported_only_when_a_store_is_named() -> None:
    imports = "import sys, gruverify.cli._check, gruverify.engine, gruverify.reporting"
    script = f"{imports}; print({{'sqlite3', 'gruverify.store'}} & set(sys.modules))"

    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
        == "set()\n"
    )


# -- listing and comparing runs --------------------------------------------------------------------


@pytest.mark.slow
def test_the_runs_of_a_store_are_listed_and_compared(counting: str) -> None:
    checked(f"{counting}:fine", *STORE)
    killed(f"{counting}:wrong", in_float32)
    checked(f"{counting}:wrong", *STORE, "--seed", "1", "--no-shrink")

    listed = gruverify("compare", "runs.db")
    assert listed.exit_code == 0
    words = listed.stdout.replace("\n", " ").split()
    assert [word for word in words if word in ("conforms", "falsified")] == [
        "conforms",
        "falsified",
    ]
    assert "finished" in words
    assert "all" in words

    same = gruverify(
        "compare", "runs.db:1", "runs.db:1", "--fail-on", "worse-margin", "--fail-on", "new-failure"
    )
    worse = gruverify("compare", "runs.db:1", "runs.db:-1", "--fail-on", "new-failure")
    assert (same.exit_code, worse.exit_code) == (0, 1)
    assert "falsified" in worse.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("runs.db:2", "runs.db:1"),
            "runs.db has no result of run 2, which was killed or goes on: `check --resume`",
        ),
        (("runs.db:7", "runs.db:1"), "runs.db has no run 7: it has 2, up to 2"),
        (("runs.db:-3", "runs.db:1"), "runs.db has no run -3"),
        (
            ("runs.db", "runs.db:1"),
            "runs.db is a store: name one of its runs, such as runs.db:-1 for the newest one",
        ),
        (("none.db",), "none.db cannot be read: there is no such file"),
        (("none.db:1", "runs.db:1"), "none.db cannot be read: there is no such file"),
        (("planted.py",), "planted.py is not a store, and a result is compared with another one"),
        (
            ("runs.db", "--fail-on", "new-failure"),
            "--fail-on is about two results: name both, such as runs.db:1 runs",
        ),
        (("planted.py:1", "runs.db:1"), "planted.py is not a store: it is not an SQLite database"),
    ],
)
def test_what_names_no_run_is_one_line(planted: str, arguments: tuple[str, ...], said: str) -> None:
    header: dict[str, Any] = {
        "target": "t",
        "backend": "t",
        "methods": [],
        "declarations": {},
        "variants": [],
    }
    header |= {"versions": {}, "formats": ["float32"]}
    for _ in range(2):
        Kept(File(Path("runs.db"), writable=True), resume=False).begin(Plan(), header, {})

    assert one_line(gruverify("compare", *arguments)).startswith(said)


def test_a_store_without_runs_says_so(here: Path) -> None:
    one_line(checked("numpy", *STORE, "--only", "nothing"))

    assert gruverify("compare", "runs.db").stdout == "runs.db has no runs\n"
