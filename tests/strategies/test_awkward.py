"""Awkward on request: empty batches, sizes in relations, arrays laid out in memory in other ways,
special numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify import FORMATS, Format, float16, float32
from gruverify import strategies as gst

from ._debug import assert_all, drawn, find_any, minimal

NDArray = npt.NDArray[Any]


def wide(array: NDArray) -> npt.NDArray[np.float64]:
    return array.astype(np.float64)


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("strategy", "shapes"),
    [
        (gst.inputs(min_T=0, max_T=0, max_I=2), {(0, B, I) for B in range(1, 6) for I in (1, 2)}),
        (gst.inputs(max_T=1, min_B=0, max_B=1, max_I=1), {(1, 0, 1), (1, 1, 1)}),
        (gst.states(min_B=0, max_B=1, max_H=2), {(0, 1), (0, 2), (1, 1), (1, 2)}),
        (
            gst.cotangents(min_T=0, max_T=0, min_B=0, max_B=1, max_H=1).map(lambda pair: pair[0]),
            {(0, 0, 1), (0, 1, 1)},
        ),
        (
            gst.sequences(min_T=0, max_T=1, min_B=0, max_B=0).map(lambda batch: batch.lengths),
            {(0,)},
        ),
        (gst.lengths(min_B=0, max_B=1), {(0,), (1,)}),
    ],
    ids=["no steps", "no members", "no states", "no cotangents", "no batch", "no lengths"],
)
def test_axes_may_be_empty(strategy: Any, shapes: set[tuple[int, ...]]) -> None:
    assert {array.shape for array in drawn(strategy, 500)} == shapes


@pytest.mark.uncounted
def test_nothing_is_empty_unless_asked_for() -> None:
    assert_all(gst.inputs(), lambda x: x.size > 0)
    assert_all(gst.sizes(), lambda s: min(s.T, s.B) > 0)


RELATIONS: dict[str, Callable[[gst.Sizes], bool]] = {
    "H=1": lambda s: s.H == 1,
    "I=H": lambda s: s.I == s.H,
    "T=B": lambda s: s.T == s.B,
    "B=3H": lambda s: s.B == 3 * s.H,
    "distinct": lambda s: len({s.H, s.I, s.B, s.T}) == 4,
    "simd": lambda s: s.H > 1 and s.H % 8 in (0, 1, 7),
}


@pytest.mark.uncounted
@pytest.mark.parametrize("name", RELATIONS)
def test_sizes_have_the_relation_asked_for(name: str) -> None:
    assert_all(gst.sizes(relations=[name]), RELATIONS[name])
    find_any(gst.sizes(max_H=9), lambda s: not RELATIONS[name](s))


@pytest.mark.uncounted
def test_sizes_in_a_relation_keep_their_bounds() -> None:
    assert_all(
        gst.sizes(min_H=2, max_H=4, max_B=9, relations=["B=3H"]),
        lambda s: (s.H, s.B) in ((2, 6), (3, 9)),
    )
    tight = gst.sizes(max_H=2, min_I=2, max_I=3, max_B=2, min_T=4, relations=["distinct"])
    assert_all(tight, lambda s: (s.I, s.T, {s.H, s.B}) == (3, 4, {1, 2}))


def test_every_relation_asked_for_is_drawn() -> None:
    seen = drawn(gst.sizes(min_H=2, max_H=9, max_B=30, relations=["I=H", "B=3H", "simd"]), 200)
    assert all(any(RELATIONS[name](s) for s in seen) for name in ("I=H", "B=3H", "simd"))


@pytest.mark.slow
@pytest.mark.uncounted
def test_sizes_bound_the_other_strategies() -> None:
    size = minimal(gst.sizes(min_H=2, relations=["B=3H"]))
    assert (
        minimal(gst.cases(**size.bounds())).sizes == vars(size) == {"H": 2, "I": 1, "B": 6, "T": 1}
    )
    assert minimal(gst.states(**size.bounds("BH"))).shape == (6, 2)


#: What is true of a view of each kind of an array with more than one entry along every axis.
VIEWS: dict[str, Callable[[NDArray], bool]] = {
    "contiguous": lambda a: a.flags.c_contiguous and a.flags.writeable,
    "fortran": lambda a: a.flags.f_contiguous and not a.flags.c_contiguous and a.flags.writeable,
    "strided": lambda a: (
        min(a.strides) > a.itemsize and not a.flags.c_contiguous and a.flags.writeable
    ),
    "reversed": lambda a: max(a.strides) < 0 and a.flags.writeable,
    "read-only": lambda a: not a.flags.writeable,
    "broadcast": lambda a: 0 in a.strides and not a.flags.writeable,
}


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_view_is_of_the_kind_asked_for(fmt: Format, kind: str) -> None:
    array = fmt.cast(np.arange(1, 25).reshape(2, 3, 4))
    view = minimal(gst.views(array, kinds=[kind]))
    assert VIEWS[kind](view)
    assert (view.shape, view.dtype) == (array.shape, array.dtype)
    assert np.array_equal(wide(view), wide(array if kind != "broadcast" else array[[0, 0]]))
    assert not np.shares_memory(view, array)


@pytest.mark.uncounted
@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 0), (1, 1)], ids=str)
def test_a_view_of_few_entries_keeps_its_shape(shape: tuple[int, ...], kind: str) -> None:
    array = np.zeros(shape, np.float32)
    view = minimal(gst.views(array, kinds=[kind]))
    assert np.array_equal(view, array)
    assert not np.shares_memory(view, array)


def test_gaps_between_the_entries_of_a_view_hold_nan() -> None:
    view = minimal(gst.views(np.ones((2, 2)), kinds=["strided"]))
    assert np.isnan(np.asarray(view.base)).sum() == 25 - 4


def test_views_keep_numbers_by_default_and_are_of_every_other_kind() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    seen = drawn(gst.views(array), 60)
    assert all(np.array_equal(view, array) for view in seen)
    assert all(any(VIEWS[kind](view) for view in seen) for kind in VIEWS if kind != "broadcast")


@pytest.mark.uncounted
def test_views_of_a_strategy_are_views_of_what_it_draws() -> None:
    assert_all(
        gst.views(gst.states(formats=[float16])), lambda h: h.dtype == np.float16 and h.ndim == 2
    )
    assert minimal(gst.views(gst.states())).flags.c_contiguous


#: Whether an entry is special in the sense of each kind, by the format.
SPECIALS: dict[str, Callable[[Format, float], bool]] = {
    "negative-zero": lambda f, v: v == 0 and bool(np.signbit(v)),
    "subnormal": lambda f, v: 0 < abs(v) < f.min_normal,
    "largest": lambda f, v: abs(v) == f.max,
    "infinite": lambda f, v: bool(np.isinf(v)),
    "nan": lambda f, v: bool(np.isnan(v)),
}


def holds_special(array: NDArray, fmt: Format, *kinds: str) -> bool:
    return any(SPECIALS[kind](fmt, float(value)) for kind in kinds for value in wide(array).flat)


@pytest.mark.uncounted
@pytest.mark.parametrize("kind", SPECIALS)
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_special_numbers_are_those_asked_for(fmt: Format, kind: str) -> None:
    ones = fmt.cast(np.ones((3, 4)))
    seen = drawn(gst.specials(ones, kinds=[kind]), 60)
    assert all(holds_special(array, fmt, kind) for array in seen)
    assert not any(holds_special(array, fmt, *(SPECIALS.keys() - {kind})) for array in seen)
    assert len({int((wide(array) != 1).sum()) for array in seen}) > 3
    assert not holds_special(ones, fmt, kind)


@pytest.mark.uncounted
def test_infinities_and_nan_only_when_asked_for() -> None:
    assert_all(gst.specials(gst.inputs()), lambda x: bool(np.isfinite(wide(x)).all()))
    for kind in ("negative-zero", "subnormal", "largest"):
        find_any(
            gst.specials(gst.inputs(formats=[float32])),
            lambda x, kind=kind: holds_special(x, float32, kind),
        )


def test_specials_leave_the_array_alone_and_shrink_to_one_entry() -> None:
    ones = np.ones((2, 2), np.float32)
    found = minimal(gst.specials(ones, kinds=["infinite"]))
    assert (np.isinf(found).sum(), ones.sum()) == (1, 4)
    last = minimal(gst.specials(ones, kinds=["nan", "infinite"]), lambda a: np.isinf(a[1, 1]))
    assert (np.isinf(last).sum(), np.isnan(last).sum()) == (1, 0)


def test_an_empty_array_has_nothing_special() -> None:
    assert minimal(gst.specials(np.ones((0, 3)))).shape == (0, 3)
