"""Backends that misbehave are findings, and the run goes on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import Result, Variant, float32
from gruverify.backends import NumpyBackend
from gruverify.invariants import INVARIANTS

pytestmark = pytest.mark.uncounted

CASES = 2
#: What reads the first answers to a case: the families that tell whose an obstacle is.
ONLY = ["contract", "agreement", "bounds"]


class Spoilt(NumpyBackend):
    """One method answers through `spoil`."""

    variants = (Variant(),)

    def __init__(self, method: str, spoil: Callable[..., Any]) -> None:
        right = getattr(self, method)
        setattr(
            self, method, lambda cell, *arguments: spoil(right(cell, *arguments), cell, *arguments)
        )


def check(method: str, spoil: Callable[..., Any], only: Sequence[str] = ONLY) -> Result:
    """The result of a run in float32."""
    return gruverify.check(Spoilt(method, spoil), formats=[float32], max_cases=CASES, only=only)


def status(result: Result, id: str) -> str:
    """How an invariant fared in float32."""
    return result.tallies[id, "float32", "reset after, keep"].status


def reason(result: Result, id: str) -> str:
    """Why it could not be judged."""
    return result.tallies[id, "float32", "reset after, keep"].reason


SHAPES = {
    "step": "agreement/step",
    "step_jacobian": "agreement/jacobian-state",
    "step_vjp": "agreement/step-vjp",
    "sequence": "agreement/outputs",
    "sequence_vjp": "agreement/gradient-inputs",
}


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("method", "spoil", "message"),
    [
        pytest.param(
            "step",
            lambda h, *_: h[:, :-1],
            "step has shape (1, 0), expected (B, H) = (1, 1)",
            id="shape",
        ),
        pytest.param(
            "step",
            lambda h, *_: h.astype(np.float64),
            "dtype float64, expected float32",
            id="dtype",
        ),
        pytest.param(
            "step",
            lambda h, *_: h.tolist(),
            "step is list, expected a NumPy array (B, H)",
            id="list",
        ),
        pytest.param("step", lambda *_: None, "step is NoneType", id="nothing"),
        pytest.param(
            "step_jacobian",
            lambda j, *_: j[0],
            "returned ndarray, expected a pair of arrays",
            id="no pair",
        ),
        pytest.param(
            "step_jacobian", lambda j, *_: j[::-1] + j, "returned tuple, expected a pair", id="four"
        ),
        pytest.param(
            "step_jacobian",
            lambda j, *_: (j[0][0], j[1]),
            "has shape (1, 1), expected (B, H, H)",
            id="dh",
        ),
        pytest.param(
            "step_vjp",
            lambda g, *_: dict(g.items()),
            "dict, expected gruverify.Gradients",
            id="dict",
        ),
        pytest.param(
            "sequence",
            lambda s, *_: (s[0][:0], s[1]),
            "outputs has shape (0, 1, 1), expected (T, B, H)",
            id="outputs",
        ),
        pytest.param(
            "sequence_vjp",
            lambda g, *_: replace(g, bias_hh=g.bias_hh[:-1]),
            "gradient of bias_hh has shape (2,), expected (3H) = (3,)",
            id="bias",
        ),
        pytest.param(
            "sequence_vjp",
            lambda g, *_: replace(g, state=None),
            "gradient of state is None: declare state_gradient",
            id="state",
        ),
    ],
)
def test_a_malformed_answer_is_falsified_once_and_blocks_what_needs_it(
    method: str, spoil: Callable[..., Any], message: str
) -> None:
    result = check(method, spoil)

    shape = f"contract/shape-{method.replace('_', '-')}"
    assert status(result, shape) == "falsified"
    assert message in result.witnesses[shape, "float32"].residual.where
    assert status(result, SHAPES[method]) == "blocked"
    assert reason(result, SHAPES[method])
    assert result.verdict == "falsified"
    goes_on(result)


class Bare(BaseException):
    """What `except Exception` lets pass."""


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("method", "error"),
    [
        *(pytest.param(method, ZeroDivisionError("no gate"), id=method) for method in SHAPES),
        pytest.param("step", SystemExit(0), id="leaves"),
        pytest.param("sequence_vjp", Bare("no gate"), id="bare"),
    ],
)
def test_a_method_that_raises_is_an_error_with_a_witness(method: str, error: BaseException) -> None:
    def spoil(*_: Any) -> Any:
        raise error

    result = check(method, spoil)

    shape = f"contract/shape-{method.replace('_', '-')}"
    assert status(result, shape) == "error"
    assert reason(result, shape) == f"{method} raised {type(error).__name__}: {error}"
    assert {id for id, _ in result.witnesses} == {shape}
    assert result.witnesses[shape, "float32"].case.sizes == {"H": 1, "I": 1, "B": 1, "T": 1}
    assert status(result, SHAPES[method]) == "blocked"
    assert result.verdict == "falsified"
    goes_on(result)


@pytest.mark.usefixtures("unexplained")
def test_a_method_that_raises_for_some_cases_is_shrunk_to_the_smallest_of_them() -> None:
    def spoil(h: Any, *_: Any) -> Any:
        if len(h) > 1:
            raise ValueError("one at a time")
        return h

    result = gruverify.check(
        Spoilt("step", spoil), formats=[float32], max_cases=20, only=["contract/shape-*"]
    )

    tally = result.tallies["contract/shape-step", "float32", "reset after, keep"]
    assert tally.error
    assert tally.passed
    assert result.witnesses["contract/shape-step", "float32"].case.sizes == {
        "H": 1,
        "I": 1,
        "B": 2,
        "T": 1,
    }


def test_deep_recursion_is_an_error_like_any_other() -> None:
    def spoil(*_: Any) -> Any:
        return spoil()

    result = check("step", spoil)

    assert reason(result, "agreement/step").startswith(
        "step raised RecursionError: maximum recursion depth"
    )
    goes_on(result)


def poison(array: Any) -> Any:
    """The array with one entry that is not a number."""
    array = array.copy()
    array.flat[0] = np.nan
    return array


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("method", "spoil", "id"),
    [
        pytest.param("step", lambda h, *_: poison(h), "agreement/step", id="step"),
        pytest.param(
            "step_jacobian",
            lambda j, *_: (poison(j[0]), j[1]),
            "agreement/jacobian-state",
            id="jacobian",
        ),
        pytest.param(
            "sequence", lambda s, *_: (poison(s[0]), s[1]), "contract/finite-values", id="outputs"
        ),
        pytest.param(
            "sequence_vjp",
            lambda g, *_: replace(g, weight_hh=poison(g.weight_hh)),
            "contract/finite-gradients",
            id="gradient",
        ),
        pytest.param("step", lambda h, *_: h + np.float32(np.inf), "bounds/box", id="infinite"),
    ],
)
def test_not_a_number_for_finite_input_is_falsified(
    method: str, spoil: Callable[..., Any], id: str
) -> None:
    result = check(method, spoil)

    assert status(result, id) == "falsified"
    assert result.tallies[id, "float32", "reset after, keep"].largest == np.inf
    goes_on(result)


def add_one(position: int) -> Callable[..., Any]:
    """Change one of the arguments after the cell."""

    def spoil(answer: Any, cell: Any, *arguments: Any) -> Any:
        arguments[position][...] += 1
        return answer

    return spoil


def shift_weights(answer: Any, cell: Any, *arguments: Any) -> Any:
    """Change a parameter."""
    cell.weight_hh[...] += 1
    return answer


@pytest.mark.thinned
@pytest.mark.usefixtures("unexplained")
@pytest.mark.parametrize(
    ("method", "spoil", "changed"),
    [
        pytest.param("step", add_one(0), "x", id="x"),
        pytest.param("step_vjp", add_one(2), "cotangent", id="cotangent"),
        pytest.param("sequence_vjp", add_one(3), "d_last", id="d_last"),
        pytest.param("step_jacobian", shift_weights, "weight_hh", id="parameter"),
    ],
)
def test_a_changed_argument_is_falsified_and_spoils_nothing_else(
    method: str, spoil: Callable[..., Any], changed: str
) -> None:
    result = check(method, spoil, only=())

    witness = result.witnesses["contract/no-mutation", "float32"]
    assert witness.residual.where == f"{changed} changed by {method}"
    failing = {id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error}
    # Those of the two families beside it hand over arrays of their own, and read them again.
    assert {id for id in failing if not id.startswith(("contract/", "gradient/"))} == set()
    goes_on(result)


@pytest.mark.slow
def test_another_answer_the_second_time_is_falsified() -> None:
    numbers = iter(range(10**9))

    def spoil(answer: Any, *_: Any) -> Any:
        outputs, last = answer
        return outputs + np.float32(next(numbers)), last

    result = check("sequence", spoil)

    assert status(result, "contract/same-bits") == "falsified"
    goes_on(result)


def test_what_falls_only_once_keeps_the_case_that_it_fell_on() -> None:
    calls = iter(range(10**9))

    def spoil(h: Any, *_: Any) -> Any:
        return h + np.float32(next(calls) == 2)

    right_but_once = Spoilt("step", spoil)
    result = gruverify.check(
        right_but_once, formats=[float32], max_cases=3, only=["agreement/step"]
    )

    witness = result.witnesses["agreement/step", "float32"]
    assert result.tallies["agreement/step", "float32", "reset after, keep"].falsified == 1
    assert witness.residual.margin > 1
    gruverify.assert_holds("agreement/step", "numpy", witness.case)


def goes_on(result: Result) -> None:
    """Every case was put to the backend, and the methods that are right passed or could be
    judged.
    """
    assert result.complete
    judged = {
        id: tally.cases for (id, _, variant), tally in result.tallies.items() if variant != "-"
    }
    cases = {id: count for id, count in judged.items() if not INVARIANTS[id].of_stacks}
    assert {count for count in cases.values() if count} == {CASES}
    assert any(tally.passed == CASES for tally in result.tallies.values())


# -- what a backend declines -----------------------------------------------------------------------


@pytest.mark.thinned
@pytest.mark.parametrize("method", SHAPES)
def test_what_a_backend_does_not_implement_is_not_applicable_with_its_own_reason(
    method: str,
) -> None:
    def spoil(*_: Any) -> Any:
        raise NotImplementedError("no double backward in this kernel")

    result = check(method, spoil)

    assert status(result, SHAPES[method]) == "not applicable"
    assert (
        reason(result, SHAPES[method])
        == f"{method} is not implemented: no double backward in this kernel"
    )
    assert result.tallies[SHAPES[method], "float32", "reset after, keep"].declined == CASES
    assert (result.verdict, result.witnesses) == ("conforms", {})
    assert status(result, "contract/no-mutation") == "passed"


def test_what_is_declined_for_some_cases_is_judged_by_the_others() -> None:
    def spoil(h: Any, *_: Any) -> Any:
        if len(h) > 1:
            raise NotImplementedError
        return h

    result = gruverify.check(
        Spoilt("step", spoil), formats=[float32], max_cases=20, only=["agreement/step"]
    )
    tally = result.tallies["agreement/step", "float32", "reset after, keep"]

    assert (tally.status, tally.reason) == ("passed", "step is not implemented")
    assert min(tally.passed, tally.declined) > 0
    assert tally.passed + tally.declined == 20


def test_a_backend_that_does_not_repeat_itself_is_falsified_and_shrunk_as_far_as_it_goes() -> None:
    calls = itertools.count()

    def step(cell: Any, x: Any, h: Any) -> Any:
        return NumpyBackend().step(cell, x, h) + h.dtype.type(2 if next(calls) % 3 else 0)

    result = gruverify.check(
        gruverify.backend(step=step),
        formats=[float32],
        max_cases=8,
        only=["agreement/step", "bounds"],
    )

    assert result.verdict == "falsified"
    assert ("agreement/step", "float32") in result.witnesses
