"""assert_gru_close, in place of assert_allclose and a guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gruverify
from gruverify import Cell, Variant
from gruverify.backends import NumpyBackend
from gruverify.testing import assert_gru_close

RNG = np.random.default_rng(0)
CELL = Cell(
    Variant(),
    **{
        name: RNG.normal(size=shape).astype(np.float32)
        for name, shape in {
            "weight_ih": (9, 2),
            "weight_hh": (9, 3),
            "bias_ih": (9,),
            "bias_hh": (9,),
        }.items()
    },
)
INPUTS, STATE = (
    RNG.normal(size=(10, 2, 2)).astype(np.float32),
    RNG.uniform(-1, 1, (2, 3)).astype(np.float32),
)
OUTPUTS = NumpyBackend().sequence(CELL, INPUTS, STATE)[0]


def test_a_right_run_passes() -> None:
    assert_gru_close(CELL, INPUTS, OUTPUTS, state=STATE, kappa_sigma=5)
    gruverify.testing.assert_gru_close(
        CELL, INPUTS[:, 0], OUTPUTS[:, 0], state=STATE[0], format="f32", kappa=5
    )


def test_catches_another_gru_with_what_explains_it() -> None:
    with pytest.raises(
        AssertionError,
        match=r"(?s)^bug: \d+ of 60 numbers.*first: t=0, .*: reset gate applied after",
    ):
        assert_gru_close(replace(CELL, variant=Variant("before")), INPUTS, OUTPUTS, state=STATE)


def test_catches_bounds_that_claim_too_little() -> None:
    with pytest.raises(
        AssertionError, match=r"^undecidable: nothing is beyond its bound, but the bounds claim too"
    ):
        assert_gru_close(CELL, INPUTS, OUTPUTS, state=STATE, kappa=1e7)
