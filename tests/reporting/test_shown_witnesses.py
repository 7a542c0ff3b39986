"""What pages, summaries and JUnit files say of witnesses and of the run, from the document
alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import StackCase, Witness
from gruverify.cell import Stack
from gruverify.engine import encode_witness
from gruverify.invariants import Residual
from gruverify.reporting import _summary

from ._results import witness


def document_of(*found: Witness) -> dict[str, Any]:
    return {"witnesses": [encode_witness(each) for each in found]}


def stack_witness(lengths: list[int]) -> Witness:
    one = witness("stack/members-in-any-order", T=3)
    case: Any = one.case
    two = (np.concatenate([array] * 2, axis=-2) for array in (case.inputs, case.d_outputs))
    inputs, d_outputs = two
    states = np.concatenate([case.state] * 2)[None]
    stack = Stack(((case.cell,),))
    return replace(
        one, case=StackCase(stack, inputs, states, d_outputs, states, lengths=np.array(lengths))
    )


def test_the_gravest_comes_first_whatever_its_margin() -> None:
    small = Residual("h[b=0, i=0]", 1e-44, 0.0, 1e-44, 0.0, math.inf, scale=2.0)
    lost, grave = replace(witness("agreement/step"), residual=small), witness("bounds/box")

    assert list(_summary.witnesses(document_of(lost, grave))) == ["bounds/box", "agreement/step"]
    assert list(_summary.witnesses(document_of(lost, replace(grave, residual=small)))) == [
        "agreement/step",
        "bounds/box",
    ]


def test_sizes_have_the_lengths_of_members_and_the_case_that_was_run() -> None:
    shown = encode_witness(stack_witness([3, 1]))

    assert _summary.sizes(shown) == "H=1, I=1, B=2, T=3, L=1, D=1, lengths=[3, 1]"
    document = document_of(stack_witness([3, 1]))
    assert _summary.runs(document, shown) == [
        "H=1, I=1, B=2, T=3, L=1, D=1, lengths=[1, 3], derived by reversed_members"
    ]
    assert _summary.runs(document, {**shown, "invariant": "stack/of-another-version"}) == []


def test_a_nan_that_the_target_answered_is_no_expectation() -> None:
    numbers = _summary.numbers(
        {
            "actual": 0.25,
            "expected": "nan",
            "relation": "=",
            "error": "inf",
            "bound": 0.1,
            "margin": "inf",
        }
    )

    assert numbers["is"] == "0.25"
    assert numbers["beside the target's other answer"] == "nan"
    assert "must be" not in numbers


def test_a_run_of_pytest_has_its_own_command_and_a_seed_in_words() -> None:
    run = {"command": "pytest -n 2 'test mine.py'", "seed": None}

    assert _summary.command(run) == "pytest -n 2 'test mine.py'"
    assert (_summary.seed(run), _summary.seed({"seed": 3})) == ("drawn by Hypothesis", "3")
