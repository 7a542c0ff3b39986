"""At home in Hypothesis: reprs, events, and every way in which tests are written and run."""

from __future__ import annotations

import re
import subprocess
import sys
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, event, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import SearchStrategy

import gruverify
import gruverify.cell
from gruverify import FORMATS, Case, Cell, Variant, bfloat16, float32
from gruverify import strategies as gst
from gruverify.formulas import step

from ._debug import drawn, minimal

pytestmark = pytest.mark.uncounted

few = settings(max_examples=10, database=None, phases=[Phase.generate, Phase.shrink])

#: What a user has imported who pastes a repr.
NAMES = {
    **vars(gruverify.cell),
    **vars(gst),
    **vars(np),
    "bfloat16": bfloat16,
    "gruverify": gruverify,
}
NAMES |= {name: getattr(gruverify, name) for name in gruverify.__all__}


def printed(strategy: SearchStrategy[Any], condition: Callable[[Any], bool]) -> tuple[str, Any]:
    """The value in the falsifying example as Hypothesis prints it, and the value itself."""
    falsified: list[Any] = []

    @settings(few, suppress_health_check=list(HealthCheck), max_examples=200)
    @given(strategy)
    def falsify(value: Any) -> None:
        falsified.append(value)
        assert not condition(value)

    with pytest.raises(AssertionError) as failure:
        falsify()
    text = "\n".join(failure.value.__notes__)
    found = re.search(r"falsify\(\s*value=(.*?),?\s*\)\s*(?:\n\n|\nYou can|\Z)", text, re.DOTALL)
    assert found, text
    return found[1], falsified[-1]


@pytest.mark.parametrize(
    ("strategy", "condition"),
    [
        (gst.cells(), lambda cell: cell.weight_hh.any()),
        (gst.cells(formats=[bfloat16]), lambda cell: cell.hidden_size > 1),
        (gst.cases(), lambda case: case.inputs.any() and case.sizes["T"] > 1),
        (gst.controls(), lambda control: control.why == "reset-shut"),
        (gst.regimes(), lambda placed: placed.name == "near"),
        (gst.sequences(), lambda batch: batch.state.any()),
        (gst.layouts(layouts=["keras"]), lambda laid: laid.cell.weight_ih.any()),
        (gst.stacks(), lambda stack: stack.layers > 1),
        (gst.variants(), lambda variant: not variant.bias),
        (gst.formats(), lambda drawn: drawn is not float32),
        (gst.sizes(), lambda size: size.H > 3),
    ],
    ids=lambda part: repr(part) if isinstance(part, SearchStrategy) else "",
)
def test_what_hypothesis_prints_can_be_pasted_back(
    strategy: SearchStrategy[Any], condition: Callable[[Any], bool]
) -> None:
    text, value = printed(strategy, condition)
    pasted = eval(text, dict(NAMES))
    assert type(pasted) is type(value)
    assert repr(pasted) == repr(value)


@pytest.mark.parametrize("strategy", [gst.inputs(), gst.states()], ids=repr)
def test_arrays_can_be_pasted_back(strategy: SearchStrategy[Any]) -> None:
    """With the names of NumPy, and of ml_dtypes for bfloat16."""
    text, value = printed(strategy, lambda array: array.dtype == bfloat16.dtype and array.size > 1)
    pasted = eval(text, dict(NAMES) | {"bfloat16": ml_dtypes.bfloat16})
    assert (pasted == value).all()
    assert pasted.dtype == value.dtype


def test_of_a_large_cell_hypothesis_prints_the_shapes() -> None:
    text, cell = printed(gst.cells(min_H=20, max_H=20), lambda cell: cell.format is float32)
    assert "weight_hh=<float32 (60, 20)>" in text
    assert len(text) < 300 < len(repr(cell))


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (gst.cells(formats=[bfloat16], max_H=3), "cells(max_H=3, formats=[gruverify.bfloat16])"),
        (gst.cases(formats=FORMATS[:2]), "cases(formats=(gruverify.float16, gruverify.bfloat16))"),
        (gst.floats_near(float32), "floats_near(gruverify.float32)"),
        (gst.views(gst.states(max_B=1)), "views(states(max_B=1))"),
        (gst.sizes(relations=["I=H"]), "sizes(relations=['I=H'])"),
    ],
)
def test_repr_of_a_strategy_is_short_and_can_be_pasted_back(
    strategy: SearchStrategy[Any], text: str
) -> None:
    assert repr(strategy) == text
    assert repr(eval(text, NAMES | {"bfloat16": bfloat16})) == text


