"""Checks of arrays that a user hands in: one message each, with the shape's letters and the way
out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray, format_of

Shape = tuple[int, ...]


def array_in_format(
    name: str, values: npt.ArrayLike, expected: Format | None
) -> tuple[NDArray, Format]:
    """`values` as a read-only array, and its format, which must be `expected` if that is given."""
    array = np.asarray(values)
    try:
        found = format_of(array.dtype)
    except ValueError as unknown:
        raise ValueError(f"{name} has dtype {array.dtype}: {unknown}") from None
    if expected is not None and found is not expected:
        raise ValueError(
            f"{name} has dtype {found.name}, but the cell is {expected.name}: cast one of them, "
            f"e.g. gruverify.{expected.name}.cast({name})"
        )
    return frozen(array), found


def frozen(array: NDArray) -> NDArray:
    """A read-only array equal to `array`; copied unless it is read-only already."""
    # A read-only array may still be a view of writable memory; whoever made it read-only promised.
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def require_shape(
    name: str, array: NDArray, shape: Shape, letters: str, sizes: dict[str, int]
) -> None:
    """Raise ValueError unless `array` has `shape`, which the message writes with its letters and
    their values.
    """
    if array.shape != shape:
        bound = ", ".join(f"{letter}={value}" for letter, value in sizes.items())
        raise ValueError(
            f"{name} has shape {array.shape}, expected {letters} = {shape} with {bound}"
        )


def require_finite(name: str, array: NDArray) -> None:
    """Raise ValueError if an entry is infinite or NaN, naming the first."""
    with np.errstate(invalid="ignore"):  # a signalling NaN, as a file may hold, would warn
        finite = np.isfinite(array)
    if np.count_nonzero(finite) != finite.size:
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(f"{name}{list(where)} is {array[where]}: every entry must be finite")
