"""Witnesses that earlier runs saved are tried before anything is drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Result, Variant, check
from gruverify.backends import NumpyBackend
from gruverify.engine import (
    CaseJudged,
    Event,
    FirstFailure,
    Replay,
    SoFar,
    Witness,
    replay_lines,
    save_witness,
    saved_witnesses,
    witness_file,
)

from ._drawn import plain

pytestmark = pytest.mark.usefixtures("unexplained")

NUMPY = NumpyBackend()
TARGET = "mine:step"


def halved(cell: Any, x: Any, h: Any) -> Any:
    """A step that is wrong throughout."""
    return NUMPY.step(cell, x, h) / 2


def found(step: Any, **options: Any) -> Result:
    """What a short run finds."""
    return check(
        step, **{"formats": "f32", "max_cases": 4, "only": ["agreement"], "name": TARGET, **options}
    )


@cache
def wrong() -> tuple[Witness, ...]:
    """The witnesses of a wrong step."""
    return tuple(found(halved).witnesses.values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds them."""
    for witness in wrong():
        save_witness(witness, witness_file(tmp_path, witness))
    return tmp_path


def changed(folder: Path, **changes: Any) -> Path:
    """One of the files, with other values in it."""
    file = sorted(folder.iterdir())[0]
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return file


@pytest.mark.uncounted
def test_they_fail_before_a_case_is_drawn(folder: Path) -> None:
    events = list[Event]()

    result = found(halved, replay=folder, listener=events.append)

    first = next(event for event in events if isinstance(event, FirstFailure | CaseJudged))
    assert isinstance(first, FirstFailure)
    assert (first.number, first.format) == (0, "float32")
    assert result.header["replayed"] == {"tried": 2, "left_out": []}
    assert {replay.fate for replay in result.replays} == {"failed"}


@pytest.mark.uncounted
def test_what_they_show_is_reported_before_a_case_is_drawn(folder: Path) -> None:
    """A run that is killed while it tries them loses nothing."""
    events = list[Event]()

    found(halved, replay=folder, listener=events.append)

    drawing = next(i for i, event in enumerate(events) if isinstance(event, CaseJudged))
    *_, last = (event for event in events[:drawing] if isinstance(event, SoFar))
    assert {id for id, _ in last.witnesses} == {"agreement/step", "agreement/one-unit"}
    assert {id for id, _, _ in last.tallies} >= {"agreement/step", "agreement/one-unit"}


@pytest.mark.uncounted
def test_a_run_that_ends_at_the_first_failure_draws_nothing(folder: Path) -> None:
    events = list[Event]()

    result = found(halved, replay=folder, max_failures=1, listener=events.append)

    assert not any(isinstance(event, CaseJudged) for event in events)
    assert (result.verdict, len(result.witnesses)) == ("falsified", 1)


def test_they_change_nothing_of_what_is_drawn(folder: Path) -> None:
    with_them, without = found(NUMPY.step, replay=folder), found(NUMPY.step)

    assert with_them.header["replayed"]["tried"] == 2
    same = replace(with_them, header=without.header, replays=(), seconds=without.seconds)
    assert plain(same) == plain(without)


@pytest.mark.uncounted
def test_a_target_that_is_seeded_meets_what_is_drawn_as_it_would_have(folder: Path) -> None:
    class Random(NumpyBackend):
        """Answers what its generator says, which is seeded by each run."""

        drawn: list[float]

        def seed(self, seed: int) -> None:
            self.generator, self.drawn = np.random.default_rng(seed), []

        def step(self, cell: Any, x: Any, h: Any) -> Any:
            self.drawn.append(self.generator.random())
            return super().step(cell, x, h)

    one, other = Random(), Random()
    found(one, replay=folder, only=["agreement/step"])
    found(other, only=["agreement/step"])
    assert one.drawn == other.drawn


@pytest.mark.uncounted
def test_what_no_longer_fails_is_said_and_claims_nothing(folder: Path) -> None:
    result = found(NUMPY.step, replay=folder)

    assert {replay.fate for replay in result.replays} == {"held"}
    [line] = result.replay_lines
    assert line.startswith(
        "2 of 2 saved witnesses no longer fail: agreement/one-unit in float32; agreement/step"
    )
    cases = {id: tally.cases for (id, *_), tally in result.tallies.items() if tally.cases}
    assert set(cases.values()) <= {1, 2, 3, 4}


def test_what_is_expected_to_fall_is_tried_and_is_no_failure(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "xfails.txt"
    file.write_text("agreement\n")

    result = found(halved, replay=folder, xfails_files=[file])

    assert (result.verdict, result.witnesses) == ("conforms", {})
    assert {replay.fate for replay in result.replays} == {"failed"}


@pytest.mark.uncounted
def test_the_smallest_come_first_whatever_the_files_are_called(folder: Path) -> None:
    witnesses = saved_witnesses(folder, TARGET).witnesses

    assert list(witnesses) == sorted(witnesses, key=Witness.order)


# -- what cannot be tried --------------------------------------------------------------------------


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "this is not a gruverify witness"),
        (
            '{"kind": "gruverify witness", "schema": 9}',
            "schema=9 cannot be read: this version reads schema 1",
        ),
        (
            '{"kind": "gruverify witness", "schema": 1}',
            "the witness is damaged: KeyError: 'residual'",
        ),
        ("\ud800", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("", "is not JSON"),
    ],
)
def test_a_broken_file_is_one_line_and_the_run_goes_on(folder: Path, text: str, said: str) -> None:
    file = sorted(folder.iterdir())[0]
    file.write_bytes(text.encode("utf-8", "surrogatepass"))

    result = found(halved, replay=folder)

    [line] = result.header["replayed"]["left_out"]
    assert str(file) in line
    assert said in line
    assert "\n" not in line
    assert result.header["replayed"]["tried"] == 1


