"""What follows from what a backend offers: a step from a sequence, a sequence from a stack."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Variant, float32
from gruverify.backends import NumpyBackend, backend, completed, derived_methods, offers, resolve
from gruverify.cell import Stack, masks_of
from gruverify.engine import applicable, judge
from gruverify.invariants import INVARIANTS

from ..invariants._built import a_case

RIGHT = NumpyBackend()
CASE = a_case()
STACKS = {"stack": RIGHT.stack, "stack_vjp": RIGHT.stack_vjp}
EVERYTHING = {
    "sequence": "stack",
    "sequence_vjp": "stack_vjp",
    "step": "sequence",
    "step_vjp": "sequence_vjp",
}


class Stacks:
    """Stacks alone, of one shape, which are called as they are declared."""

    name, variants, formats = "stacks", [Variant()], [float32]

    def __init__(self, **declared: Any) -> None:
        vars(self).update(declared)

    def stack(self, stack: Any, inputs: Any, states: Any, lengths: Any, batch_first: bool) -> Any:
        assert batch_first == getattr(self, "batch_first", False)
        return RIGHT.stack(stack, inputs, states, lengths, batch_first)

    def stack_vjp(
        self,
        stack: Any,
        inputs: Any,
        states: Any,
        lengths: Any,
        batch_first: bool,
        *cotangents: Any,
    ) -> Any:
        assert batch_first == getattr(self, "batch_first", False)
        return RIGHT.stack_vjp(stack, inputs, states, lengths, batch_first, *cotangents)


def alike(one: Any, other: Any) -> bool:
    parts = zip(vars(one).values(), vars(other).values(), strict=True)
    return all((a is None and b is None) or np.array_equal(a, b) for a, b in parts)


@pytest.mark.parametrize(
    "declared", [{}, {"batch_first": True}, {"num_layers": 1, "bidirectional": False}], ids=str
)
@pytest.mark.parametrize("variant", [Variant(), Variant("before", bias=False)], ids=str)
def test_everything_follows_from_a_stack(declared: dict[str, Any], variant: Variant) -> None:
    found: Any = completed(Stacks(**declared))
    case = a_case(variant=variant)
    arguments = case.cell, case.inputs, case.state
    assert derived_methods(found) == EVERYTHING
    for mine, theirs in zip(found.sequence(*arguments), RIGHT.sequence(*arguments), strict=True):
        assert np.array_equal(mine, theirs)
    assert np.array_equal(
        found.sequence(case.cell, case.inputs, None)[1],
        RIGHT.sequence(case.cell, case.inputs, None)[1],
    )
    assert np.array_equal(
        found.step(case.cell, case.inputs[0], case.state),
        RIGHT.step(case.cell, case.inputs[0], case.state),
    )
    for cotangents in ((case.d_outputs, case.d_last), (None, case.d_last), (case.d_outputs, None)):
        assert alike(
            found.sequence_vjp(*arguments, *cotangents), RIGHT.sequence_vjp(*arguments, *cotangents)
        )
    one = case.cell, case.inputs[0], case.state, case.d_last
    assert alike(found.step_vjp(*one), RIGHT.step_vjp(*one))


@pytest.mark.parametrize(
    "declared", [{"num_layers": 2}, {"bidirectional": True}, {"num_layers": "two"}], ids=str
)
def test_nothing_follows_from_stacks_of_another_shape(declared: dict[str, Any]) -> None:
    given = Stacks(**declared)
    assert completed(given) is given
    assert derived_methods(given) == {}


def test_no_step_follows_from_sequences_that_must_be_longer() -> None:
    assert derived_methods(completed(Stacks(min_length=2))).keys() == {"sequence", "sequence_vjp"}


def test_a_backend_that_has_everything_is_itself() -> None:
    assert completed(RIGHT) is RIGHT


def test_everything_else_is_the_backends_own() -> None:
    given = Stacks(hidden_size=3, close=lambda: "closed")
    found: Any = copy.copy(completed(given))
    assert (found.name, found.hidden_size, found.close()) == ("stacks", 3, "closed")
    assert not offers(found, "step_jacobian")


def test_whoever_has_a_sequence_alone_is_asked_what_is_said_of_a_step() -> None:
    found = resolve(backend(sequence=RIGHT.sequence, sequence_vjp=RIGHT.sequence_vjp))
    judged = {j.invariant.id: j.tally for j in judge(CASE, found, INVARIANTS.values())}
    assert judged["agreement/step"].passed
    assert judged["agreement/step-vjp"].passed
    assert [
        id for id, tally in judged.items() if tally.falsified or tally.error or tally.blocked
    ] == []


def test_duties_are_not_asked_of_a_derived_method_again() -> None:
    found = resolve(backend(sequence=RIGHT.sequence))
    assert (
        applicable(INVARIANTS["contract/layout-step"], found)
        == "step is derived from sequence, for which it is checked"
    )
    assert (
        applicable(INVARIANTS["contract/shape-step"], found)
        == "step is derived from sequence, for which it is checked"
    )
    assert applicable(INVARIANTS["contract/layout"], found) == ""


def test_catches_a_sequence_that_is_wrong_for_one_step() -> None:
    def squeezed(cell: Any, inputs: Any, state: Any) -> Any:
        outputs, last = RIGHT.sequence(cell, inputs, state)
        return (outputs, last) if len(inputs) > 1 else (0 * outputs, 0 * last)

    judged = {
        j.invariant.id: j
        for j in judge(CASE, resolve(backend(sequence=squeezed)), INVARIANTS.values())
    }
    assert judged["agreement/outputs"].tally.passed
    assert judged["agreement/step"].tally.falsified


def test_a_sequence_that_raises_is_one_root_cause() -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("always")

    judged = {
        j.invariant.id: j.tally
        for j in judge(CASE, resolve(backend(sequence=broken)), INVARIANTS.values())
    }
    assert [id for id, tally in judged.items() if tally.error] == ["contract/shape-sequence"]
    assert judged["agreement/step"].cause == "contract/shape-sequence"


def test_a_sequence_that_raises_for_one_step_is_said_of_the_step() -> None:
    def broken(cell: Any, inputs: Any, state: Any) -> Any:
        if len(inputs) == 1:
            raise ZeroDivisionError("one step")
        return RIGHT.sequence(cell, inputs, state)

    judged = {
        j.invariant.id: j.tally
        for j in judge(CASE, resolve(backend(sequence=broken)), INVARIANTS.values())
    }
    assert judged["agreement/outputs"].passed
    assert judged["agreement/step"].error


@pytest.mark.uncounted
def test_a_target_of_sequences_conforms_as_one_of_steps_too() -> None:
    result = gruverify.check(
        backend(sequence=RIGHT.sequence, name="sequences"), formats=[float32], max_cases=10
    )
    assert result.verdict == "conforms"
    assert any(
        id == "agreement/step" and tally.passed for (id, _, _), tally in result.tallies.items()
    )


@pytest.mark.parametrize("method", ["sequence_masked", "sequence_restarted"])
def test_everything_follows_from_a_masked_sequence(method: str) -> None:
    pulled = f"{method}_vjp"
    made = backend(**{name: getattr(RIGHT, name) for name in (method, pulled)})
    found: Any = completed(made)
    assert derived_methods(found) == {
        "sequence": method,
        "sequence_vjp": pulled,
        "step": "sequence",
        "step_vjp": "sequence_vjp",
    }
    arguments = CASE.cell, CASE.inputs, CASE.state
    for mine, theirs in zip(found.sequence(*arguments), RIGHT.sequence(*arguments), strict=True):
        assert np.array_equal(mine, theirs)
    gradients = [id for id in INVARIANTS if id.startswith("agreement/gradient-")]
    judgements = list(judge(CASE, found, [INVARIANTS[id] for id in gradients]))
    assert judgements
    assert all(judgement.tally.passed for judgement in judgements)
    # What agrees with itself is not a finding.
    trivial = {"sequence_masked": "masks/nothing-skipped"}.get(method, "masks/nothing-restarted")
    (judgement,) = judge(CASE, found, [INVARIANTS[trivial]])
    assert judgement.tally.declined
    assert "derived from" in judgement.tally.reason


def test_runs_with_one_kind_of_marks_follow_from_those_with_both() -> None:
    methods = "sequence_marked", "sequence_marked_vjp"
    found: Any = completed(backend(**{name: getattr(RIGHT, name) for name in methods}))
    keep, given = masks_of(CASE), (CASE.cell, CASE.inputs, CASE.state)

    for method in ("sequence_masked", "sequence_restarted"):
        for end, more in (("", ()), ("_vjp", (None, CASE.d_last))):
            assert derived_methods(found)[method + end] == f"sequence_marked{end}"
            mine, theirs = (getattr(of, method + end)(*given, keep, *more) for of in (found, RIGHT))
            assert repr(mine) == repr(theirs)
    (judgement,) = judge(CASE, found, [INVARIANTS["masks/both-is-each"]])
    assert judgement.tally.declined


def test_everything_follows_from_a_stack_with_a_mask() -> None:
    methods = "stack_masked", "stack_masked_vjp"
    found: Any = completed(backend(**{name: getattr(RIGHT, name) for name in methods}))
    one, lengths = Stack(((CASE.cell,) * 2,)), np.arange(CASE.inputs.shape[1])
    given = one, CASE.inputs.swapaxes(0, 1).copy(), None, lengths, True

    assert derived_methods(found)["stack"] == "stack_masked"
    assert {"step", "step_vjp", "sequence", "sequence_vjp"} <= derived_methods(found).keys()
    assert repr(found.stack(*given)) == repr(RIGHT.stack(*given))
    d_outputs = np.ones_like(RIGHT.stack(*given)[0])
    mine, theirs = (of.stack_vjp(*given, d_outputs, None) for of in (found, RIGHT))
    assert repr(mine) == repr(theirs)
