"""What is proved, refuted or unknown, of boxes small and large."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify import Cell, Format, Stack, Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import NDArray
from gruverify.reaching import (
    Answer,
    CannotReach,
    Model,
    Reach,
    in_format,
    property_named,
    run_in_format,
)
from tests.reaching._models import DATA, H, inputs, reach, stack_of

STACK = stack_of(Variant(), float32)


def answer(text: str, stack: Stack = STACK, radius: float = 0.01, **given: object) -> Answer:
    found = reach(stack, inputs(), radius=radius, properties=text, **given)
    return found.answers[0]


def ends(radius: float = 0.01) -> Reach:
    return reach(STACK, inputs(), radius=radius)


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("h[3] > 0.2", [(0.3, True), (0.2, False), (0.1, False)]),
        ("h[3] ≥ 0.2", [(0.2, True), (0.1, False)]),
        ("h[3] stays < -1e-1", [(-0.2, True), (0.0, False)]),
        ("|h[3]| <= .5", [(-0.5, True), (0.6, False)]),
        ("h[3]   wins", [(0.3, True), (0.0, False)]),
    ],
)
def test_a_property_says_what_it_says(text: str, states: list[tuple[float, bool]]) -> None:
    wanted = property_named(text, 4, None)
    for value, holds in states:
        h = np.array([0.0, -0.1, 0.1, value])
        assert bool(wanted.holds(wanted.margins(h))) == holds
    assert not wanted.holds(wanted.margins(np.full(4, np.nan)))
    assert wanted.when == ("every" if "stays" in text else "last")


@pytest.mark.parametrize("text", ["|h| <= 0.9 for ever", "|h|≤0.9 forever", "y < 3 for ever"])
def test_for_ever_is_for_ever(text: str) -> None:
    assert property_named(text, 2, 3).when == "ever"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h[3] is small", "property 'h[3] is small' is not one: write"),
        ("h[9] > 0", "there are h[0] to [3]"),
        ("y[0] > 0", "name it with --head"),
        ("|h| > 0.1", "is bounded from above"),
        ("|h[1] < 0.1", "has one | too few"),
        ("h[7] wins", "there are h[0] to [3]"),
    ],
)
def test_what_is_no_property_is_told(text: str, message: str) -> None:
    with pytest.raises(CannotReach, match=message.replace("[", r"\[").replace("|", r"\|")):
        property_named(text, 4, None)
    with pytest.raises(CannotReach, match="nothing else to win"):
        property_named("h[0] wins", 1, None)


def test_proved_refuted_and_unknown() -> None:
    found = ends(0.3)
    low = float(found.low[-1, :, 2].min())
    below, width = low - 0.01, float(found.width[-1, :, 2].max())

    assert answer(f"h[2] > {below}", radius=0.3).verdict == "proved"
    refuted = answer(f"h[2] > {low + width / 2}", radius=0.3)
    assert refuted.verdict == "refuted"
    assert refuted.witness is not None
    assert refuted.witness.margin <= 0
    unknown = answer(f"h[2] > {low + 1e-5}", radius=0.3)
    assert unknown.verdict == "unknown"
    assert unknown.least < 0


@pytest.mark.parametrize("fmt", [float16, bfloat16, float32, float64], ids=str)
def test_a_witness_can_be_run_again(fmt: Format) -> None:
    stack = in_format(STACK, fmt)
    found = answer("h[0] stays > 0.9", stack, state_radius=0.1)
    assert found.witness is not None
    one = found.witness
    outputs, _ = run_in_format(Model(stack), one.inputs, one.state)

    np.testing.assert_array_equal(outputs, one.outputs)
    assert one.inputs.dtype == fmt.dtype
    assert not one.outputs[one.step, 0, 0] > 0.9
    assert one.margin == float(one.outputs[one.step, 0, 0]) - 0.9


def test_which_unit_wins() -> None:
    found = ends()
    best = int(found.low[-1, 0].argmax())
    only = inputs()[:, :1]
    won = reach(STACK, only, radius=1e-4, properties=[f"h[{best}] wins", "h[0] wins always"])
    verdicts = [one.verdict for one in won.answers]

    assert verdicts[0] == "proved"
    assert won.answers[1].property.when == "every"
    other = (best + 1) % H
    assert answer(f"h[{other}] wins", radius=1e-4).verdict == "refuted"


def test_what_the_difference_knows_is_not_in_the_ends() -> None:
    """Two units of the same weights and a bias apart: one wins though their ranges overlap."""
    cell = STACK.cells[0][0]
    rows = np.array([0, 0, 2, 3])
    packed = {
        name: np.concatenate([a[k * H : (k + 1) * H][rows] for k in range(3)])
        for name, a in cell.packed().items()
    }
    packed["bias_ih"][2 * H] += np.float32(0.05)
    twins = Stack(((Cell(cell.variant, **packed),),))
    found = reach(twins, inputs(1), radius=0.5, properties="h[0] > -2")
    assert found.low[-1, 0, 0] < found.high[-1, 0, 1]
    margins = property_named("h[0] wins", H, None)
    assert margins.weights.shape == (H, H - 1)
    one = reach(twins, inputs(1), radius=0.5, properties="h[0] wins").answers[0]
    gap = float(found.low[-1, 0, 0] - found.high[-1, 0, 1])
    assert one.least > gap


@pytest.mark.uncounted
def test_for_ever_is_proved_by_a_box_that_returns_into_itself() -> None:
    given = {"box": (-0.2, 0.2), "steps": 6}
    for fmt in (float32, bfloat16):
        stack = in_format(stack_of(Variant("before"), float32, scale=0.3), fmt)
        found = reach(stack, properties="|h| <= 0.9 for ever", **given)
        one = found.answers[0]
        assert one.verdict == "proved"
        assert one.least > 0
        assert "the states are back in a box" in one.how
    two = stack_of(Variant(), float32, layers=2, scale=0.15)
    low = reach(two, properties="h < -0.5 for ever", **given).answers[0]
    assert low.verdict == "refuted"


def test_for_ever_needs_to_know_what_comes() -> None:
    with pytest.raises(CannotReach, match="for ever needs one box for all steps"):
        answer("|h| <= 1 for ever")
    both = stack_of(Variant(), float32, directions=2)
    with pytest.raises(CannotReach, match="a GRU that only runs forward"):
        reach(both, box=(0.0, 0.1), steps=3, properties="|h| <= 1 for ever")


def test_what_no_box_proves_for_ever_is_unknown() -> None:
    wild = stack_of(Variant(), float32, scale=2.0)
    found = reach(wild, box=(-1.0, 1.0), steps=4, properties="|h| < 0.9999999 for ever")

    assert found.answers[0].verdict in ("unknown", "refuted")
    huge = reach(wild, box=(1e38, 2e38), steps=2, properties="h[0] > -2 for ever")
    assert huge.answers[0].verdict == "unknown"


def test_pieces_prove_more() -> None:
    widths = [
        float(reach(STACK, inputs(), radius=0.3, state_radius=0.8, split=n).width[-1].max())
        for n in (1, 8)
    ]
    assert widths[1] < widths[0]


def test_the_linear_layer_has_properties_of_its_own() -> None:
    path = DATA / "integrator.npz"
    with np.load(path) as file:
        xs: NDArray = file["x"][:10, :2]
    asked = ["y[0] > -9", "y[0] stays > 9", "h[0] < 1", "|y| <= 9"]
    found = reach(path, xs, radius=0.01, head="readout", properties=asked)

    assert [one.verdict for one in found.answers] == ["proved", "refuted", "proved", "proved"]
    assert found.y_low is not None
    near = f"y[0] > {float(found.y_low[-1].min()) + 1e-6!r}"
    one = reach(path, xs, radius=0.01, head="readout", properties=near).answers[0]
    assert (one.verdict, one.witness) == ("unknown", None)
    witness = found.answers[1].witness
    assert witness is not None
    assert witness.behind is not None
    assert witness.behind.shape == (10, 1, 1)


def test_what_overflows_beside_an_output_breaks_no_property_of_it() -> None:
    outputs = np.array([[0.5, np.inf, -np.inf], [0.1, np.inf, 0.0]])
    above = property_named("y[0] > 0.2", H, 3)
    wins = property_named("y[1] wins", H, 3)

    assert above.holds(above.margins(outputs)).tolist() == [True, False]
    assert wins.holds(wins.margins(outputs)).tolist() == [True, True]
