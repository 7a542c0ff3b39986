"""Coverage of parts of a run adds up to that of the whole, whatever the order and the grouping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruverify import FORMATS
from gruverify.coverage import GROUPS, Coverage, merged

pytestmark = pytest.mark.uncounted

BINS = [(group.name, bin) for group in GROUPS.values() for bin in group.bins()]


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    """Hits in some groups; some bins excluded, for one reason or another."""
    names = draw(st.sets(st.sampled_from(sorted(GROUPS)), max_size=3))
    hits = {
        name: np.array(draw(_counts(GROUPS[name].size))).reshape(GROUPS[name].shape)
        for name in sorted(names)
    }
    return Coverage(
        hits,
        draw(
            st.dictionaries(st.sampled_from(BINS), st.sampled_from(["size", "paths"]), max_size=3)
        ),
    )


def _counts(size: int) -> st.SearchStrategy[Any]:
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda seed: np.random.default_rng(seed).integers(0, 4, size))


runs = st.dictionaries(st.sampled_from([fmt.name for fmt in FORMATS]), coverages(), max_size=3)


@given(coverages(), coverages(), coverages())
def test_adding_is_associative(a: Coverage, b: Coverage, c: Coverage) -> None:
    assert (a + b) + c == a + (b + c)


@given(coverages(), coverages())
def test_adding_is_commutative(a: Coverage, b: Coverage) -> None:
    assert a + b == b + a


@given(coverages())
def test_nothing_added_changes_nothing(a: Coverage) -> None:
    assert a + Coverage() == a == Coverage() + a


@given(coverages(), coverages())
def test_every_hit_counts_once(a: Coverage, b: Coverage) -> None:
    for group in GROUPS.values():
        assert np.array_equal((a + b).hits_of(group), a.hits_of(group) + b.hits_of(group))


@given(st.permutations(range(3)), st.lists(runs, min_size=3, max_size=3))
def test_parts_of_a_run_merge_in_any_order(
    order: list[int], parts: list[dict[str, Coverage]]
) -> None:
    whole = merged(parts)

    assert whole == merged([parts[i] for i in order])
    assert whole == merged([merged(parts[:2]), parts[2]]) == merged([parts[0], merged(parts[1:])])


def test_catches_hits_that_differ() -> None:
    assert Coverage({"H": np.array([1, 0, 0])}) != Coverage({"H": np.array([0, 1, 0])})
    assert Coverage() != Coverage(excluded={("H", ("2",)): "size"})
