"""Where everything underflows a right cell still passes: every bound ends with an absolute term,
through one helper.
"""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import (
    FORMATS,
    Case,
    Cell,
    Format,
    Gradients,
    Variant,
    assert_holds,
    float16,
    float64,
)
from gruverify.backends import NumpyBackend, resolve
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS

from ._faulty import Faulty

HERE = Path(__file__).parent
scaled_cells = runpy.run_path(str(HERE.parent / "campaigns" / "scaling_identity.py"))[
    "scaled_cells"
]

#: Those that multiply answers in float64.
OWN = [
    "gradient/scaling-identity",
    "gradient/rank-one",
    "gradient/adjoint",
    "gradient/taylor",
    "gradient/truncation-error",
    "gradient/homogeneous",
    "gradient/cloned-unit",
    "agreement/vjp-is-transposed-jacobian",
    "dynamics/fixed-point-jacobian",
    "dynamics/origin",
    "dynamics/contraction",
    "dynamics/decay",
    "regimes/chrono",
    "regimes/chrono-gradient",
]


def failures(backend: Any, format: Format, ids: list[str], count: int) -> list[tuple[str, Any]]:
    """What fails of some invariants on so many cells."""
    cells = scaled_cells(format, backend.variants, count, seed=7)
    asked = [INVARIANTS[id] for id in ids]
    return [
        (j.invariant.id, j.residual)
        for case in cells
        for j in judge(case, backend, asked)
        if j.failed
    ]


@pytest.mark.uncounted
@pytest.mark.parametrize(
    "format",
    [pytest.param(f, marks=[pytest.mark.slow] * (f is float64)) for f in FORMATS],
    ids=lambda f: f.name,
)
def test_right_cell_passes_where_its_arrays_are_as_small_as_the_format_goes(format: Format) -> None:
    assert failures(NumpyBackend(), format, OWN, 100 if format is float64 else 20) == []


@pytest.mark.uncounted
@pytest.mark.slow
def test_so_does_a_cell_of_torch() -> None:
    pytest.importorskip("torch")
    assert failures(resolve("torch"), float64, OWN, 40) == []


def tiny_gate() -> Case:
    """Two units, of which one has an update gate so small that its gradients are a few of the
    smallest numbers.
    """
    column = np.array([0, 0, 0, 0.038548313275687016, 0, 0])
    recurrent = np.zeros((6, 2))
    recurrent[3, 0] = -0.4543639124348326
    bias = np.array([0, 0, 0, -736.0, 0, 16.0])
    cell = Cell(Variant(), column[:, None], recurrent, bias, np.zeros(6))
    state, d_last = np.array([[1.0, 0.721321350266986]]), np.array([[0.0, 1.0]])
    return Case(cell, np.array([[[0.015625]]]), state, np.zeros((1, 1, 2)), d_last)


def test_gradients_of_a_few_of_the_smallest_numbers_are_no_false_alarm() -> None:
    gruverify.assert_holds("gradient/scaling-identity", NumpyBackend(), tiny_gate())


def test_catches_an_input_gradient_that_is_off_by_a_few_more() -> None:
    """The absolute term is no licence: what is beyond the products that may underflow still
    fails.
    """

    def off(g: Gradients, *_: Any) -> Gradients:
        return replace(g, inputs=g.inputs + 4096 * float64.min_subnormal)

    with pytest.raises(AssertionError, match="Σ WᵀdW - Σ dx xᵀ"):
        gruverify.assert_holds("gradient/scaling-identity", Faulty(sequence_vjp=off), tiny_gate())


def test_rounding_of_float64_is_allowed_for_in_one_place() -> None:
    """A bound that adds γ or η of its own may forget the other."""
    own = re.compile(r"\.gamma\(|REFERENCE\.(u|eta)\b")
    sources = {
        path.name: path.read_text()
        for path in Path(gruverify.__file__).parent.glob("invariants/**/*.py")
    }
    users = {
        name
        for name, source in sources.items()
        if own.search(source.replace("(1 + REFERENCE.u)", ""))
    }
    assert users == {"_reference.py"}


@pytest.mark.parametrize("reset", ["after", "before"])
def test_weights_that_are_rounded_where_a_reset_gate_is_absorbed_are_no_false_alarm(
    reset: Any,
) -> None:
    H, cast = 256, float16.cast
    weights = np.zeros((3 * H, H))
    weights[2 * H :] = 3 * float16.min_subnormal  # of which the half is none of the format's
    cell = Cell(Variant(reset, bias=False), cast(np.zeros((3 * H, 1))), cast(weights))
    ones, nothing = cast(np.ones((1, H))), cast(np.zeros((1, 1, H)))
    case = Case(cell, cast([[[1.0]]]), ones, nothing, nothing[0])

    assert_holds("conventions/reset-absorbed", NumpyBackend(), case)
