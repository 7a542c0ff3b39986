"""What a campaign keeps in a database of Hypothesis is what others try first."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)

from gruverify import Case, float32
from gruverify import strategies as gst
from gruverify.backends import resolve
from gruverify.campaigning import BadDatabase, Campaign, Ending, database_at
from gruverify.engine import (
    Corpus,
    Flaky,
    Plan,
    Result,
    Witness,
    decode_part,
    encode_part,
    run,
    saved_in,
    selection,
)
from gruverify.store import StoreDatabase
from gruverify.testing import saved_cases, saved_examples
from tests.campaigning._serial import PLAN, WRONG, Serial, kept, subjects
from tests.testing._runs import apart, one_test, outcomes

#: Wrong at H = 3 alone, which Hypothesis does not draw first.
RARE = """
from gruverify.backends import NumpyBackend

right = NumpyBackend().step


def step(cell, x, h):
    return h if h.shape[1] == 3 else right(cell, x, h)
"""
#: A test that by itself meets one case, of H = 1.
ONCE = """
from hypothesis import settings
from hypothesis.database import {class_}

settings.register_profile("once", max_examples=1, database={class_}({place!r}))
settings.load_profile("once")
"""


def ended(
    database: ExampleDatabase, folder: Path, target: str, plan: Plan = PLAN
) -> tuple[Campaign, Ending]:
    """A campaign of two units with a database, from its begin to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    about = subjects(target), plan, 12, 6, False, Serial(), kept(folder), 60.0
    begun = Campaign(*about, corpus=Corpus(database))
    return begun, begun.run()


@cache
def found(target: str, seed: int = 3, cases: int = 8) -> Result:
    """What a run finds of a target."""
    plan = replace(PLAN, seed=seed, max_cases=cases, selection=selection(only="agreement/step"))
    return run(resolve(target), plan, target, lambda event: None)


def replays(ending: Ending, target: str) -> set[tuple[str, str]]:
    """What was tried first, and what became of it."""
    return {(each.invariant, each.fate) for each in ending.total.results[target].replays}


def failing(database: ExampleDatabase, target: str = WRONG) -> list[Witness]:
    """What is kept of failures."""
    saved = saved_in(database, target).witnesses
    return [witness for witness in saved if witness.residual.margin > 1]


@pytest.mark.uncounted
@pytest.mark.slow
def test_a_failing_case_is_the_first_that_a_users_test_and_the_next_campaign_try(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "rare.py").write_text(RARE)
    pytester.syspathinsert()
    place = str(pytester.path / "examples")
    conftest = ONCE.format(class_="DirectoryBasedExampleDatabase", place=place)
    (pytester.path / "mine.py").write_text(conftest)
    mine = one_test("rare:step", formats=["f32"], only=["agreement/step"])
    test = {"test_mine": f"import mine\n{mine}"}
    alone = apart(pytester, "-k", "agreement", **test)
    ended(DirectoryBasedExampleDatabase(place), pytester.path / "first", "rare:step")
    after = apart(pytester, "-k", "agreement", **test)
    other = replace(PLAN, seed=4)
    few, ending = ended(
        DirectoryBasedExampleDatabase(place), pytester.path / "next", "rare:step", plan=other
    )
    (pytester.path / "rare.py").write_text(RARE.replace("== 3", "== 30"))
    repaired = apart(pytester, "-k", "agreement", **test)

    assert outcomes(alone) == outcomes(repaired) == {"passed": 1}
    assert outcomes(after) == {"failed": 1}
    after.stdout.fnmatch_lines(["*float32, *H=3*"])
    assert few.saved["rare:step"].witnesses
    assert ("agreement/step", "failed") in replays(ending, "rare:step")


@pytest.mark.uncounted
def test_a_store_and_several_databases_at_once_serve_as_well(tmp_path: Path) -> None:
    store = StoreDatabase(tmp_path / "runs.db")
    Corpus(store).keep(found(WRONG))

    both = MultiplexedDatabase(
        InMemoryExampleDatabase(), ReadOnlyDatabase(StoreDatabase(store.path))
    )
    assert failing(store) == failing(both) != []
    assert Corpus(both).keep(found(WRONG, 4))
    assert len(failing(both)) >= len(failing(store)) == 1


def test_a_store_is_a_database_like_any_other(tmp_path: Path) -> None:
    database = StoreDatabase(tmp_path / "runs.db")
    for value in (b"\0one", b"two", b"two"):
        database.save(b"key", value)
    database.move(b"key", b"other", b"two")
    database.delete(b"key", b"none")

    again = StoreDatabase(tmp_path / "runs.db")
    assert (list(again.fetch(b"key")), list(again.fetch(b"other"))) == ([b"\0one"], [b"two"])
    assert list(again.fetch(b"nothing")) == []


@pytest.mark.uncounted
def test_what_is_closer_takes_the_place_of_what_was() -> None:
    database = InMemoryExampleDatabase()
    Corpus(database).keep(found("numpy"))
    [first] = saved_in(database, "numpy").witnesses
    again = Corpus(database)
    again.saved("numpy")
    both = found("numpy").merged(replace(found("numpy", 4, 60), header=found("numpy").header))
    again.keep(both)
    [second] = saved_in(database, "numpy").witnesses

    assert 0 < first.residual.margin < second.residual.margin <= 1
    assert second == both.closest["float32"]


