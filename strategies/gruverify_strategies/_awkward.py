"""Awkward arrays: the same numbers laid out in memory in other ways, and numbers that arithmetic
treats specially.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format, NDArray, format_of
from gruverify_strategies._codes import RANDOM, choose, header, number, pick
from gruverify_strategies._validation import check_names

Arrays: TypeAlias = st.SearchStrategy[NDArray] | NDArray


def _every(array: NDArray, entries: slice) -> NDArray:
    """A view of an array, even of one without axes: the same slice along each."""
    index: Any = (..., *(entries,) * array.ndim)
    view: NDArray = array[index]
    return view


def _strided(array: NDArray) -> NDArray:
    # NaN in between: whoever reads past a stride has it in the answer.
    around = np.full([2 * n + 1 for n in array.shape], np.nan).astype(array.dtype)
    within = _every(around, slice(1, None, 2))
    within[...] = array
    return within


def _reversed(array: NDArray) -> NDArray:
    backwards = slice(None, None, -1)
    # The copy lies backwards in memory, and the view of it runs against that.
    return _every(_every(array, backwards).copy(), backwards)


def _read_only(array: NDArray) -> NDArray:
    array = array.copy()
    array.flags.writeable = False
    return array


def _broadcast(array: NDArray) -> NDArray:
    axis = next((axis for axis, size in enumerate(array.shape) if size > 1), None)
    # An axis of length 1 would repeat nothing, so the first longer one is taken.
    return np.broadcast_to(array.copy() if axis is None else array.take([0], axis), array.shape)


_VIEWS: dict[str, Callable[[NDArray], NDArray]] = {
    "contiguous": lambda array: array.copy("C"),
    "fortran": lambda array: array.copy("F"),
    "strided": _strided,
    "reversed": _reversed,
    "read-only": _read_only,
    "broadcast": _broadcast,
}
#: Those that keep every number.
_FAITHFUL = tuple(name for name in _VIEWS if name != "broadcast")


@st.composite
def views(draw: st.DrawFn, arrays: Arrays, *, kinds: Sequence[str] | None = None) -> NDArray:
    """An array (of any shape) with the numbers of `arrays`, a strategy or an array, in another
    layout of memory.

    kinds: names of those to choose from. "contiguous"; "fortran": column-major; "strided": every
        other entry of an array of NaNs, along every axis; "reversed": negative strides;
        "read-only"; "broadcast": stride 0 along the first axis longer than 1, whose first entry is
        repeated: the only one that changes numbers, and never drawn unless asked for. All but
        "read-only" and "broadcast" are writeable; none shares memory with what it is a view of.

    Shrinks to the first of `kinds`, or to "contiguous", and as `arrays` does.

    Raises:
        InvalidArgument: `arrays` is neither a strategy nor an array, or a kind is unknown.
    """
    names: Sequence[str] = _FAITHFUL
    if kinds is not None:
        names = check_names("kinds", kinds, tuple(_VIEWS))
    return _VIEWS[draw(st.sampled_from(names))](_drawn(draw, arrays))


#: What is drawn unless infinities and NaN are asked for.
_FINITE = ("negative-zero", "subnormal", "largest")
_SPECIALS = (*_FINITE, "infinite", "nan")

#: How many entries may be special besides the one that always is.
_MOST = 3000


@st.composite
def specials(draw: st.DrawFn, arrays: Arrays, *, kinds: Sequence[str] | None = None) -> NDArray:
    """An array as `arrays`, a strategy or an array, has it, but that some entries, at least one,
    are special.

    kinds: "negative-zero", "subnormal" (±, the smallest and the largest), "largest" (±, the largest
        finite numbers of the array's format), and only if asked for "infinite" (±) and "nan".

    Shrinks to one special entry, of the first of `kinds`, and as `arrays` does. An empty array
    stays empty.

    Raises:
        InvalidArgument: `arrays` is neither a strategy nor an array, its dtype is none of the four
            formats, or a kind is unknown.
    """
    names: Sequence[str] = _FINITE
    if kinds is not None:
        names = check_names("kinds", kinds, _SPECIALS)
    array = _drawn(draw, arrays).copy()
    try:
        numbers = _numbers(names, format_of(array.dtype))
    except ValueError as unknown:
        raise InvalidArgument(f"arrays={arrays!r}: {unknown}") from None
    if array.size:
        entries = min(array.size, _MOST)
        codes = header(draw(RANDOM), entries + 3)
        # What comes first is simplified last: the one entry that always is special should be the
        # only one.
        for place, code in enumerate(islice(codes, entries)):
            if code >= 192:  # a quarter of the entries
                array.flat[place] = choose(4 * (code - 192), numbers)
        one = pick(codes, numbers)
        # Two bytes, as a fraction of the size: 0 is the first entry, whatever the array's shape.
        array.flat[number(codes, 2) * array.size >> 16] = one
    return array


def _numbers(names: Sequence[str], f: Format) -> list[float]:
    most = {
        "negative-zero": [-0.0],
        "subnormal": [
            f.min_subnormal,
            -f.min_subnormal,
            f.min_normal - f.min_subnormal,
            f.min_subnormal - f.min_normal,
        ],
        "largest": [f.max, -f.max],
        "infinite": [np.inf, -np.inf],
        "nan": [np.nan],
    }
    return [*chain.from_iterable(most[name] for name in names)]


def _drawn(draw: st.DrawFn, arrays: Arrays) -> NDArray:
    if isinstance(arrays, st.SearchStrategy):
        value = draw(arrays)
    else:
        value = arrays
    if not isinstance(value, np.ndarray):
        raise InvalidArgument(
            f"Expected an array, or a strategy of arrays, but got arrays={arrays!r} "
            f"(type={type(arrays).__name__})"
        )
    return value
