"""A run: which cases, how many, when it ends, what it tells."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import FORMATS, Case, Result, Variant, backend, bfloat16, float16, float32, float64
from gruverify.backends import NumpyBackend
from gruverify.engine import (
    Alive,
    CaseJudged,
    Event,
    FormatFinished,
    FormatStarted,
    Plan,
    RunStarted,
    Shrinking,
    Shrunk,
    SoFar,
    require,
    run,
    selection,
)
from gruverify.engine._plan import _version

from ._drawn import plain

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("unexplained")]

NUMPY = NumpyBackend()
#: Events of which there are as many as the clock says.
CLOCKED = (Alive, SoFar)
#: What calls a step once a case.
ONCE = ["agreement/step"]
#: What is quick to ask, and fails where a step is wrong.
SOME = ["agreement", "bounds"]


def inverted(cell: Any, x: Any, h: Any) -> Any:
    """A wrong step."""
    return -NUMPY.step(cell, x, h)


def cases_of(result: Result, id: str) -> dict[str, int]:
    """Cases of an invariant by format."""
    counts: Counter[str] = Counter()
    for (of, fmt, _), tally in result.tallies.items():
        counts[fmt] += tally.cases if of == id else 0
    return dict(counts)


# -- determinism -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["numpy", backend(step=inverted)], ids=["right", "wrong"])
def test_the_same_seed_gives_the_same_result_and_events_whatever_the_random_state(
    target: Any,
) -> None:
    runs = []
    for disturbance in (1, 2):
        random.seed(disturbance)
        events: list[Event] = []
        result = gruverify.check(
            target, seed=3, max_cases=6, formats=[float32], listener=events.append, only=SOME
        )
        seen = [type(event) for event in events if not isinstance(event, CLOCKED)]
        runs.append((plain(replace(result, seconds=0.0, cpu=0.0)), seen))

    assert runs[0] == runs[1]


def test_the_random_state_of_the_user_is_not_disturbed() -> None:
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.rand()

    random.seed(7)
    np.random.seed(7)
    gruverify.check(backend(step=inverted), max_cases=3, formats=[float32], only=ONCE)

    assert (random.random(), np.random.rand()) == expected


def seen(seed: int, *formats: gruverify.Format, cases: int = 8) -> list[Case]:
    """The cases of a run, in order."""
    found: list[Case] = []

    def spy(cell: Any, x: Any, h: Any) -> Any:
        found.append((cell.weight_hh.tolist(), h.tolist(), h.dtype))  # type: ignore[arg-type]
        return NUMPY.step(cell, x, h)

    gruverify.check(backend(step=spy), seed=seed, formats=formats, max_cases=cases, only=ONCE)
    return found


def test_another_seed_draws_other_cases() -> None:
    assert seen(1, float32) != seen(2, float32)


def test_a_formats_cases_do_not_depend_on_which_other_formats_are_run() -> None:
    both = seen(1, float16, float32)

    assert both == seen(1, float16) + seen(1, float32)


def test_more_cases_begin_with_the_same_ones() -> None:
    few, many = seen(1, float32, cases=5), seen(1, float32, cases=8)

    assert many[: len(few)] == few


def test_formats_and_patterns_may_be_given_by_name() -> None:
    result = gruverify.check("numpy", formats="f32, float64", max_cases=1, only="bounds")

    assert result.header["formats"] == ["float32", "float64"]
    assert {id for id, _, _ in result.tallies if id.startswith("bounds/")} == {
        id for id, _, _ in result.tallies
    }


def test_a_format_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="format='f31' is unknown: choose from float16"):
        gruverify.check("numpy", formats=["f31"])


# -- how much --------------------------------------------------------------------------------------


def test_max_cases_is_the_number_of_cases_in_every_format() -> None:
    result = gruverify.check("numpy", max_cases=3, only=SOME)

    assert cases_of(result, "agreement/step") == {fmt.name: 3 for fmt in FORMATS}
    assert result.verdict == "conforms"


@pytest.mark.parametrize(("profile", "cases"), [("quick", 25), ("default", 40), ("deep", 2000)])
def test_a_profile_is_a_number_of_cases(profile: str, cases: int) -> None:
    assert Plan(profile=profile).cases == cases
    assert Plan(profile=profile, max_cases=2).cases == 2


def test_a_profile_is_run() -> None:
    alone = backend(step=NUMPY.step)
    result = gruverify.check(alone, profile="quick", formats=[bfloat16], only=ONCE)

    assert cases_of(result, "agreement/step") == {"bfloat16": 25}


def test_formats_are_run_in_the_backends_order_and_once() -> None:
    result = gruverify.check("numpy", max_cases=1, formats=[float64, float16, float64], only=ONCE)

    assert result.header["formats"] == ["float16", "float64"]


def test_only_the_claimed_variants_and_sizes_are_drawn() -> None:
    sizes: set[tuple[int, int]] = set()

    def step(cell: Any, x: Any, h: Any) -> Any:
        sizes.add((x.shape[1], h.shape[1]))
        return NUMPY.step(cell, x, h)

    claims = replace(
        backend(step=step, variants=[Variant("before", bias=False)]), hidden_size=5, input_size=2
    )
    result = gruverify.check(claims, max_cases=5, formats=[float32], only=SOME)

    assert sizes == {(2, 5)}
    assert {variant for _, _, variant in result.tallies} == {"reset before, keep, no bias", "-"}


def test_what_speaks_of_no_claimed_variant_is_not_applicable() -> None:
    result = gruverify.check(Unbiased(), max_cases=1, formats=[float32])

    tally = result.tallies["agreement/gradient-bias_ih-reset", "float32", "-"]
    assert (tally.status, tally.reason) == (
        "not applicable",
        "the backend claims no variant that it speaks of",
    )
    assert result.verdict == "conforms"


class Unbiased(NumpyBackend):
    """Without biases."""

    variants = (Variant(bias=False),)


def test_what_needs_a_method_that_is_missing_is_not_applicable() -> None:
    result = gruverify.check(backend(step=NUMPY.step), max_cases=1, formats=[float32])

    tally = result.tallies["agreement/last", "float32", "-"]
    assert (tally.status, tally.reason) == ("not applicable", "the backend has no sequence")


# -- the time budget -------------------------------------------------------------------------------


class Clock:
    """Time that passes when a step is computed: a second each."""

    now = 0.0
    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        self.now += 1
        return NUMPY.step(cell, x, h)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    told = SimpleNamespace(monotonic=made.monotonic, process_time=time.process_time)
    for module in ("_run", "_pace"):
        monkeypatch.setattr(f"gruverify.engine.{module}.time", told)
    return made


def test_no_case_is_judged_once_the_time_is_over(clock: Clock) -> None:
    result = gruverify.check(
        backend(step=clock.step), time_budget=4.5, formats=[float32], max_cases=30, only=ONCE
    )

    assert cases_of(result, "agreement/step") == {"float32": 5}
    assert result.seconds == clock.now
    assert result.doubts == ("float32: 5 of 30 cases of cells judged: time was up",)


def test_no_case_is_drawn_once_the_time_is_over(clock: Clock) -> None:
    gruverify.check(
        backend(step=clock.step), time_budget=4.5, formats=[float32], max_cases=5000, only=ONCE
    )

    assert clock.looks < 500


def test_formats_share_the_time(clock: Clock) -> None:
    result = gruverify.check(
        backend(step=clock.step),
        time_budget=4.5,
        formats=[float16, float32],
        max_cases=5,
        only=ONCE,
    )

    assert cases_of(result, "agreement/step") == {"float16": 3, "float32": 2}
    assert result.verdict == "inconclusive"


def test_enough_time_changes_nothing(clock: Clock) -> None:
    result = gruverify.check(
        backend(step=clock.step), time_budget=1e9, formats=[float32], max_cases=6, only=ONCE
    )

    assert cases_of(result, "agreement/step") == {"float32": 6}


# -- events ----------------------------------------------------------------------------------------


def test_events_of_a_right_backend() -> None:
    events: list[Event] = []
    gruverify.check(
        backend(step=NUMPY.step), max_cases=2, formats=[float16, float32], listener=events.append
    )

    events = [event for event in events if not isinstance(event, CLOCKED)]
    assert isinstance(events[0], RunStarted)
    assert events[0].header["formats"] == ["float16", "float32"]
    for fmt, (start, one, two, end) in zip(
        ("float16", "float32"), (events[1:5], events[5:]), strict=True
    ):
        assert start == FormatStarted(fmt, 2)
        assert (one, two) == (CaseJudged(fmt, 1, ()), CaseJudged(fmt, 2, ()))
        assert isinstance(end, FormatFinished)
        assert {of for _, of, _ in end.part.tallies} == {fmt}


def test_events_of_a_wrong_backend_tell_what_fell_first_and_what_it_shrank_to() -> None:
    events: list[Event] = []
    result = gruverify.check(
        backend(step=inverted), max_cases=4, formats=[float32], listener=events.append, only=SOME
    )

    failed = [id for event in events if isinstance(event, CaseJudged) for id in event.falsified]
    assert len(failed) == len(set(failed)) > 0
    # What was found for one serves the others that it falsifies.
    shrunk = [event.invariant for event in events if isinstance(event, Shrinking)]
    assert shrunk[0] == failed[0]
    assert set(shrunk) <= set(failed)
    assert [event.witness for event in events if isinstance(event, Shrunk)] == list(
        result.witnesses.values()
    )
    assert isinstance(events[-1], FormatFinished)


# -- stopping --------------------------------------------------------------------------------------


def test_ctrl_c_between_cases_keeps_what_there_is() -> None:
    def listener(event: Event) -> None:
        if event == CaseJudged("float16", 3, ()):
            raise KeyboardInterrupt

    result = gruverify.check("numpy", max_cases=9, listener=listener, only=SOME)

    assert cases_of(result, "agreement/step") == {"float16": 3}
    assert (result.complete, result.verdict) == (False, "interrupted")


def test_ctrl_c_inside_the_backend_keeps_what_there_is() -> None:
    calls = iter(range(99))

    def step(cell: Any, x: Any, h: Any) -> Any:
        if next(calls) == 4:
            raise KeyboardInterrupt
        return NUMPY.step(cell, x, h)

    result = gruverify.check(backend(step=step), max_cases=9, only=ONCE)

    assert cases_of(result, "agreement/step") == {"float16": 4}
    assert result.verdict == "interrupted"


def test_ctrl_c_while_shrinking_keeps_what_fell() -> None:
    def listener(event: Event) -> None:
        if isinstance(event, Shrinking):
            raise KeyboardInterrupt

    result = gruverify.check(
        backend(step=inverted), max_cases=4, formats=[float32], listener=listener
    )

    assert any(tally.falsified for tally in result.tallies.values())
    assert result.verdict == "interrupted"


def test_a_run_can_be_stopped_from_outside() -> None:
    events: list[Event] = []
    plan = Plan(max_cases=9, selection=selection(only=SOME))

    def note(event: Event) -> None:
        if not isinstance(event, CLOCKED):
            events.append(event)

    result = run(NUMPY, plan, "numpy", note, stopped=lambda: len(events) >= 4)

    assert cases_of(result, "agreement/step") == {"float16": 2}
    assert not result.complete


# -- the backend's own setting up and down ---------------------------------------------------------


class Ordered(NumpyBackend):
    """Notes what is called."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def seed(self, number: int) -> None:
        self.calls.append(number)

    def step(self, cell: Any, x: Any, h: Any) -> Any:
        self.calls.append("step")
        return super().step(cell, x, h)

    def close(self) -> None:
        self.calls.append("close")


