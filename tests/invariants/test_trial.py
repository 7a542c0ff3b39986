"""What a backend is observed to return: each method called once, over copies, and shared by all
invariants.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Case, Variant, float64
from gruverify.backends import CELL_METHODS, DIRECTIONAL_METHODS, NumpyBackend, backend
from gruverify.engine import applicable, judge_trial, trial_of
from gruverify.invariants import INVARIANTS, Change, Invariant, Observed, Trial
from gruverify.invariants.core._residual import compare

from ._built import a_case
from ._counting import Counting
from ._drawn import drawn_stacks
from ._faulty import Faulty

CASE = a_case()
[STACK] = drawn_stacks(float64, [Variant()], 1)

READ = {
    "step": "step",
    "step_jacobian": "step_jacobian",
    "step_vjp": "step_vjp",
    "sequence": "sequence",
    "sequence_vjp": "sequence_vjp",
    "sequence_vjp_of_last": "sequence_vjp",
    "sequence_vjp_of_outputs": "sequence_vjp",
    "sequence_jvp": "sequence_jvp",
    "sequence_hvp": "sequence_hvp",
    "sequence_hvp_reverse": "sequence_hvp_reverse",
}


@pytest.mark.parametrize("quantity", READ)
def test_observed_quantity_is_asked_for_once(quantity: str) -> None:
    counting = Counting()
    observed = Observed(CASE, counting)
    assert getattr(observed, quantity) is getattr(observed, quantity)
    assert counting.calls == {READ[quantity]: 1}


class Unchanged(Trial):
    """A trial that has no other case to offer."""

    def on(self, change: Change) -> Trial:
        raise NotImplementedError


def asks_of_another_case(entry: Invariant) -> bool:
    try:
        list(entry.check(Unchanged(CASE, Counting())))
    except NotImplementedError:
        return True
    return False


@pytest.mark.uncounted
def test_invariants_share_what_is_observed() -> None:
    counting = Counting()
    anew = (
        "agreement/decomposition",
        "gradient/after-another",
        "gradient/chunks",
        "gradient/truncated",
        "gradient/jvp-homogeneous",
    )
    of_cells = [entry for entry in INVARIANTS.values() if not entry.of_stacks]
    duties = {entry.id for entry in of_cells if entry.family == "contract" and entry.asks_more}
    sharing = [
        entry
        for entry in of_cells
        if entry.id not in (*anew, *duties) and not asks_of_another_case(entry)
    ]
    offered = [method for method in CELL_METHODS if callable(getattr(counting, method))]
    counting.calls.clear()
    for entry in sharing:
        list(entry.check(Trial(CASE, counting)))
    apart = counting.calls.total()
    counting.calls.clear()
    trial = Trial(CASE, counting)
    for entry in sharing:
        list(entry.check(trial))
    looked_up = len(
        set(offered) - set(DIRECTIONAL_METHODS)
    )  # contract/no-mutation asks what there is
    assert counting.calls.total() == len(READ) + looked_up
    assert apart > 4 * counting.calls.total()


def mirrored(case: Case) -> Case:
    return replace(case, state=-case.state)


def test_invariants_share_changed_cases() -> None:
    trial = Trial(CASE, NumpyBackend())
    assert trial.on(mirrored) is trial.on(mirrored)
    assert np.array_equal(trial.on(mirrored).case.state, -CASE.state)
    assert trial.on(lambda case: case) is trial


@pytest.mark.uncounted
def test_what_a_trial_found_is_freed_with_it() -> None:
    # Of a large cell that is as much as ten cases of it: no garbage is collected in between.
    gc.disable()
    try:
        trial = Trial(CASE, NumpyBackend())
        for invariant in INVARIANTS.values():
            if not invariant.of_stacks and not applicable(invariant, trial.backend):
                list(invariant.check(trial))
        gone = weakref.ref(trial)
        del trial
        assert gone() is None
    finally:
        gc.enable()


def _declines(*_: object) -> object:
    raise NotImplementedError("not here")


def _raises(*_: object) -> object:
    try:
        raise KeyError("the first")
    except KeyError as first:
        raise ValueError("the second") from first


def _returns_nonsense(*_: object) -> object:
    return "nonsense"


@pytest.mark.parametrize("answer", [_declines, _raises, _returns_nonsense])
def test_what_stands_in_the_way_does_not_keep_it(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An exception holds the frames that it passes, and these the trial that keeps the exception.
    monkeypatch.setattr(NumpyBackend, "stack", answer)
    monkeypatch.setattr(NumpyBackend, "sequence", answer)
    gc.disable()
    try:
        for case in (CASE, STACK):
            trial = trial_of(case, NumpyBackend())
            found = list(judge_trial(trial, INVARIANTS.values()))
            assert any(judgement.obstacle for judgement in found)
            gone = weakref.ref(trial)
            del trial
            assert gone() is None
    finally:
        gc.enable()


def test_called_anew_means_called_anew() -> None:
    counting = Counting()
    observed = Observed(CASE, counting)
    observed.fresh_answer("step")
    observed.fresh_answer("step")
    observed.fresh_answer("sequence")
    observed.fresh_answer("sequence")
    observed.fresh_answer("sequence_vjp", d_outputs=None)
    observed.fresh_answer("sequence_vjp", d_outputs=CASE.d_outputs)
    assert counting.calls == {"step": 2, "sequence": 2, "sequence_vjp": 2}


def test_arguments_are_the_case_and_writable() -> None:
    case = a_case()
    seen: dict[str, Any] = {}

    def step(cell: Any, x: Any, h: Any) -> Any:
        seen.update(x=x, h=h, **cell.packed())
        return NumpyBackend().step(cell, x, h)

    assert Observed(case, backend(step=step)).step.shape == case.state.shape
    expected = {"x": case.inputs[0], "h": case.state, **case.cell.packed()}
    assert seen.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(seen[name], array)
        assert seen[name].flags.writeable
        assert not np.shares_memory(seen[name], array)


@pytest.mark.parametrize(
    "variant", [Variant(), Variant("before", "replace"), Variant(bias=False)], ids=str
)
def test_chained_pullbacks_are_the_gradients_of_the_sequence(variant: Variant) -> None:
    case = a_case(float64, variant)
    trial = Trial(
        replace(case, d_outputs=case.format.cast(np.ones(case.d_outputs.shape))), NumpyBackend()
    )
    before = np.concatenate([case.state[None], trial.observed.sequence[0][:-1]])
    chained, exact = trial.observed.chained_vjp(before), trial.exact.gradients
    assert compare("dL/dh_0", "bi", chained.state, exact.state).margin <= 1
    for x, ball in zip(chained.inputs, exact.inputs, strict=True):
        assert compare("dL/dx", "bj", x, ball).margin <= 1
    assert (
        compare("dL/dW_hz", "ij", np.split(chained.weight_hh, 3)[1], exact.parameters.W_hz).margin
        <= 1
    )
    assert (chained.bias_hh is None) == (chained.bias_ih is None) == (not variant.bias)


@pytest.mark.parametrize(
    ("changed", "method"),
    [
        ("h", "step"),
        ("x", "step_jacobian"),
        ("cotangent", "step_vjp"),
        ("inputs", "sequence"),
        ("d_last", "sequence_vjp"),
    ],
)
def test_changed_argument_is_noted_by_name(changed: str, method: str) -> None:
    positions = {"x": 0, "h": 1, "cotangent": 2, "inputs": 0, "d_last": 3}

    def change(answer: Any, cell: Any, *arguments: Any) -> Any:
        arguments[positions[changed]][...] = 0
        return answer

    observed = Observed(CASE, Faulty(**{method: change}))
    getattr(observed, method)
    assert observed.mutated[method] == [changed]


def test_changed_parameter_is_noted_and_the_case_stays_as_it_was() -> None:
    before = {name: array.copy() for name, array in CASE.arrays().items()}

    def change(answer: Any, cell: Any, *_: Any) -> Any:
        cell.bias_hh[...] = 7
        return answer

    observed = Observed(CASE, Faulty(step=change))
    assert not observed.mutated
    assert np.array_equal(observed.step, NumpyBackend().step(CASE.cell, CASE.inputs[0], CASE.state))
    assert observed.mutated == {"step": ["bias_hh"]}
    assert all(np.array_equal(array, before[name]) for name, array in CASE.arrays().items())
