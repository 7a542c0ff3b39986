"""A GRU in a narrower format: within its own bounds, and what no longer moves there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gruverify import Variant, bfloat16, float16, float32, float64
from gruverify.arithmetic import Format, emulated
from gruverify.diagnosis import _formats, advice, diagnose, format_in_words, given_inputs, model_of
from gruverify.diagnosis._formats import Latch, in_format
from gruverify.diagnosis._row import rows_of
from tests.diagnosis._models import cell, only_layer, row_of

HALVES_AND_SINGLE = pytest.mark.parametrize("fmt", [float16, bfloat16, float32], ids=str)


@HALVES_AND_SINGLE
def test_errors_are_within_the_bounds(fmt: Format) -> None:
    found = in_format(row_of(cell(dtype="f4")), fmt)

    assert 0 < found.margin <= 1
    assert found.claims > 0
    assert found.safe == len(found.error)
    assert 0 < found.gradient < 1
    assert (found.latches, found.immovable, found.finite) == ((), (), True)


@HALVES_AND_SINGLE
def test_catches_an_arithmetic_of_fewer_bits(fmt: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(values: np.ndarray, _: Format) -> np.ndarray:
        return emulated(np.round(np.asarray(values) * 8) / 8, fmt)

    monkeypatch.setattr(_formats, "emulated", worse)
    found = in_format(row_of(cell(scale=0.5)), fmt)

    assert found.margin > 1


def test_float64_is_itself() -> None:
    found = in_format(row_of(cell()), float64)

    assert (float(found.error.max()), found.margin, found.gradient) == (0, 0, 0)


def test_a_unit_latches_where_its_gate_rounds_to_1() -> None:
    one = cell(scale=2.0**-6, update_bias=np.array([6.5, 2.0, 9.0, 4.0]), dtype="f4")
    layer = only_layer(diagnose(one, np.ones((40, 1, 2)), formats="f16,bf16,f32"))

    latches = {each.format: [latch.unit for latch in each.latches] for each in layer.formats}
    assert latches == {float16: [2], bfloat16: [0, 2], float32: []}
    assert layer.formats[1].latches[0] == Latch(0, 0)
    assert layer.formats[1].immovable == (0, 2)
    said = format_in_words(layer.formats[1], layer)
    assert said.endswith("; from the first step on units 0, 2 latch (z rounds to 1)")
    told = " ".join(advice(layer, recorded=True))
    assert (
        "bfloat16: compute the update gate in a wider format, or keep its pre-activation below 5.5"
        in told
    )


def test_in_the_convention_of_replace_the_advice_has_the_other_sign() -> None:
    one = cell(scale=0.0, update_bias=-9.0, variant=Variant(update="replace"))
    layer = only_layer(diagnose(one, np.ones((8, 1, 2)), formats="bf16"))

    assert "units 0, 1, 2, 3 latch (1-z rounds to 1)" in format_in_words(layer.formats[0], layer)
    assert "keep its pre-activation above -5.55" in advice(layer, recorded=True)[0]


def test_it_is_said_from_which_step_a_unit_latches() -> None:
    one = cell(H=1, I=1, scale=0.0)
    weights = one.weight_ih.copy()
    weights[1] = 1.0  # z = σ(x)
    x = np.concatenate([np.zeros(10), np.full(20, 9.0)])[:, None, None]
    layer = only_layer(diagnose(replace(one, weight_ih=weights), x, formats="bf16"))

    assert layer.formats[0].latches == (Latch(0, 10),)
    assert "from step 10 on unit 0 latches" in format_in_words(layer.formats[0], layer)


def test_chrono_initialisation_is_too_long_for_bfloat16() -> None:
    """A bias of ln(T-1) rounds z to 1 for T > 2^(p+1): theory 5."""
    biases = np.log(np.array([100.0, 400.0, 600.0]) - 1)
    layer = only_layer(
        diagnose(cell(H=3, scale=0.0, update_bias=biases), np.ones((8, 1, 2)), formats="bf16")
    )

    assert [latch.unit for latch in layer.formats[0].latches] == [2]


def test_what_overflows_is_said() -> None:
    one = cell()
    model = model_of(one)
    x = np.full((3, 1, 2), 1e30)
    given = given_inputs(model, x, state=None, batch_first=False, source="x")
    [row] = rows_of(model.gru, given)

    assert not in_format(row, float16).finite
    layer = only_layer(diagnose(one, x, formats="f16"))
    assert format_in_words(layer.formats[0], layer) == "float16 overflows"
