"""The code is as dense as the house wishes, and no denser; its functions are short."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.repo.measures import GOALS, PRODUCT, counts_of, rates


@pytest.mark.uncounted
def test_every_goal_is_met() -> None:
    total = sum((counts_of(path.read_text(encoding="utf-8")) for path in PRODUCT), Counter[str]())
    found = {name: round(rate, 1) for name, rate in rates(total).items()}

    assert found.pop("comments") >= GOALS["comments"]
    assert {name: rate for name, rate in found.items() if rate > GOALS[name]} == {}


def test_counts_what_it_says() -> None:
    found = counts_of(
        "# why\n"
        "pairs = [(a, b) for a in () for b in ()]\n"
        "inner = [[a for a in b] for b in ()]\n"
        "flat = [a for a in ()]\n"
        "one = 1 if pairs else 2\n"
    )

    assert found["lines"] == 5
    assert (found["comments"], found["nested comprehensions"], found["ternaries"]) == (1, 2, 1)


def test_catches_a_long_function() -> None:
    assert counts_of("def f():\n" + "    x = 1\n" * 60)["functions over 60 lines"] == 1
    assert counts_of("def f():\n" + "    x = 1\n" * 59)["functions over 60 lines"] == 0