@pytest.mark.parametrize("strategy", [gst.cases(), gst.cells()], ids=repr)
def test_the_regime_is_an_event(
    strategy: SearchStrategy[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    module = sys.modules[f"gruverify_strategies._{repr(strategy).removesuffix('()')}"]
    monkeypatch.setattr(module, "event", lambda label: (seen.append(label), event(label)))
    count = len(drawn(strategy, 200))
    assert len(seen) == count
    assert {f"regime: {name}" for name in ("free", "mixed", "carry", "forget", "elman")} <= {*seen}


def test_statistics_of_pytest_show_the_regimes(tmp_path: Path) -> None:
    program = """
from hypothesis import given, settings
from gruverify import strategies as gst

@settings(max_examples=50, database=None, deadline=None)
@given(gst.cells())
def test_cells(cell):
    pass
"""
    (tmp_path / "test_it.py").write_text(program)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--hypothesis-show-statistics",
        "-q",
        ".",
    ]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert re.search(r"%, regime: mixed", done.stdout)


class TestUnittest(unittest.TestCase):
    """A test case of the standard library."""

    @few
    @given(cell=gst.cells(max_H=2), h=gst.states(max_B=1))
    def test_with_keywords(self, cell: Cell, h: Any) -> None:
        assert cell.hidden_size <= 2
        assert len(h) == 1


[EXAMPLE] = drawn(gst.cells(min_H=2, max_H=2), 1)


@few
@example(EXAMPLE)
@given(gst.cells(max_H=2))
def test_explicit_examples(cell: Cell) -> None:
    assert cell.hidden_size <= 2


def test_a_failure_is_reproduced_from_its_blob() -> None:
    from hypothesis import reproduce_failure

    @settings(few, print_blob=True)
    @given(gst.cases(max_H=3))
    def falsify(case: Case) -> None:
        assert case.sizes["H"] < 2

    with pytest.raises(AssertionError) as failure:
        falsify()
    version, blob = re.search(
        r"@reproduce_failure\('([^']+)', (b'[^']+')\)", "\n".join(failure.value.__notes__)
    ).groups()
    seen: list[Case] = []

    @reproduce_failure(version, eval(blob))
    @given(gst.cases(max_H=3))
    def again(case: Case) -> None:
        seen.append(case)
        assert case.sizes["H"] < 2

    with pytest.raises(AssertionError):
        again()
    assert seen[-1].sizes == {"H": 2, "I": 1, "B": 1, "T": 1}


class Recurrence(RuleBasedStateMachine):
    """A cell that is fed one input after the other stays in the box."""

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.cell = data.draw(gst.cells(max_H=3, max_I=3, formats=[float32]), label="cell")
        self.state = np.zeros((1, self.cell.hidden_size), np.float32)

    @rule(data=st.data())
    def feed(self, data: st.DataObject) -> None:
        I = self.cell.input_size
        x = data.draw(gst.inputs(max_T=1, max_B=1, min_I=I, max_I=I, formats=[float32]), label="x")[
            0
        ]
        self.state = step(self.cell.variant, self.cell.parameters(), x, self.state)

    @invariant()
    def in_the_box(self) -> None:
        assert not hasattr(self, "state") or np.abs(self.state).max() <= 1


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_state_machines() -> None:
    run_state_machine_as_test(Recurrence, settings=settings(few, stateful_step_count=5))


@pytest.mark.slow
def test_data_and_derived_strategies() -> None:
    @few
    @given(st.data())
    def check(data: st.DataObject) -> None:
        size = data.draw(gst.sizes(relations=["I=H"]), label="sizes")
        cell = data.draw(gst.cells(**size.bounds("HI")), label="cell")
        assert cell.hidden_size == cell.input_size == size.H

    check()
    doubled = st.lists(gst.variants() | gst.formats(), min_size=2).flatmap(st.just)
    assert len(minimal(doubled)) == 2
    assert minimal(gst.cells().filter(lambda cell: cell.hidden_size > 1)).hidden_size == 2


def test_what_fuzzers_collect() -> None:
    """HypoFuzz looks for `hypothesis.inner_test` and `hypothesis.fuzz_one_input`, and feeds the
    latter bytes.
    """
    seen: list[Case] = []

    @given(gst.cases(variants=[Variant()]))
    def test(case: Case) -> None:
        seen.append(case)

    assert callable(test.hypothesis.inner_test)
    fed = test.hypothesis.fuzz_one_input(bytes(range(256)) * 64)
    assert fed is not None
    assert len(seen) == 1


def test_a_saved_failure_is_replayed_first() -> None:
    from hypothesis.database import InMemoryExampleDatabase

    database = InMemoryExampleDatabase()
    large = lambda cell: cell.hidden_size > 2  # noqa: E731
    saved = settings(max_examples=200, database=database)
    first = find(gst.cells(max_H=4), large, settings=saved, database_key=b"cells")
    replayed = find(
        gst.cells(max_H=4),
        large,
        settings=settings(saved, phases=[Phase.reuse]),
        database_key=b"cells",
    )
    assert replayed == first
