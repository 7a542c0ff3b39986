"""What is not an answer: a backend that raises, and arrays of the wrong kind, shape or dtype."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import Format, Variant, bfloat16, float16, float32
from gruverify.backends import CELL_METHODS, DIRECTIONAL_METHODS, METHODS, STACK_METHODS
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS, BackendRaised, Malformed, Observed

from ._built import a_case
from ._drawn import drawn, drawn_stacks
from ._faulty import Faulty, altered

pytestmark = pytest.mark.uncounted

CASE = a_case()
#: What is about gates that are all but open or closed, and claims nothing of a case without them.
SILENT = {
    "regimes/carry-gradient",
    "regimes/forget-jacobian",
    "regimes/closed-update-gate",
    "regimes/chrono-gradient",
}

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


def raising(*_: Any) -> Any:
    raise ZeroDivisionError("no state")


@pytest.mark.parametrize(
    ("format", "step", "said"),
    [
        (bfloat16, lambda cell, x, h: np.einsum("bi,bj->b", x, h), "without bfloat16"),
        (bfloat16, lambda cell, x, h: np.gcd(h, h), "without bfloat16"),
        (float16, lambda cell, x, h: np.linalg.inv(cell.weight_hh[:3]), "without float16"),
        (bfloat16, lambda cell, x, h: h + None, "'NoneType'"),
        (float32, lambda cell, x, h: np.left_shift(h, 1), "casting rule ''safe''"),
    ],
)
def test_functions_that_know_no_numbers_of_16_bits_are_told_with_a_way_out(
    format: Format, step: Any, said: str
) -> None:
    with pytest.raises(BackendRaised, match=f"{said}.{{0,20}}$"):
        _ = Observed(a_case(format), Faulty(step=lambda _, *given: step(*given))).step


@pytest.mark.parametrize("quantity", READ)
def test_backend_that_raises_is_named_with_its_method(quantity: str) -> None:
    method = READ[quantity]
    with pytest.raises(
        BackendRaised, match=rf"^{method} raised ZeroDivisionError: no state$"
    ) as caught:
        getattr(Observed(CASE, Faulty(**{method: raising})), quantity)
    assert caught.value.method == method
    assert isinstance(caught.value.error, ZeroDivisionError)
    assert caught.value.__cause__ is caught.value.error


def test_interruption_is_not_taken_for_a_fault() -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _ = Observed(CASE, Faulty(step=interrupted)).step


def doubled(a: Any) -> Any:
    return a.astype(np.float64)


ANSWERS: list[tuple[str, str, Any, str]] = [
    (
        "no batch",
        "step",
        lambda h, *_: h[0],
        "step has shape (3,), expected (B, H) = (2, 3) with H=3, I=2, B=2, T=3",
    ),
    (
        "an axis too many",
        "step",
        lambda h, *_: h[None],
        "step has shape (1, 2, 3), expected (B, H) = (2, 3) with H=3",
    ),
    (
        "wider numbers",
        "step",
        lambda h, *_: doubled(h),
        "step has dtype float64, expected float32, the case's format",
    ),
    (
        "a list",
        "step",
        lambda h, *_: h.tolist(),
        "step is list, expected a NumPy array (B, H) = (2, 3)",
    ),
    (
        "a record",
        "step",
        lambda h, *_: h.view(np.recarray),
        "step is recarray, expected a NumPy array (B, H)",
    ),
    (
        "a mask",
        "step",
        lambda h, *_: np.ma.array(h),
        "step is MaskedArray, expected a NumPy array (B, H) = (2, 3)",
    ),
    (
        "nothing",
        "step",
        lambda h, *_: None,
        "step is NoneType, expected a NumPy array (B, H) = (2, 3)",
    ),
    (
        "outputs alone",
        "sequence",
        lambda pair, *_: pair[0],
        "sequence returned ndarray, expected a pair of arrays",
    ),
    (
        "three things",
        "sequence",
        lambda pair, *_: (*pair, 0),
        "sequence returned tuple, expected a pair of arrays",
    ),
    (
        "swapped",
        "sequence",
        lambda pair, *_: pair[::-1],
        "outputs has shape (2, 3), expected (T, B, H) = (3, 2, 3)",
    ),
    (
        "layers",
        "sequence",
        lambda pair, *_: (pair[0], pair[1][None]),
        "last has shape (1, 2, 3), expected (B, H) =",
    ),
    (
        "batch first",
        "sequence",
        lambda pair, *_: (pair[0].swapaxes(0, 1), pair[1]),
        "outputs has shape (2, 3, 3)",
    ),
    (
        "dh alone",
        "step_jacobian",
        lambda pair, *_: pair[0],
        "step_jacobian returned ndarray, expected a pair",
    ),
    (
        "swapped",
        "step_jacobian",
        lambda pair, *_: pair[::-1],
        "dh has shape (2, 3, 2), expected (B, H, H) = (2, 3, 3)",
    ),
    (
        "dh twice",
        "step_jacobian",
        lambda pair, *_: (pair[0],) * 2,
        "dx has shape (2, 3, 3), expected (B, H, I) = ",
    ),
    (
        "a dict",
        "step_vjp",
        lambda g, *_: vars(g),
        "step_vjp returned dict, expected gruverify.Gradients",
    ),
    (
        "no bias",
        "step_vjp",
        lambda g, *_: replace(g, bias_hh=None),
        "gradient of bias_hh is NoneType, expected",
    ),
    (
        "with time",
        "step_vjp",
        lambda g, *_: replace(g, inputs=g.inputs[None]),
        "expected (B, I) = (2, 2)",
    ),
    (
        "a tuple",
        "sequence_vjp",
        lambda g, *_: (g,),
        "sequence_vjp returned tuple, expected gruverify.Gradients",
    ),
    (
        "without time",
        "sequence_vjp",
        lambda g, *_: replace(g, inputs=g.inputs[0]),
        "expected (T, B, I) = (3, 2, 2)",
    ),
    (
        "one gate",
        "sequence_vjp",
        lambda g, *_: replace(g, weight_hh=g.weight_hh[:3]),
        "expected (3H, H) = (9, 3)",
    ),
    (
        "wider numbers",
        "sequence_vjp",
        lambda g, *_: altered(g, doubled),
        "gradient of weight_ih has dtype float64",
    ),
]


@pytest.mark.parametrize(
    ("method", "alteration", "message"),
    [row[1:] for row in ANSWERS],
    ids=[f"{row[1]}-{row[0]}" for row in ANSWERS],
)
def test_answer_of_the_wrong_kind_shape_or_dtype_says_what_is_wrong(
    method: str, alteration: Any, message: str
) -> None:
    with pytest.raises(Malformed, match=re.escape(message)):
        getattr(Observed(CASE, Faulty(**{method: alteration})), method)


def test_gradients_of_biases_that_are_not_there_are_not_asked_for() -> None:
    case = a_case(variant=Variant(bias=False))
    none_or_anything = Faulty(step_vjp=lambda g, *_: replace(g, bias_hh="nothing of the kind"))
    assert Observed(case, none_or_anything).step_vjp.bias_ih is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_an_answer(value: float) -> None:
    observed = Observed(CASE, Faulty(step=lambda h, *_: np.full_like(h, value)))
    assert not np.isfinite(observed.step).any()


def mutation_by(method: str) -> str:
    """The invariant that reads what the method changes."""
    apart = method in DIRECTIONAL_METHODS
    return f"contract/no-mutation-{method.replace('_', '-')}" if apart else "contract/no-mutation"


def status_of(id: str, method: str, first: str) -> str:
    """How an invariant fares of a backend that gives no answer by a method; first: of what reads
    that answer first.
    """
    if id == f"contract/shape-{method.replace('_', '-')}":
        return first
    if method in INVARIANTS[id].needs or id == mutation_by(method):
        return "blocked"
    return "nothing claimed" if id in SILENT else "passed"


@pytest.mark.thinned
@pytest.mark.parametrize("method", CELL_METHODS)
def test_malformed_answer_falsifies_its_shape_and_blocks_what_reads_it(method: str) -> None:
    found = {
        j.invariant.id: j
        for j in judge(CASE, Faulty(**{method: lambda *_: None}), INVARIANTS.values())
    }

    statuses = {id: judgement.tally.status for id, judgement in found.items()}
    assert statuses == {id: status_of(id, method, "falsified") for id in found}
    shape = found[f"contract/shape-{method.replace('_', '-')}"]
    assert shape.tally.falsified == 1
    assert found[mutation_by(method)].tally.reason == shape.residual.where


@pytest.mark.thinned
@pytest.mark.parametrize("method", CELL_METHODS)
def test_backend_that_raises_is_an_error_of_the_first_that_reads_it_and_blocks_the_rest(
    method: str,
) -> None:
    found = {
        j.invariant.id: j.tally
        for j in judge(CASE, Faulty(**{method: raising}), INVARIANTS.values())
    }

    assert {id: tally.status for id, tally in found.items()} == {
        id: status_of(id, method, "error") for id in found
    }
    for tally in found.values():
        told = tally.error or tally.blocked
        assert tally.reason == (f"{method} raised ZeroDivisionError: no state" if told else "")
        assert tally.cause == (
            f"contract/shape-{method.replace('_', '-')}" if tally.blocked else ""
        )


def no_numbers(answer: Any, *_: Any) -> Any:
    """An answer of the same form, every entry NaN."""
    if isinstance(answer, np.ndarray):
        return np.full_like(answer, np.nan)
    if isinstance(answer, tuple):
        return tuple(map(no_numbers, answer))
    if isinstance(answer, dict):
        return {name: no_numbers(part) for name, part in answer.items()}
    return (
        None
        if answer is None
        else type(answer)(**{name: no_numbers(part) for name, part in vars(answer).items()})
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_invariant_can_judge_what_is_no_number(method: str) -> None:
    backend, stacks = Faulty(**{method: no_numbers}), method in STACK_METHODS
    cases = (
        drawn_stacks(float32, backend.variants, 12)
        if stacks
        else drawn(float32, backend.variants, 4)
    )
    failed = {
        j.invariant.id
        for case in cases
        for j in judge(case, backend, INVARIANTS.values())
        if j.failed
    }
    assert len(failed) > 1