@pytest.mark.uncounted
def test_a_smaller_case_of_a_failure_takes_the_place_of_the_larger_one() -> None:
    database, result = InMemoryExampleDatabase(), found(WRONG)
    [(place, witness)] = result.witnesses.items()
    larger = replace(witness, residual=replace(witness.residual, where="elsewhere"))
    corpus = Corpus(database)
    for each in (larger, witness, witness):
        corpus.keep(replace(result, witnesses={place: each}))

    assert failing(database) == [witness]


def test_what_does_not_fail_each_time_is_not_kept() -> None:
    database, result = InMemoryExampleDatabase(), found(WRONG)
    flaky = dict.fromkeys(result.witnesses, Flaky(1, 2, "once", "then"))
    Corpus(database).keep(replace(result, flaky=flaky))

    assert failing(database) == []


@pytest.mark.uncounted
def test_nothing_is_kept_before_what_was_kept_is_tried(tmp_path: Path) -> None:
    """Else a campaign that is killed and begun again would try other cases."""
    database = InMemoryExampleDatabase()
    workers = Serial(stop_after=1, backwards=True)
    about = subjects(WRONG), PLAN, 12, 3, False, workers, kept(tmp_path), 60.0
    interrupted = Campaign(*about, corpus=Corpus(database)).run()

    assert interrupted.total.failures
    assert failing(database) == []


class Full(InMemoryExampleDatabase):
    """A full disk, of which Hypothesis says nothing."""

    def save(self, key: bytes, value: bytes) -> None:
        """Nothing."""


class Gone(InMemoryExampleDatabase):
    """A server that is gone after the beginning."""

    def save(self, key: bytes, value: bytes) -> None:
        """Cannot."""
        raise ConnectionError("gone")


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("database", "why"),
    [
        (Full(), "it does not keep what it is given"),
        (Gone(), "ConnectionError: gone"),
    ],
)
def test_catches_a_database_that_keeps_nothing(
    tmp_path: Path, database: ExampleDatabase, why: str
) -> None:
    campaign, ending = ended(database, tmp_path, WRONG)

    assert campaign.unwritten == why
    assert ending.how == "done"


def test_catches_what_no_version_of_ours_wrote() -> None:
    database = InMemoryExampleDatabase()
    Corpus(database).keep(found(WRONG))
    [key] = database.data
    database.save(key, b"something else")

    saved = saved_in(database, WRONG)

    assert saved.left_out == (f"1 saved cases of {WRONG} cannot be read by this version",)
    assert saved.witnesses


def test_a_test_of_any_kind_is_shown_them_before_anything_is_drawn() -> None:
    database = InMemoryExampleDatabase()
    Corpus(database).keep(found(WRONG))
    shown = list[Case]()

    @saved_examples(WRONG, formats=["f32"], database=database)
    @given(case=gst.cases(formats=[float32]))
    def test(case: Case) -> None:
        shown.append(case)

    test()

    expected = saved_cases(WRONG, database=database)
    assert shown[: len(expected)] == expected != []
    assert len(shown) > len(expected)
    assert saved_cases(WRONG, formats="f64", database=database) == []
    assert saved_cases("another", database=database) == saved_cases(WRONG) == []


def test_where_a_database_is_follows_from_its_name(tmp_path: Path) -> None:
    folder = database_at(str(tmp_path / "made" / "examples"))
    store = database_at(str(tmp_path / "runs.db"))

    assert isinstance(folder, DirectoryBasedExampleDatabase)
    assert isinstance(store, StoreDatabase)
    (tmp_path / "text").write_text("text, and not a database " * 10)
    for wrong, why in (
        (tmp_path / "text", "is not a store: it is not an SQLite database"),
        (tmp_path / "text" / "examples", "Not a directory"),
    ):
        with pytest.raises(BadDatabase, match=f"^{why}$"):
            database_at(str(wrong))


@pytest.fixture
def redis() -> Iterator[str]:
    """The URL of a Redis server, in a process of its own."""
    pytest.importorskip("fakeredis")
    port = multiprocessing.get_context("fork").Value("i", 0)
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(port,), daemon=True)
    server.start()
    while not port.value and server.is_alive():
        server.join(0.01)
    yield f"redis://127.0.0.1:{port.value}"
    server.kill()
    server.join()


def _serve(port: object) -> None:
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    port.value = server.server_address[1]  # type: ignore[attr-defined]
    server.serve_forever()


def test_a_redis_server_is_shared(redis: str) -> None:
    assert Corpus(database_at(redis)).keep(found(WRONG))

    assert failing(database_at(redis)) == list(found(WRONG).witnesses.values())


def test_catches_a_redis_server_that_is_not_there() -> None:
    pytest.importorskip("redis")

    for url, why in (
        ("redis://127.0.0.1:1", "^does not answer: ConnectionError: "),
        ("redis://127.0.0.1:x", "Port could not be cast"),
    ):
        with pytest.raises(BadDatabase, match=why):
            database_at(url)


def test_the_closest_case_of_a_format_is_part_of_a_result() -> None:
    result = found("numpy")

    [again] = [decode_part(encode_part(result), result.header)]
    assert again.closest == result.closest
    assert result.closest["float32"].residual.margin == max(
        tally.largest for tally in result.tallies.values()
    )
