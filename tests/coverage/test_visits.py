"""A case hits the bins at which its gates, states and paths are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Case, Cell, Format, Variant, backend, float16, float32
from gruverify.arithmetic import Band, candidate_bands, gate_bands
from gruverify.backends import NumpyBackend
from gruverify.coverage import GATES, GROUPS, Coverage, visits
from gruverify.engine import Plan, run, selection
from gruverify.invariants import Trial

NUMPY = NumpyBackend()


def cell_at(
    format: Format, a: Sequence[tuple[float, float, float]], variant: Variant = VARIANTS[0]
) -> Cell:
    """Units with these pre-activations of r, z and c, whatever they are fed."""
    H = len(a)
    zeros = format.cast(np.zeros((3 * H, 1))), format.cast(np.zeros((3 * H, H)))
    return Cell(
        variant, *zeros, format.cast(np.ravel(np.transpose(a))), format.cast(np.zeros(3 * H))
    )


def case_of(cell: Cell, state: Any = 0.5, T: int = 1) -> Case:
    """One member with that state, T steps."""
    cast, H = cell.format.cast, cell.hidden_size
    h = np.broadcast_to(np.asarray(state, float), (1, H))
    return Case(
        cell, cast(np.zeros((T, 1, 1))), cast(h), cast(np.zeros((T, 1, H))), cast(np.ones((1, H)))
    )


def hit(case: Case, group: str, tested: Any = NUMPY) -> list[str]:
    """The bins that a case hits, spelled."""
    found = visits(Trial(case, tested)).hits_of(GROUPS[group])
    return [
        GROUPS[group].spelled(bin)
        for bin, count in zip(GROUPS[group].bins(), found.flat, strict=True)
        if count
    ]


def middle(format: Format, band: Band) -> float:
    """A pre-activation inside a level, exact in the format."""
    low, high = (
        max(band[0], 2 * format.sigmoid_underflows),
        min(band[1], -2 * format.sigmoid_underflows),
    )
    return float(format.cast((low + high) / 2))


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_every_bin_of_the_gates_can_be_reached(format: Format) -> None:
    gates = [middle(format, band) for band in gate_bands(format).values()]
    bands = candidate_bands(format) | {"-mid": (-1.5, 0.0), "mid": (0.0, 1.5)}
    candidates = [middle(format, bands[level]) for level in GATES.axes[2].levels]
    units = [(r, z, c) for z, r, c in product(gates, gates, candidates)]

    found = visits(Trial(case_of(cell_at(format, units)), NUMPY))

    assert (found.hits_of(GATES) == 1).all()
    assert found.holes() == []


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_each_unit_member_and_step_counts_once(variant: Variant) -> None:
    random = np.random.default_rng(3)
    shapes = {
        "weight_ih": (9, 2),
        "weight_hh": (9, 3),
        **({"bias_ih": 9, "bias_hh": 9} if variant.bias else {}),
    }
    cell = Cell(
        variant, **{name: float32.cast(random.normal(size=shape)) for name, shape in shapes.items()}
    )
    T, B = 4, 2
    x, h, d = (float32.cast(random.normal(size=shape)) for shape in ((T, B, 2), (B, 3), (T, B, 3)))

    found = visits(Trial(Case(cell, x, h, d, d[0]), NUMPY))

    assert {
        name: found.hits_of(GROUPS[name]).sum() for name in ("z×r×c", "h'-c", "paths")
    } == dict.fromkeys(("z×r×c", "h'-c", "paths"), T * B * 3)


def test_a_backend_without_sequences_visits_the_first_step_alone() -> None:
    case = case_of(cell_at(float32, [(0.0, 0.0, 1.0)]), T=3)
    steps = backend(step=lambda cell, x, h: h)

    assert visits(Trial(case, steps)).hits_of(GATES).sum() == 1
    assert visits(Trial(case, NUMPY)).hits_of(GATES).sum() == 3


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (0.0, "0"),
        (-(2.0**-13), "tiny"),
        (2.0**-11, "low"),
        (-0.5, "high"),
        (1.0, "high"),
        (1.5, "outside"),
    ],
)
def test_the_level_of_the_state(state: float, level: str) -> None:
    [bin] = hit(case_of(cell_at(float32, [(0.0, 0.0, -0.25)]), state), "z×|h'|×h'-c")

    assert f"|h'|={level} " in bin


def test_the_side_of_the_state_is_certain_or_0() -> None:
    candidates = [(0.0, 0.0, np.arctanh(c)) for c in (0.25, 0.5, 0.75)]

    found = visits(Trial(case_of(cell_at(float16, candidates), 0.5), NUMPY))

    assert found.hits_of(GROUPS["h'-c"]).tolist() == [1, 1, 1]
    assert found.hits_of(GROUPS["z×|h'|×h'-c"]).sum() == 2


@pytest.mark.parametrize("update", ["keep", "replace"])
@pytest.mark.parametrize(
    ("a", "keeps", "paths"),
    [
        pytest.param(
            (1.0, 1.0, 0.5),
            None,
            "carry=open update=open candidate=open reset=open",
            id="nothing saturated",
        ),
        pytest.param(
            (1.0, 0.0, 0.5), 1, "carry=open update=shut candidate=shut reset=shut", id="carry"
        ),
        pytest.param(
            (-200.0, 0.0, 0.5), 0, "carry=shut update=shut candidate=open reset=shut", id="forget"
        ),
        pytest.param(
            (1.0, 0.0, 0.5), 0, "carry=shut update=shut candidate=open reset=open", id="Elman"
        ),
        pytest.param(
            (1.0, 0.0, 50.0), 0, "carry=shut update=shut candidate=shut reset=shut", id="all shut"
        ),
    ],
)
def test_paths(a: tuple[float, float, float], keeps: int | None, paths: str, update: Any) -> None:
    r, z, c = a
    sign = 1 if update == "keep" else -1
    at = z if keeps is None else sign * (200.0 if keeps else -200.0)
    cell = cell_at(float32, [(r, at, c)], Variant(update=update))
    recalled = np.zeros(3, np.float32)
    recalled[2] = 0.25  # so that there is something to reset
    cell = replace(cell, bias_hh=recalled)

    assert hit(case_of(cell, 0.25), "paths") == [paths]


def test_what_overflows_is_at_no_level() -> None:
    cell = cell_at(float32, [(0.0, 0.0, 0.0)])
    loud = replace(cell, weight_hh=np.full((3, 1), np.float32(3e38)))
    case = case_of(loud, 3e38)

    assert visits(Trial(case, NUMPY)).hits_of(GATES).sum() in (0, 1)


@pytest.mark.uncounted
def test_a_run_counts_what_it_judges_and_hits_nothing_that_is_excluded() -> None:
    asked = selection(only=["bounds", "agreement/outputs", "agreement/each-step"])
    plan = Plan(formats=(float32,), max_cases=20, selection=asked)

    found = run(NUMPY, plan, "numpy", lambda event: None).coverage["float32"]

    assert found.hits_of(GATES).sum() >= 20
    assert found.hits_of(GROUPS["H"]).sum(1).tolist() == [20, 0, 0, 0, 0, 0]
    assert all(found.hits_of(GROUPS[name])[index(name, bin)] == 0 for name, bin in found.excluded)
    assert set(found.levels()) >= {"z=mid", "r=mid", "H=2–7", "T=2–7"}


def index(group: str, bin: tuple[str, ...]) -> tuple[int, ...]:
    """Where a bin's hits stand."""
    return tuple(
        axis.levels.index(level) for axis, level in zip(GROUPS[group].axes, bin, strict=True)
    )


def test_catches_a_level_that_is_not_its_own() -> None:
    low, high = (case_of(cell_at(float32, [(0.0, a, 0.5)])) for a in (-2.5, 2.5))

    assert hit(low, "z×r×c") == ["z=low r=mid c=mid"]
    assert hit(high, "z×r×c") == ["z=high r=mid c=mid"]
    assert visits(Trial(low, NUMPY)) != visits(Trial(high, NUMPY))
    assert visits(Trial(low, NUMPY)) + Coverage() == visits(Trial(low, NUMPY))
