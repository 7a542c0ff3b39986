"""What is stored of a run reads back to the same."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import gruverify
from gruverify import Result, float32
from gruverify.backends import Call, backend
from gruverify.coverage import Coverage
from gruverify.engine import (
    Death,
    Drawn,
    Flaky,
    LessAccurate,
    Outcomes,
    Replay,
    Tally,
    decode_death,
    decode_part,
    encode_death,
    encode_part,
)

from ._drawn import HEADER, plain, results


def read_back(part: Result) -> Result:
    """A part that went through a store."""
    return decode_part(json.loads(json.dumps(encode_part(part))), part.header)


@pytest.mark.uncounted
@given(results())
def test_a_part_reads_back_to_the_same(part: Result) -> None:
    whole = replace(part, complete=True, crashes=())

    assert plain(read_back(whole)) == plain(whole)


def test_everything_that_a_format_may_have_reads_back() -> None:
    outcomes = Outcomes(failed=3 << 200, passed=5)
    tally = Tally(
        2,
        1,
        largest=np.inf,
        histogram=Counter({-512: 2, 7: 1}),
        reason="r",
        mark="xfail",
        outcomes=outcomes,
    )
    hits = {"h'-c": np.array([1, 0, 2], np.int64)}
    part = Result(
        HEADER,
        {("agreement/step", "float32", "reset after, keep"): tally},
        {},
        True,
        1.5,
        coverage={"float32": Coverage(hits, {("h'-c", ("0",)): "no state"})},
        drawn={("float32", "cells"): Drawn(3, 2, {"H": (1, 5)})},
        hints={("float32", "cells"): "declare biases?"},
        lesser={
            "float32": LessAccurate("TF32", {"products": "tf32", "kappa_tanh": 4.0}, 2, 1, 7),
            "float64": None,
        },
        cpu=0.25,
        flaky={("agreement/step", "float32"): Flaky(1, 5, "random", "why")},
        replays=(Replay("agreement/step", "float32", "failed"),),
    )

    assert read_back(part) == part


@pytest.mark.uncounted
def test_a_part_of_a_wrong_target_reads_back_with_its_witnesses() -> None:
    def halved(cell: Any, x: Any, h: Any) -> Any:
        return (gruverify.backends.NumpyBackend().step(cell, x, h) / 2).astype(h.dtype)

    part = gruverify.check(
        backend(step=halved), formats=[float32], max_cases=2, only=["agreement/step"]
    )

    again = read_back(part)
    assert part.witnesses
    assert plain(again) == plain(replace(part, explanation=""))
    assert again.tallies == part.tallies


def test_a_death_reads_back() -> None:
    death = Death("float32", Call("agreement/step", "step", "H=1, I=2"), "ended with code 7")

    assert decode_death(json.loads(json.dumps(encode_death(death)))) == death


def test_catches_values_of_something_else() -> None:
    with pytest.raises(KeyError):
        decode_part({}, HEADER)
