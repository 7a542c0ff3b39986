"""Nothing leaves an enclosure: not runs in a format from anywhere in the boxes, not those that
follow a gradient, and not the true states.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from gruverify import Format, Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import Affine, _affine, _products
from gruverify.formulas import sequence
from gruverify.reaching import (
    Model,
    Reach,
    counterexample,
    in_format,
    property_named,
)
from gruverify.reaching import _api as api
from tests.reaching._models import DATA, H, T, inputs, outside, reach, stack_of

pytestmark = pytest.mark.uncounted

CASES = [
    pytest.param(Variant("after", "keep"), float32, 1, 1, id="after"),
    pytest.param(Variant("before", "replace", biases="input"), float16, 1, 1, id="before"),
    pytest.param(Variant("after", "keep", bias=False), bfloat16, 2, 1, id="two layers"),
    pytest.param(Variant("before", "keep"), float64, 1, 2, id="both directions"),
    pytest.param(Variant("after", "replace", biases="input+candidate"), float32, 2, 2, id="both"),
]


@pytest.mark.parametrize(("variant", "fmt", "layers", "directions"), CASES)
@pytest.mark.parametrize(("radius", "state"), [(0.0, 0.0), (0.02, 0.01), (0.5, 0.5)])
def test_runs_in_a_format_stay_inside(
    variant: Variant, fmt: Format, layers: int, directions: int, radius: float, state: float
) -> None:
    stack, xs = stack_of(variant, fmt, layers=layers, directions=directions), inputs()
    found = reach(stack, xs, radius=radius, state_radius=state)

    assert outside(found, stack, xs, radius, state) <= 0
    if radius < 0.1 and fmt is not bfloat16:
        assert (found.width < 1).all()


@pytest.mark.parametrize("fmt", [float16, float32, float64], ids=str)
def test_what_follows_a_gradient_stays_inside(fmt: Format) -> None:
    """Nothing that is searched for is below the lower ends."""
    stack, xs = stack_of(Variant(), fmt), inputs(1)
    found = reach(stack, xs, radius=0.1)
    model = Model(stack)
    boxes = api.boxes_of(
        api.model_of(stack),
        xs,
        radius=0.1,
        box=None,
        state=None,
        state_radius=0.0,
        between=None,
        steps=None,
        batch_first=False,
        source="",
    ).rounded_to(fmt)
    for unit in range(H):
        low, high = found.low[-1, 0, unit], found.high[-1, 0, unit]
        near = low + 0.4 * (high - low)
        for number, there in ((low, False), (near, True)):
            wanted = property_named(f"h[{unit}] >= {float(number)!r}", H, None)
            assert (counterexample(model, fmt, boxes, wanted, 0) is not None) == there


def test_the_true_states_stay_inside() -> None:
    pytest.importorskip("flint")
    from gruverify.arithmetic.arb import arb_array

    for variant in (Variant(), Variant("before", "replace")):
        stack, xs = stack_of(variant), inputs(1).astype(np.float64)
        found = reach(stack, xs, radius=2.0**-30)
        cell, lift = stack.cells[0][0], partial(arb_array, bits=150)
        rng = np.random.default_rng(0)
        for _ in range(3):
            given = xs + rng.choice([-1.0, 1.0], size=xs.shape) * 2.0**-30
            run = sequence(
                variant, cell.parameters(lift), [lift(x) for x in given], lift(np.zeros((1, H)))
            )
            for t in range(T):
                assert (found.low[t] <= run.states[t + 1].lower).all()
                assert (run.states[t + 1].upper <= found.high[t]).all()


def test_a_file_and_its_linear_layer_stay_inside() -> None:
    path = DATA / "integrator.npz"
    with np.load(path) as file:
        xs, W, b = file["x"][:12, :2], file["readout.weight"], file["readout.bias"]
    found = reach(path, xs, radius=0.02, head="readout")
    stack = api.model_of(str(path)).gru.stack

    assert outside(found, stack, xs, 0.02) <= 0
    assert found.y_low is not None
    assert found.y_high is not None
    outputs = api.NumpyBackend().stack(stack, xs + np.float32(0.015), None, None, False)[0]
    y = outputs @ W.T + b
    assert (found.y_low <= y).all()
    assert (y <= found.y_high).all()
    # The integrator counts: after 12 steps the ends are 12 · 0.04 apart, and little more.
    assert 0.4 < (found.y_high - found.y_low)[-1].max() < 0.54


def test_a_backward_gru_meets_the_last_step_first() -> None:
    stack, xs = stack_of(Variant()), inputs(1)
    forward = reach(stack, xs[::-1], radius=0.01)
    gru, zeros = api.model_of(stack), np.zeros((1, 1, H))
    backward = api.reached(
        gru.gru,
        Model(stack, backward=True),
        api.rounding(float64, {}),
        api.Boxes(xs - 0.01, xs + 0.01, zeros, zeros, ""),
        [],
        forward.settings,
    )
    np.testing.assert_allclose(backward.low, forward.low[::-1], atol=1e-6)


def _sampled(fmt: Format, radius: float) -> float:
    stack, xs = in_format(stack_of(Variant(), scale=0.7), fmt), inputs()
    return outside(reach(stack, xs, radius=radius), stack, xs, radius)


def test_catches_roundings_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _sampled(bfloat16, 0.0) <= 0
    monkeypatch.setattr(Affine, "_charged", lambda self, rounding: self)
    assert _sampled(bfloat16, 0.0) > 0


def test_catches_a_product_without_its_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    def straight(a: Any, b: Any, roots: int) -> Any:
        return _products._linear(a, b)

    assert _sampled(float64, 0.8) <= 0
    monkeypatch.setattr(_affine, "product", straight)
    monkeypatch.setattr(_affine, "_between", lambda z, one, zero: (-np.inf, np.inf))
    assert _sampled(float64, 0.8) > 0


def test_catches_a_curve_without_its_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _affine.bent

    def exact(form: Any, bend: Any, roots: int) -> Any:
        found = plain(form, bend, roots)
        return type(found)(found.symbols, found.centre, found.parts, 0 * found.own)

    monkeypatch.setattr(_affine, "bent", exact)
    monkeypatch.setattr(_affine, "_between", lambda z, one, zero: (-np.inf, np.inf))
    monkeypatch.setattr(Affine, "_known", lambda self, rounding, least: self)
    assert _sampled(float64, 0.8) > 0


def test_a_box_that_is_too_large_claims_nothing_and_says_from_where() -> None:
    found: Reach = reach(stack_of(Variant(), scale=1.5), box=(-5.0, 5.0), steps=8)

    assert found.silent_from is not None
    assert found.silent_from < 8
    assert (found.claims[found.silent_from :] == 0).all()
    assert (np.abs(found.low) <= 1).all()  # the state's own box is never left
    assert reach(stack_of(Variant()), box=(0.0, 0.01), steps=2).silent_from is None


def test_what_overflows_is_infinite() -> None:
    huge = stack_of(Variant(), scale=1.0)
    found = reach(huge, box=(1e300, 2e300), steps=3, state_box=(1e305, 1e308))

    assert not np.isfinite(found.low).any()
    assert found.silent_from == 0
