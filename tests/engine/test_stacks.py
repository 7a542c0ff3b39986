"""Runs over cases of stacks: beside those of cells, or alone; and their witnesses."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings

import gruverify
from gruverify import Cell, StackCase, Variant, Witness, float32
from gruverify import strategies as gst
from gruverify.backends import NumpyBackend, backend, completed
from gruverify.engine import (
    CaseJudged,
    Event,
    FormatStarted,
    Tally,
    applicable,
    decode_witness,
    describe,
    encode_witness,
    load_witness,
    save_witness,
)
from gruverify.engine._witness import BadWitness
from gruverify.faults import FAULTS
from gruverify.invariants import INVARIANTS, Residual

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("unexplained")]

NUMPY = NumpyBackend()
ALONE: Any = backend(stack=NUMPY.stack, stack_vjp=NUMPY.stack_vjp, name="stacks alone")
FAULT = "upper-layers-read-the-forward-half-alone"
RESIDUAL = Residual("outputs[t=0][b=0, i=0]", 0.5, 0.25, 0.25, 0.125, 2.0)


def run(target: Any, **options: Any) -> tuple[gruverify.Result, list[Event]]:
    events: list[Event] = []
    options = {"formats": [float32], "max_cases": 9, **options}
    return gruverify.check(target, listener=events.append, **options), events


@pytest.mark.slow
def test_there_is_a_case_of_a_stack_for_every_three_of_a_cell() -> None:
    result, events = run("numpy")

    cases = Counter[str]()
    for (id, _, _), tally in result.tallies.items():
        cases[id] += tally.cases
    assert result.verdict == "conforms"
    assert events[1] == FormatStarted("float32", 12)
    assert [event.number for event in events if isinstance(event, CaseJudged)] == list(range(1, 13))
    everywhere = [
        id for id, i in INVARIANTS.items() if i.of_stacks and i.applies(Variant(bias=False))
    ]
    assert {cases[id] for id in everywhere} == {3}


@pytest.mark.slow
def time_first(stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
    """NumPy's stack, declined where the batch comes first or there is none."""
    if batch_first or inputs.ndim == 2:
        raise NotImplementedError("time first, in a batch")
    return NumpyBackend().stack(stack, inputs, states, lengths, batch_first)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_declined_at_its_turns_is_asked_again(seed: int) -> None:
    target = backend(step=NUMPY.step, stack=time_first, formats=[float32])

    found = gruverify.check(
        target, seed=seed, only=["stack/padding-extremes", "stack/lengths-are-dense"]
    )

    for id, row in found.by_format.items():
        assert row["float32"].judged or row["float32"].unclaimed, id


def test_a_backend_of_stacks_alone_is_judged_as_a_cell_too() -> None:
    result, events = run(ALONE)

    assert result.verdict == "conforms"
    assert result.header["methods"] == [
        "step",
        "step_vjp",
        "sequence",
        "sequence_vjp",
        "stack",
        "stack_vjp",
    ]
    assert events[1] == FormatStarted("float32", 12)
    statuses = statuses_of(result)
    for id, status in statuses.items():
        asked = not INVARIANTS[id].deep and not applicable(INVARIANTS[id], completed(ALONE))
        assert status in ({"passed", "nothing claimed"} if asked else {"not applicable"}), id
    values = (
        "agreement/step",
        "agreement/step-vjp",
        "agreement/outputs",
        "agreement/gradient-state",
        "stack/outputs",
    )
    assert {statuses[id] for id in values} == {"passed"}
    why = "sequence is derived from stack, for which it is checked"
    assert result.tallies["contract/shape-sequence", "float32", "-"].reason == why


@pytest.mark.slow
def test_a_backend_of_taller_stacks_alone_is_judged_by_what_is_said_of_stacks() -> None:
    taller: Any = backend(stack=NUMPY.stack, stack_vjp=NUMPY.stack_vjp, num_layers=2)
    result, events = run(taller)

    assert result.header["methods"] == ["stack", "stack_vjp"]
    assert events[1] == FormatStarted("float32", 9)
    for id, status in statuses_of(result).items():
        # Each layer is asked there as a stack of its own.
        asked = not applicable(INVARIANTS[id], taller) and id != "stack/composition"
        assert status in ({"passed", "nothing claimed"} if asked else {"not applicable"}), id
    assert applicable(INVARIANTS["contract/no-mutation"], taller) == "the backend has stacks alone"


def statuses_of(result: gruverify.Result) -> dict[str, str]:
    """How every invariant fared over all variants."""
    tallies: dict[str, Tally] = {}
    for (id, _, _), tally in result.tallies.items():
        tallies[id] = tallies.get(id, Tally()) + tally
    return {id: tally.status for id, tally in tallies.items()}


def test_a_stack_that_falls_is_shrunk_and_saved_and_read_back(tmp_path: Any) -> None:
    result, _ = run(f"gruverify.faults:{FAULT}", only=["stack/outputs"])
    witness = result.witnesses["stack/outputs", "float32"]

    case = witness.case
    assert isinstance(case, StackCase)
    assert case.stack.layers > 1
    assert case.stack.directions == 2
    save_witness(witness, tmp_path / "w.json")
    assert load_witness(tmp_path / "w.json").case == case
    with pytest.raises(AssertionError, match="stack/outputs"):
        gruverify.assert_holds("stack/outputs", FAULTS[FAULT].build(), case)
    gruverify.assert_holds("stack/outputs", "numpy", case)


def test_the_snippet_repeats_the_failure() -> None:
    result, _ = run(f"gruverify.faults:{FAULT}", only=["stack/last"])

    with pytest.raises(AssertionError, match="stack/last"):
        exec(result.witnesses["stack/last", "float32"].snippet, {})


@settings(max_examples=30)
@given(gst.stack_cases(min_length=0))
def test_every_bit_of_a_case_survives_json(case: StackCase) -> None:
    read = decode_witness(
        json.loads(json.dumps(encode_witness(Witness("t", "stack/last", case, RESIDUAL))))
    ).case

    assert read == case
    assert {n: a.tobytes() for n, a in read.arrays().items()} == {
        n: a.tobytes() for n, a in case.arrays().items()
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"stack": {"lengths": [9], "batch_first": False, "batched": True}},
        {"stack": {"lengths": None, "batch_first": False, "batched": True, "more": 1}},
        {"sizes": {"H": 1, "I": 1, "B": 1, "T": 1, "L": 0, "D": 1}},
        {"sizes": {"H": 1, "I": 1, "B": 1, "T": 1, "L": 2, "D": 1}},
    ],
    ids=["lengths", "more", "no layer", "layers"],
)
def test_a_damaged_witness_says_so(damage: dict[str, Any]) -> None:
    document = encode_witness(Witness("t", "stack/last", smallest(), RESIDUAL))

    with pytest.raises(BadWitness, match="the witness is damaged"):
        decode_witness({**document, **damage})


def test_a_failure_tells_layers_and_directions() -> None:
    text = describe(INVARIANTS["stack/last"], RESIDUAL, smallest())

    assert text.endswith("float32, reset after, keep, no bias, H=1, I=1, B=1, T=1, L=1, D=1")


def test_an_invariant_is_told_which_cases_it_reads() -> None:
    with pytest.raises(ValueError, match="agreement/step reads a Case, and not a StackCase"):
        gruverify.assert_holds("agreement/step", "numpy", smallest())


def smallest() -> StackCase:
    one = float32.cast([[0.5]])
    cell = Cell(Variant(bias=False), *(one.repeat(3, axis=0),) * 2)
    return StackCase(gruverify.Stack(((cell,),)), *(one[None],) * 4)
