"""`st.from_type` of our types, in processes of their own: with the entry point that pyproject.toml
declares.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted

ROOT = Path(__file__).parents[2]

DRAWN = """
from hypothesis import given, settings, strategies as st
def drawn(kind):
    @settings(max_examples=5, database=None, deadline=None)
    @given(st.from_type(kind))
    def check(value):
        assert isinstance(value, kind)
    check()
    return repr(st.from_type(kind))
"""

Run = Callable[[str], list[str]]


@pytest.fixture
def installed(tmp_path: Path) -> Run:
    """Runs a program as if gruverify was installed with the entry points of pyproject.toml; returns
    what it prints.
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "hypothesis"
    ]
    metadata = tmp_path / "gruverify-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gruverify\nVersion: 0\n")
    lines = [f"{name} = {target}" for name, target in declared.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[hypothesis]", *lines, ""]))
    path = os.pathsep.join([str(tmp_path), *sys.path])

    def run(program: str) -> list[str]:
        environment = os.environ | {"PYTHONPATH": path, "HYPOTHESIS_NO_PLUGINS": ""}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout.split()

    return run


def test_importing_hypothesis_loads_the_entry_point_and_nothing_heavy(installed: Run) -> None:
    loaded = installed("import hypothesis, sys; print(*sys.modules)")
    ours = {name for name in loaded if name.startswith("gruverify")}
    assert ours == {"gruverify", "gruverify._announce", "gruverify._hypothesis"}
    assert not {"numpy", "torch", "ml_dtypes"} & {*loaded}


@pytest.mark.parametrize(
    "first", ["import hypothesis, gruverify", "import gruverify.cell, hypothesis"]
)
def test_types_are_drawn_whichever_is_imported_first(installed: Run, first: str) -> None:
    kinds = (
        "gruverify.Cell, gruverify.Case, gruverify.Variant, gruverify.Format, "
        "gruverify.Stack, gruverify.StackCase"
    )
    program = f"{first}\nimport gruverify.cell\n{DRAWN}\nprint(*map(drawn, ({kinds})))"
    assert installed(program) == [
        "cells()",
        "cases()",
        "variants()",
        "formats()",
        "stacks()",
        "stack_cases()",
    ]


def test_types_of_the_shelf_are_drawn(installed: Run) -> None:
    kinds = "gst.Batch, gst.Control, gst.LaidOut, gst.Regimes, gst.Sizes"
    program = f"from gruverify import strategies as gst\n{DRAWN}\nprint(*map(drawn, ({kinds})))"
    assert installed(program) == ["sequences()", "controls()", "layouts()", "regimes()", "sizes()"]


def test_what_a_user_registers_stays(installed: Run) -> None:
    program = """
import gruverify
from hypothesis import strategies as st
st.register_type_strategy(gruverify.Variant, st.just(gruverify.Variant("before")))
import gruverify.strategies
print(st.from_type(gruverify.Variant))
"""
    assert "just(Variant(reset='before'," in " ".join(installed(program))


def test_annotations_are_enough(installed: Run) -> None:
    program = """
import gruverify
from hypothesis import given, settings, strategies as st
@settings(max_examples=5, database=None, deadline=None)
@given(...)
def check(cell: gruverify.Cell, cases: list[gruverify.Case]):
    assert all(type(case) is gruverify.Case for case in cases)
    print("drawn")
check()
"""
    assert installed(program) == ["drawn"] * 5
