"""Conformance tests of a GRU that does not repeat itself: told as that, and not shrunk."""

from __future__ import annotations

import json

import pytest

from gruverify.testing import _unrepeated

from ._runs import inside, one_test, outcomes

#: GRUs that are wrong now and then, and that answer as they did last.
FLAKY = """
import numpy as np
from gruverify.backends import NumpyBackend

NUMPY, RANDOM, LAST = NumpyBackend(), np.random.default_rng(1), {}


def sometimes(cell, x, h):
    return NUMPY.step(cell, x, h) / (2 if RANDOM.random() < 0.3 else 1)


def stale(cell, x, h):
    kind, arguments = (x.shape, h.shape), x.tobytes() + h.tobytes()
    before, LAST[kind] = LAST.get(kind), (arguments, NUMPY.step(cell, x, h))
    return (LAST[kind] if before is None or before[0] == arguments else before)[1].copy()


CALLS = [0]


def tires(cell, x, h):
    CALLS[0] += 1
    return NUMPY.step(cell, x, h) / (2 if 3 < CALLS[0] < 9 else 1)
"""
FEW = ("--gru-formats", "f32", "--gru-profile", "quick", "--gru-only", "agreement/step")


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("sometimes", "the target's answers are random"),
        pytest.param("stale", "the target remembers earlier calls", marks=pytest.mark.uncounted),
    ],
)
def test_it_is_told_with_its_numbers_and_hypothesis_says_nothing_of_it(
    pytester: pytest.Pytester, step: str, why: str
) -> None:
    run = inside(
        pytester, *FEW, "--gru-report", "report", my_gru=FLAKY, test_mine=one_test(f"my_gru:{step}")
    )

    assert outcomes(run) == {"failed": 1}
    shown = run.stdout.str().partition("FAILURES")[2].partition("\n= gruverify")[0]
    assert "agreement/step: h = keep∘h' + take∘c" in shown
    assert f" of 5 calls with the same arguments: {why}" in shown
    assert shown.count("agreement/step: ") == 1
    assert "Flaky" not in shown
    assert "Traceback" not in shown
    found = json.loads((pytester.path / "report/result.json").read_text())
    [flaky] = found["flaky"]
    assert (flaky["invariant"], flaky["calls"]) == ("agreement/step", 5)
    assert {row["id"] for row in found["invariants"] if row["status"] == "falsified"} == {
        "agreement/step",
        "contract/same-bits-step",
    }


def test_what_hypothesis_finds_out_is_told_alike(pytester: pytest.Pytester) -> None:
    run = inside(pytester, *FEW, my_gru=FLAKY, test_mine=one_test("my_gru:tires"))

    assert outcomes(run) == {"failed": 1}
    shown = run.stdout.str().partition("FAILURES")[2].partition("\n= gruverify")[0]
    assert "  flaky    failed in 1 of 2 calls with the same arguments" in shown
    assert "Traceback" not in shown
    assert "Exception Group" not in shown


def test_what_is_expected_to_fall_may_do_so_now_and_then(pytester: pytest.Pytester) -> None:
    (pytester.path / "known.txt").write_text("agreement/step  # dropout\n")

    files = ("--gru-xfails-file", "known.txt")
    run = inside(pytester, *FEW, *files, my_gru=FLAKY, test_mine=one_test("my_gru:sometimes"))

    assert outcomes(run) == {"xfailed": 1}


@pytest.mark.uncounted
def test_what_repeats_is_shrunk_as_ever(pytester: pytest.Pytester) -> None:
    wrong = FLAKY + "\n\ndef step(cell, x, h):\n    return NUMPY.step(cell, x, h) / 2\n"

    run = inside(pytester, *FEW, my_gru=wrong, test_mine=one_test("my_gru:step"))

    assert "H=1, I=1, B=1, T=1" in run.stdout.str()
    assert "flaky" not in run.stdout.str()


def test_any_other_failure_is_its_own() -> None:
    assert _unrepeated.unrepeated_message(None, ValueError("no"), "float32") == ""  # type: ignore[arg-type]
