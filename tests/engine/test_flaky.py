"""What does not fail in every call with the same arguments is called flaky, and is not shrunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Gradients, Result, check, float32, float64
from gruverify.backends import NumpyBackend
from gruverify.engine import (
    CaseJudged,
    Event,
    FirstFailure,
    Flaky,
    NotRepeated,
    Plan,
    Shrinking,
    check_in_processes,
    selection,
)

pytestmark = pytest.mark.uncounted

NUMPY = NumpyBackend()
SAME = "contract/same-bits-step"
Step = Callable[[Any, Any, Any], Any]


def wrong_when(is_wrong: Callable[[int], bool]) -> Step:
    """A step that is wrong at the calls with those numbers, from 1."""
    calls = 0

    def step(cell: Any, x: Any, h: Any) -> Any:
        nonlocal calls
        calls += 1
        return NUMPY.step(cell, x, h) / (2 if is_wrong(calls) else 1)

    return step


def randomly() -> Step:
    """A step that is wrong in three of ten calls."""
    generator = np.random.default_rng(3)
    return wrong_when(lambda call: generator.random() < 0.3)


def stale() -> Step:
    """A step that answers as it did last, if the arguments have the same shapes and other
    numbers.
    """
    last: dict[Any, tuple[bytes, Any]] = {}

    def step(cell: Any, x: Any, h: Any) -> Any:
        kind, arguments = (x.shape, h.shape), x.tobytes() + h.tobytes()
        before, last[kind] = last.get(kind), (arguments, NUMPY.step(cell, x, h))
        return (last[kind] if before is None or before[0] == arguments else before)[1].copy()

    return step


def found(step: Step, **options: Any) -> Result:
    """What a short run in float32 finds."""
    return check(step, **{"formats": "f32", "max_cases": 12, "only": ["agreement"], **options})


def manners(result: Result) -> set[str]:
    """Why what failed does not repeat."""
    return {flaky.manner for flaky in result.flaky.values()}


@pytest.mark.parametrize(
    ("step", "manner"),
    [
        pytest.param(randomly, "random", id="random"),
        pytest.param(stale, "remembers", id="a stale cache"),
        pytest.param(
            lambda: wrong_when(lambda call: call % 2 == 0), "random", id="every second call"
        ),
        pytest.param(
            lambda: wrong_when(lambda call: call % 3 == 0), "random", id="every third call"
        ),
        pytest.param(
            lambda: wrong_when(lambda call: call % 5 == 0), "random", id="every fifth call"
        ),
        pytest.param(lambda: wrong_when(lambda call: call == 9), "once", id="one call"),
    ],
)
def test_a_failure_that_does_not_repeat_is_told_right(
    step: Callable[[], Step], manner: str
) -> None:
    result = found(step())

    assert manners(result) == {manner}
    assert result.verdict == "falsified"
    for (id, _), flaky in result.flaky.items():
        assert id.startswith("agreement/")
        assert 1 <= flaky.failed < flaky.calls == 5
        assert f"failed in {flaky.failed} of 5 calls with the same arguments" in flaky.text


def test_it_is_told_after_the_case_and_before_anything_is_shrunk() -> None:
    events = list[Event]()

    result = found(randomly(), listener=events.append)

    kinds = [type(event) for event in events]
    told = kinds.index(NotRepeated)
    assert FirstFailure in kinds[:told]
    assert CaseJudged not in kinds[kinds.index(FirstFailure) : told]
    assert Shrinking not in kinds
    # The witness is the case that was drawn, with its own numbers.
    assert max(max(witness.case.sizes.values()) for witness in result.witnesses.values()) > 1


@pytest.mark.thinned
@pytest.mark.parametrize("step", [randomly, stale])
@pytest.mark.parametrize(
    "options", [{}, {"only": ["agreement/step"]}, {"only": [], "skip": ["contract", "numerics"]}]
)
def test_the_same_bits_are_reported_whatever_was_selected(
    step: Callable[[], Step], options: Any
) -> None:
    result = found(step(), **options)

    rows = {key: tally for key, tally in result.tallies.items() if key[0] == SAME}
    assert {tally.status for tally in rows.values()} == {"falsified"}
    assert all("of 5 calls with the same arguments" in tally.reason for tally in rows.values())


def test_same_bits_that_are_expected_to_differ_are_no_failure(tmp_path: Any) -> None:
    file = tmp_path / "xfails.txt"
    file.write_text(f"{SAME}  # dropout\n")

    result = found(randomly(), xfails_files=[file])

    assert {tally.status for (id, *_), tally in result.tallies.items() if id == SAME} == {"xfailed"}


def test_what_fails_in_every_call_is_not_flaky_and_is_shrunk() -> None:
    result = found(wrong_when(lambda call: True))

    assert result.flaky == {}
    assert {tuple(witness.case.sizes.values()) for witness in result.witnesses.values()} == {
        (1, 1, 1, 1)
    }
    assert not any(id == SAME for id, *_ in result.tallies)


def test_a_right_step_is_asked_nothing_more() -> None:
    calls = 0

    def step(cell: Any, x: Any, h: Any) -> Any:
        nonlocal calls
        calls += 1
        return NUMPY.step(cell, x, h)

    result = found(step, only=["agreement/step"])

    assert (result.flaky, result.verdict, calls) == ({}, "conforms", 12)


def test_it_names_the_method_that_returns_other_bits() -> None:
    class Random(NumpyBackend):
        """Gradients of the sequence are wrong now and then."""

        generator = np.random.default_rng(5)

        def sequence_vjp(
            self, cell: Any, inputs: Any, state: Any, d_outputs: Any, d_last: Any
        ) -> Gradients:
            right = super().sequence_vjp(cell, inputs, state, d_outputs, d_last)
            if self.generator.random() < 0.4:
                right = replace(right, weight_ih=right.weight_ih / 2, weight_hh=right.weight_hh / 2)
            return right

    result = found(Random(), only=["agreement/gradient-*"], max_cases=4)  # type: ignore[arg-type]

    assert result.flaky
    failed = {
        id
        for (id, *_), tally in result.tallies.items()
        if tally.falsified and id.startswith("contract/")
    }
    assert failed == {"contract/same-gradient-bits"}


def test_nothing_that_is_flaky_is_called_less_accurate_or_explained() -> None:
    result = found(randomly())

    assert result.lesser == {"float32": None}
    assert (result.less_accurate, result.explanation) == ((), "")


@pytest.mark.slow
def test_what_comes_only_after_other_calls_is_found_out_in_a_new_process(planted: str) -> None:
    plan = Plan(formats=(float32, float64), max_cases=6, selection=selection(only=["agreement"]))

    result = check_in_processes(f"{planted}:forever", plan, 2, lambda event: None)

    assert manners(result) == {"remembers"}
    assert {fmt for _, fmt in result.flaky} == {"float32", "float64"}
    [text] = {flaky.text for flaky in result.flaky.values()}
    assert text.startswith(
        "failed in 5 of 10 calls with the same arguments: the target remembers earlier calls"
    )
    assert {tally.status for (id, *_), tally in result.tallies.items() if id == SAME} == {
        "falsified"
    }


def test_what_fails_in_a_new_process_too_is_not_flaky(planted: str) -> None:
    plan = Plan(formats=(float32,), max_cases=4, selection=selection(only=["agreement"]))

    assert check_in_processes(f"{planted}:halved", plan, 1, lambda event: None).flaky == {}


def test_two_parts_of_a_run_add_up() -> None:
    one, other = Flaky(2, 5, "remembers", "so"), Flaky(1, 5, "random", "or so")

    assert one + other == other + one == Flaky(3, 10, "random", "or so")
    assert one + (one + other) == (one + one) + other
    assert one + one == Flaky(4, 10, "remembers", "so")
