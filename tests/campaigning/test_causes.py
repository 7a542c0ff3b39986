"""One failure is one row; what is known wakes nobody; what is new is told once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gruverify.arithmetic import float32
from gruverify.backends import Call
from gruverify.campaigning import (
    BadCommand,
    BadKnown,
    Cause,
    News,
    Subject,
    Total,
    Unit,
    causes_of,
    command_of,
    known_causes,
    marked,
    stale,
    verdict_of,
)
from gruverify.campaigning._total import Died
from gruverify.engine import Death, Result
from tests.campaigning._serial import WRONG, Serial, campaign, kept

OLD = "z multiplies the old state"


@pytest.fixture
def total(both: dict[str, Subject], workers: Serial, tmp_path: Path) -> Total:
    """That of a campaign of a right GRU and a wrong one."""
    return campaign(workers, kept(tmp_path), both).run().total


@pytest.fixture
def results(total: Total, both: dict[str, Subject]) -> list[Result]:
    """The results, the wrong one's with what explains it."""
    found = [total.result(target) for target in both]
    return [found[0], replace(found[1], explanation=f"{OLD} (float32, every case): declare it?")]


def died(total: Total) -> Total:
    """The total, with a unit in which the right one died."""
    death = Death("float32", Call("agreement/step", "step", "H=1"), "was killed by signal 11")
    unit = Unit("numpy", float32, 2, 3)
    return replace_deaths(total, Died(unit, death, None))


def replace_deaths(total: Total, died: Died) -> Total:
    """The total with one death."""
    found = replace(total)
    found.__dict__.update(total.__dict__)
    found.deaths = {(died.unit.key, 0): died}
    return found


@pytest.mark.uncounted
def test_what_one_cause_explains_is_one_row(results: list[Result], total: Total) -> None:
    [row] = causes_of(results, total)

    assert row.cause == OLD
    assert row.first_unit == (WRONG, "float32", 0)
    assert {target for target, _, _ in row.places} == {WRONG}
    assert {id for _, id, _ in row.places} >= {"agreement/step", "agreement/outputs"}
    assert row.cases == total.failures
    assert row.witness is not None
    assert "numpy" in row.versions


@pytest.mark.uncounted
def test_targets_with_the_same_cause_share_a_row(results: list[Result], total: Total) -> None:
    other = replace(results[1], header={**results[1].header, "target": "another"})

    [row] = causes_of([results[1], other], total)

    assert {target for target, _, _ in row.places} == {WRONG, "another"}
    assert row.cases == 2 * total.failures
    assert causes_of([other, results[1]], total) == [row]


def test_what_nothing_explains_is_a_row_for_each_family(
    results: list[Result], total: Total
) -> None:
    rows = causes_of([replace(results[1], explanation="")], total)

    assert [row.cause for row in rows] == ["agreement"]


@pytest.mark.uncounted
def test_a_death_is_a_row_and_the_verdict(results: list[Result], total: Total) -> None:
    total = died(total)
    right = replace(results[0], crashes=("the process was killed",))

    rows = causes_of([right], total)

    assert [(row.cause, row.first_unit) for row in rows] == [
        ("the process was killed by signal 11 in step", ("numpy", "float32", 2))
    ]
    assert verdict_of([right], rows) == "died"
    known = [replace(rows[0], known="a kernel of last year")]
    assert verdict_of([right], known) in ("conforms", "inconclusive")
    assert verdict_of([right], []) == "died"


@pytest.mark.uncounted
def test_what_is_known_falsifies_nothing(
    results: list[Result], total: Total, tmp_path: Path
) -> None:
    file = tmp_path / "known.txt"
    file.write_text(f"# a comment\n\n{OLD}  # issue 7\nnothing *\n")
    entries = known_causes(file)
    rows = marked(causes_of(results, total), entries)

    assert [row.known for row in rows] == ["issue 7"]
    assert [entry.place for entry in stale(rows, entries)] == [f"{file}:4"]
    assert verdict_of([results[1]], rows) != "falsified"
    assert verdict_of([results[1]], causes_of(results, total)) == "falsified"


def test_catches_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadKnown, match="cannot be read: No such file"):
        known_causes(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BadKnown, match="is not UTF-8 text"):
        known_causes(tmp_path / "bytes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo", "has no {} after the program"),
        ("{}", "has no {} after the program"),
        ("echo 'one", "cannot be split into words"),
        ("no-such-program {}", "there is no program no-such-program"),
    ],
)
def test_catches_a_command_that_cannot_be_called(text: str, message: str) -> None:
    with pytest.raises(BadCommand, match=message):
        command_of(text)


class Told:
    """What a command was called with, and what was complained about."""

    def __init__(self, folder: Path, command: str) -> None:
        self.lines = list[str]()
        self.file = folder / "a witness; touch pwned"
        self.out = folder / "out"
        self.news = News(command_of(command), kept(folder), self.save, self.lines.append)

    def save(self, row: Cause) -> Path | None:
        return self.file if row.cases else None


def row_of(cause: str, *ids: str, known: str | None = None, cases: int = 1) -> Cause:
    """A row."""
    places = tuple(("numpy", id, "float32") for id in ids)
    return Cause(cause, places, cases, ("numpy", "float32", 0), {}, known=known)


def test_a_new_cause_is_told_once_and_no_shell_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = Told(tmp_path, 'sh -c \'printf "%s" "$1" > out\' sh {}')

    told.news.tell([row_of("agreement", "agreement/step"), row_of("old", "x", known="known")])
    told.news.tell([row_of("agreement", "agreement/step")])
    told.news.tell([row_of("agreement with B = 3H", "agreement/step")])

    assert (told.news.calls, told.lines) == (1, [])
    assert told.out.read_text() == str(told.file)
    assert not (tmp_path / "pwned").exists()
    again = Told(tmp_path, "false {}")
    again.news.tell([row_of("agreement", "agreement/step")])
    again.news.tell([row_of("stack", "stack/outputs")])
    assert again.news.calls == 1
    assert again.lines[0].endswith("exit code 1")


def test_a_call_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    told = Told(tmp_path, "true {}")
    told.news.tell([row_of("agreement", "agreement/step", cases=0)])
    assert told.lines == ["--on-new is not called for agreement: there is no case to show it"]
    gone = replace(told.news, command=("/no/such", "{}"))
    gone.tell([row_of("stack", "stack/outputs")])
    assert told.lines[1].endswith("No such file or directory")