def test_a_backend_is_seeded_before_and_closed_after() -> None:
    target = Ordered()
    gruverify.check(target, seed=11, max_cases=2, formats=[float32], only=ONCE)

    first, *steps, last = target.calls
    assert (first, last) == (11, "close")
    assert set(steps) == {"step"}


def test_a_backend_is_closed_after_ctrl_c_too() -> None:
    def listener(event: Event) -> None:
        raise KeyboardInterrupt

    target = Ordered()
    gruverify.check(target, listener=listener)

    assert target.calls == ["close"]  # no format was begun, of which it is seeded


# -- what it was -----------------------------------------------------------------------------------


def test_the_header_says_all_that_is_needed_to_repeat_the_run() -> None:
    header = gruverify.check("numpy", seed=4, max_cases=2, formats=[float32], only=ONCE).header

    assert header["target"] == header["backend"] == "numpy"
    assert (header["seed"], header["profile"], header["cases"]) == (4, "default", 2)
    assert header["formats"] == ["float32"]
    assert {"python", "numpy", "hypothesis", "ml_dtypes"} <= set(header["versions"])


def test_a_result_calls_the_target_by_the_name_that_it_is_told() -> None:
    short: Any = {"max_cases": 1, "formats": [float32], "only": ONCE}

    assert gruverify.check(NUMPY, **short).header["target"] == "numpy"
    assert gruverify.check(NUMPY, **short, name="mine").header["target"] == "mine"


