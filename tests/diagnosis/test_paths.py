"""Products of Jacobians: as autograd finds them, whole, and in the parts that they are made of."""

from __future__ import annotations

from functools import reduce
from operator import matmul
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify import VARIANTS, Variant, float64
from gruverify.arithmetic import Ball, Rounding, diagonal
from gruverify.diagnosis import _paths, drawn_inputs, given_inputs, model_of
from gruverify.diagnosis._paths import norms_by_lag
from gruverify.diagnosis._row import Row, rows_of
from gruverify.diagnosis._windows import Windows, windows_of
from gruverify.formulas import Summands, jacobian_of_state, sequence, step, summands
from tests.diagnosis._models import STEPS, T, cell, row_of, trained

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.uncounted

NDArray = npt.NDArray[Any]
MODE = Rounding(float64)
LAG = 6


def windows(T: int = T) -> Windows:
    """The last steps of either member."""
    return Windows(np.array([T, T]), np.array([0, 1]), np.array([1, 2, 4, LAG]))


def exact(values: NDArray) -> Ball:
    return Ball.exact(MODE, values)


def enclosures(row: Row, member: int) -> list[Ball]:
    """What ∂h_T/∂h_{T-k} may be for k = 1 … LAG, in balls: whoever computes it in float64."""
    T, some = len(row.run.steps), slice(member, member + 1)
    xs = [exact(s.x[some]) for s in row.run.steps[T - LAG :]]
    start = exact(row.run.states[T - LAG][some])
    run = sequence(row.cell.variant, row.cell.parameters(exact), xs, start)
    each = [jacobian_of_state(row.cell.variant, run.parameters, a)[0] for a in run.steps]
    return [reduce(matmul, each[: LAG - k - 1 : -1]) for k in range(1, LAG)] + [
        reduce(matmul, each[::-1])
    ]


def by_autograd(row: Row, member: int, lag: int) -> NDArray:
    """∂h_T/∂h_{T-lag} as torch differentiates the same steps."""
    T = len(row.run.steps)
    p = row.cell.parameters(lambda array: torch.tensor(array.astype(np.float64)))
    xs = [torch.tensor(s.x[member : member + 1]) for s in row.run.steps[T - lag :]]

    def last(h: Any) -> Any:
        h = h[None]
        for x in xs:
            h = step(row.cell.variant, p, x, h)
        return h[0]

    before = torch.tensor(row.run.states[T - lag][member])
    found: NDArray = torch.autograd.functional.jacobian(last, before).numpy()
    return found


def norm_bound(enclosure: Ball, norm: float) -> float:
    """How far two norms may be apart whose matrices are in the ball: its own norm and, of the
    singular values found, H² roundings.
    """
    H = enclosure.shape[-1]
    around = 2 * float(np.linalg.norm(enclosure.radius))
    return around + 8 * H**2 * float64.unit_roundoff * norm + float64.min_normal


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_norms_are_those_of_autograd(variant: Variant) -> None:
    row = row_of(cell(variant=variant, update_bias=1.0 if variant.update == "keep" else -1.0))
    assert_norms_are_those_of_autograd(row)


@pytest.mark.parametrize("name", STEPS)
def test_norms_of_the_trained_are_those_of_autograd(name: str) -> None:
    weights, x = trained(name)
    model = model_of(weights)
    given = given_inputs(model, x, state=None, batch_first=False, source=name)
    [row] = rows_of(model.gru, given)

    assert_norms_are_those_of_autograd(row)


def assert_norms_are_those_of_autograd(row: Row) -> None:
    """Of the whole product and its rows, at every lag, and within bounds that say something."""
    found = norms_by_lag(row, windows(len(row.run.steps)))
    for member in (0, 1):
        balls = enclosures(row, member)
        for place, lag in enumerate(found.lags):
            matrix, ball = by_autograd(row, member, int(lag)), balls[lag - 1]
            assert (np.abs(matrix - ball.mid) <= ball.radius).all()
            norm = float(np.linalg.norm(matrix, 2))
            bound = norm_bound(ball, norm)
            assert bound < norm / 2**20  # the bound says something
            assert abs(np.exp(found.norms["all"][place, member]) - norm) <= bound
            rows = np.linalg.norm(matrix, axis=1)
            assert (np.abs(np.exp(found.units[place, member]) - rows) <= bound).all()


