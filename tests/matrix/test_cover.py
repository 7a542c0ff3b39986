"""The smallest set of invariants that catches all: small examples, and brute force."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gruverify.matrix import cover

KILLERS = st.dictionaries(
    st.sampled_from("pqrstu"), st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=6
)


def fewest(killers: dict[str, frozenset[str]]) -> int:
    """By trying them all."""
    return next(
        size
        for size in range(7)
        for chosen in combinations("abcdef", size)
        if all(by & set(chosen) for by in killers.values())
    )


@given(KILLERS)
def test_cover_catches_all_with_the_fewest(killers: dict[str, frozenset[str]]) -> None:
    found = cover(killers)
    assert found.smallest
    assert all(by & set(found.invariants) for by in killers.values())
    assert len(found.invariants) == fewest(killers)


def test_greedy_is_beaten_where_it_is_wrong() -> None:
    """The invariant that catches most is not among the two that catch all."""
    killers = {f"l{i}": {"left", "most"} if i < 2 else {"left"} for i in range(3)}
    killers |= {f"r{i}": {"right", "most"} if i < 2 else {"right"} for i in range(3)}
    assert cover({name: frozenset(by) for name, by in killers.items()}).invariants == (
        "left",
        "right",
    )


def test_what_nothing_catches_is_left_out() -> None:
    assert cover({"survivor": frozenset(), "other": frozenset("a")}).invariants == ("a",)
    assert cover({}).invariants == ()
