"""Every operation on balls holds what implementations compute for it, in any order, association and accumulator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruverify.arithmetic import FORMATS, Format, Rounding
from tests.arithmetic._experiments import EXPERIMENTS

pytestmark = pytest.mark.uncounted


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("name", EXPERIMENTS)
@settings(max_examples=20)
@given(data=st.data())
def test_the_ball_holds_every_way_to_compute_it(name: str, fmt: Format, data: st.DataObject) -> None:
    experiment = EXPERIMENTS[name]
    operands = data.draw(experiment.operands(fmt), label="operands")

    assert list(experiment.escapees(Rounding(fmt), operands)) == []