@pytest.fixture
def versions_are_looked_up() -> Iterator[None]:
    """Forget the versions that were found before the test, and those that it makes up."""
    _version.cache_clear()
    yield
    _version.cache_clear()


@pytest.mark.usefixtures("versions_are_looked_up")
def test_a_version_that_cannot_be_found_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def version(package: str) -> str:
        if package == "torch":
            raise importlib.metadata.PackageNotFoundError
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    short: Any = {"max_cases": 1, "formats": [float32], "only": ONCE}
    versions = gruverify.check("numpy", **short).header["versions"]

    assert "torch" not in versions
    assert versions["numpy"] == "1"


@pytest.mark.usefixtures("versions_are_looked_up")
def test_a_target_of_another_library_shows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    from gruverify.engine import versions

    monkeypatch.setattr(importlib.metadata, "version", lambda package: "1")

    assert {"dm-haiku", "jax"} <= set(versions("haiku"))
    assert "jax" not in versions("numpy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"profile": "slow"},
            "profile='slow' is unknown: choose from quick, default, deep",
            id="profile",
        ),
        pytest.param({"max_cases": 0}, "max_cases=0 must be at least 1", id="cases"),
        pytest.param({"seed": -1}, "seed=-1 must not be negative", id="seed"),
        pytest.param(
            {"time_budget": 0.0}, "time_budget=0.0 must be more than 0 seconds", id="no time"
        ),
        pytest.param(
            {"time_budget": float("nan")}, "time_budget=nan must be more than 0 seconds", id="nan"
        ),
        pytest.param(
            {"formats": []}, "claims none of the formats []: it has float32", id="no format"
        ),
        pytest.param(
            {"formats": [float16, float64]},
            "claims none of the formats float16, float64: it has float32",
            id="formats",
        ),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    target = backend(step=NUMPY.step, name="step", formats=[float32])

    with pytest.raises(ValueError, match=re.escape(message)):
        gruverify.check(target, **options)


def test_a_sensible_plan_is_accepted() -> None:
    assert (
        require(
            Plan(profile="deep", formats=(float32,), seed=1, max_cases=1, time_budget=0.1), NUMPY
        )
        is None
    )
