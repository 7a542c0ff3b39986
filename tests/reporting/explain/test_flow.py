"""The numbers of the pictures of where gradients go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gruverify.arithmetic import FORMATS
from gruverify.reporting.explain import Setting, explain, gradient_flow
from gruverify.reporting.explain._flow import BIAS, STEPS

pytestmark = pytest.mark.uncounted

NAMES = tuple(fmt.name for fmt in FORMATS)


@pytest.fixture(scope="module")
def regimes() -> dict[str, dict[str, Any]]:
    return {regime["name"]: regime for regime in gradient_flow(NAMES)["regimes"]}


def test_four_regimes_each_with_every_arithmetic_and_step(
    regimes: dict[str, dict[str, Any]],
) -> None:
    assert list(regimes) == ["carry", "forget", "Elman", "mixed"]
    for regime in regimes.values():
        for quantity in ("terms", "influence"):
            assert list(regime[quantity]) == ["exact", *NAMES]
            assert {len(series) for series in regime[quantity].values()} == {STEPS}


@pytest.mark.slow
def test_they_are_the_explanations_numbers_from_the_first_step_to_the_last(
    regimes: dict[str, dict[str, Any]],
) -> None:
    for report in explain(Setting(steps=STEPS, biases=(BIAS,))).reports:
        row, shown = report.rows[-1], regimes[report.regime.name]
        for fmt in FORMATS:
            measured = [value.mid for value in reversed(row.formats[fmt.short].terms)]
            assert shown["terms"][fmt.name] == [float(f"{value:.5g}") for value in measured]
        assert shown["influence"]["exact"][0] == float(f"{row.exact.influence[-1].mid:.5g}")


def test_the_answer_is_in_them(regimes: dict[str, dict[str, Any]]) -> None:
    """Nothing reaches back from the last step where z = r = 0, and yet its own term stands."""
    forget, carry = regimes["forget"], regimes["carry"]

    assert forget["influence"]["exact"][-1] == 1
    assert forget["influence"]["exact"][0] < forget["influence"]["float32"][-1] * 2**-100
    assert max(forget["terms"]["exact"]) == forget["terms"]["exact"][-1] > 0
    assert carry["influence"]["exact"][0] > 1 / 2


def test_a_zero_is_a_zero_and_the_formats_do_not_share_it(
    regimes: dict[str, dict[str, Any]],
) -> None:
    first = {name: series[0] for name, series in regimes["forget"]["terms"].items()}

    assert first["float16"] == 0
    assert first["float64"] > 0


def test_they_can_be_written_as_json() -> None:
    flow = gradient_flow(("float32",))

    assert json.loads(json.dumps(flow, allow_nan=False)) == flow
    assert flow["bias"] == BIAS
