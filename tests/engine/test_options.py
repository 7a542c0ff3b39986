"""Options of a run that make no sense are named on one line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gruverify import check
from gruverify.engine import declarations


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"seed": 1.5}, "seed=1.5 must be a whole number"),
        ({"seed": "1"}, "seed='1' must be a whole number"),
        ({"seed": True}, "seed=True must be a whole number"),
        ({"max_cases": 2.0}, "max_cases=2.0 must be a whole number"),
        ({"max_failures": "all"}, "max_failures='all' must be a whole number"),
        ({"time_budget": "5"}, "time_budget='5' must be a number of seconds"),
        ({"time_budget": True}, "time_budget=True must be a number of seconds"),
        ({"time_budget": float("nan")}, "time_budget=nan must be more than 0 seconds"),
        ({"only": 3}, "only has 3: it must be one pattern or several"),
        ({"skip": ["agreement", None]}, "skip has None: it must be one pattern or several"),
    ],
)
def test_an_option_of_the_wrong_type_is_one_line(option: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=r"^.") as caught:
        check("numpy", **option)

    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.uncounted
def test_numpys_integers_are_whole_numbers() -> None:
    few: Any = {"only": "contract/shape-step", "formats": "f32"}
    named = check("numpy", **few, seed=np.int64(3), max_cases=np.int32(2), max_size=np.int8(2))

    assert named.header == check("numpy", **few, seed=3, max_cases=2, max_size=2).header
    assert '"seed": 3' in json.dumps(named.header)


def test_what_is_declared_is_said_in_the_same_words_everywhere() -> None:
    header = {"declarations": {"kappa_sigma": 8, "kappa_tanh": 8, "nan": "raises"}}

    assert declarations(header) == "kappa=8, nan='raises'"