@pytest.mark.uncounted
def test_a_file_that_may_not_be_read_is_one_line(folder: Path) -> None:
    file = sorted(folder.iterdir())[0]
    file.unlink()
    file.mkdir()

    [line] = found(halved, replay=folder).header["replayed"]["left_out"]

    assert line == f"{file} cannot be read: Is a directory"


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        (
            {"invariant": "agreement/gone"},
            {},
            "in float32: there is no invariant 'agreement/gone' any more",
        ),
        ({"format": "float64"}, {}, "in float64: float64 is not a format of this run"),
        ({}, {"skip": ["agreement/one-unit"]}, "agreement/one-unit in float32: --skip"),
        (
            {},
            {"only": ["agreement/step"]},
            "agreement/one-unit in float32: the selection leaves the invariant out",
        ),
        (
            {"invariant": "agreement/outputs"},
            {},
            "agreement/outputs in float32: the backend has no sequence",
        ),
        (
            {"invariant": "stack/outputs"},
            {"only": ["agreement", "stack"]},
            "the invariant does not read such a case",
        ),
    ],
)
def test_what_a_run_is_not_about_is_left_out_with_the_reason(
    folder: Path, changes: Any, options: Any, said: str
) -> None:
    changed(folder, **changes)

    replayed = found(halved, replay=folder, **options).header["replayed"]

    [line] = replayed["left_out"]
    assert line.endswith(said)
    assert replayed["tried"] == 1


@pytest.mark.uncounted
def test_a_variant_that_the_target_does_not_claim_is_left_out(folder: Path) -> None:
    class Narrow(NumpyBackend):
        """Of one variant."""

        variants = (Variant(),)

    document = json.loads(sorted(folder.iterdir())[0].read_text())
    changed(folder, variant=document["variant"] | {"reset": "before"})

    [line] = found(Narrow(), replay=folder).header["replayed"]["left_out"]

    assert line.startswith("agreement/one-unit in float32: the target does not claim reset before")


def test_a_size_that_the_target_is_not_built_for_shows_nothing(folder: Path) -> None:
    class Fixed(NumpyBackend):
        """Of three units."""

        hidden_size = 3

    result = found(Fixed(), replay=folder)

    assert {replay.fate for replay in result.replays} == {"not answered"}
    assert result.verdict == "conforms"


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_case_above_the_largest_size_is_left_out(tmp_path: Path) -> None:
    for witness in found(
        halved, shrink=False, only=["agreement/step"], max_cases=9
    ).witnesses.values():
        save_witness(witness, witness_file(tmp_path, witness))

    replayed = found(halved, replay=tmp_path, only=["agreement/step"], max_size=1).header[
        "replayed"
    ]

    assert replayed["tried"] == 0
    assert replayed["left_out"] == ["agreement/step in float32: larger than --max-size 1"]


@pytest.mark.uncounted
def test_many_that_are_left_out_for_one_reason_are_one_line(folder: Path) -> None:
    replayed = found(halved, replay=folder, only=["bounds"]).header["replayed"]

    [line] = replayed["left_out"]
    assert line.endswith(" and 1 more: the selection leaves the invariant out")


def test_other_targets_and_other_files_are_none_of_its_business(folder: Path) -> None:
    (folder / "mine-step-2-agreement-step-float32.json").write_text("{")  # of mine:step-2
    (folder / "notes.json").write_text("{")
    (folder / "mine-step-notes.txt").write_text("{")
    [first, *_] = saved_witnesses(folder, TARGET).witnesses
    other = replace(first, target="mine-step")  # is saved under the same name
    save_witness(other, folder / "mine-step-agreement-other-float32.json")

    saved = saved_witnesses(folder, TARGET)

    assert (len(saved.witnesses), saved.left_out) == (2, ())


@pytest.mark.parametrize("made", [False, True])
def test_without_a_folder_there_is_nothing(tmp_path: Path, made: bool) -> None:
    nowhere = tmp_path / "nowhere"
    if made:
        nowhere.mkdir()

    assert found(NUMPY.step, replay=nowhere).header["replayed"] == {"tried": 0, "left_out": []}


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    assert saved_witnesses(file, TARGET).left_out == (f"{file}: Not a directory",)


def test_each_fate_is_a_line() -> None:
    replays = [
        Replay("agreement/step", "float64", "failed"),
        Replay("agreement/step", "float16", "failed"),
        Replay("bounds/box", "float32", "held"),
        Replay("bounds/between", "float32", "not answered"),
        *(Replay(f"bounds/{i}", "float32", "held") for i in range(4)),
    ]

    assert replay_lines(replays) == (
        "2 of 8 saved witnesses fail again: agreement/step in float16, float64",
        "5 of 8 saved witnesses no longer fail: bounds/0 in float32; bounds/1 in float32; "
        "bounds/2 in float32 "
        "and 2 more",
        "1 of 8 saved witnesses show nothing now, for the target does not answer them or nothing "
        "is claimed: "
        "bounds/between in float32",
    )