@pytest.mark.parametrize("lost", ["carry", "elman", "gates"])
def test_catches_a_lost_summand(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = row_of(cell())
    norm = float(np.linalg.norm(by_autograd(row, 0, LAG), 2))

    def faulty(*given: Any) -> Summands:
        found = summands(*given)
        parts = {name: getattr(found, name) for name in ("carry", "elman", "gates")}
        return Summands(**{**parts, lost: 0 * parts[lost]})

    monkeypatch.setattr(_paths, "summands", faulty)
    found = float(np.exp(norms_by_lag(row, windows()).norms["all"][-1, 0]))

    assert abs(found - norm) > norm_bound(enclosures(row, 0)[-1], norm)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_summands_add_up_to_the_jacobian(variant: Variant) -> None:
    row = row_of(cell(variant=variant))
    a, p = row.run.steps[3], row.run.parameters
    s = summands(variant, p, a)
    whole = diagonal(s.carry) + s.elman + s.gates

    balls = sequence(
        variant,
        row.cell.parameters(exact),
        [exact(each.x) for each in row.run.steps[:4]],
        exact(row.run.states[0]),
    )
    around = jacobian_of_state(variant, balls.parameters, balls.steps[3])
    assert (np.abs(whole - around.mid) <= around.radius).all()


def test_each_part_is_multiplied_alone_and_without_the_others() -> None:
    row, found = row_of(cell()), {}
    for t in range(T):
        a = row.activations_at(np.array([t]), np.array([0]))
        s = summands(row.cell.variant, row.run.parameters, a)
        J = jacobian_of_state(row.cell.variant, row.run.parameters, a)[0]
        found[t] = {
            "carry": np.diag(s.carry[0]),
            "elman": s.elman[0],
            "without elman": J - s.elman[0],
            "without carry": J - np.diag(s.carry[0]),
            "without gates": J - s.gates[0],
            "diagonal": np.diag(np.diag(J)),
        }
    by_lag = norms_by_lag(row, windows())
    for part in found[0]:
        product = reduce(matmul, [found[t][part] for t in range(T - 1, T - LAG - 1, -1)])
        norm = float(np.linalg.norm(product, 2))
        size = float(np.prod([np.linalg.norm(found[t][part]) for t in range(T - LAG, T)]))
        # Each factor rounds by a few units of itself, and so does each product of H terms.
        roundings = LAG * 16 * 4 * float64.unit_roundoff * size
        assert abs(np.exp(by_lag.norms[part][-1, 0]) - norm) <= roundings


def test_long_lags_neither_overflow_nor_underflow() -> None:
    model = model_of(cell(scale=2.0**-10, update_bias=-60.0))
    [row] = rows_of(model.gru, drawn_inputs(model, 400, 1, 0))
    found = norms_by_lag(row, Windows(np.array([400]), np.array([0]), np.array([1, 400])))

    assert np.isfinite(found.norms["all"]).all()
    assert found.norms["all"][-1, 0] < -1000


def test_a_shorter_window_says_nothing_of_longer_lags() -> None:
    row = row_of(cell())
    found = norms_by_lag(row, Windows(np.array([T, 3]), np.array([0, 1]), np.array([2, LAG])))

    assert np.isnan(found.norms["all"]).tolist() == [[False, False], [False, True]]
    assert found.median("all")[1] == found.norms["all"][1, 0]


def test_windows_are_few_where_units_are_many() -> None:
    large, small = windows_of(1000, 16, 256), windows_of(30, 8, 8)

    assert (len(large.ends), large.longest) == (2, 128)
    assert (len(small.ends), small.longest, small.ends[0]) == (32, 30, 30)
    assert small.lags.tolist() == [1, 2, 3, 4, 6, 8, 12, 16, 24, 30]
    assert len({*zip(small.ends.tolist(), small.members.tolist(), strict=True)}) == 32
    assert (len(windows_of(50, 4, 1024).ends), windows_of(50, 4, 1024).longest) == (1, 32)
    assert windows_of(1, 1, 3).lags.tolist() == [1]
