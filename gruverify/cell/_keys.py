"""Arrays as keys of a dictionary."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from gruverify.arithmetic import NDArray


def array_keys(arrays: Mapping[str, NDArray]) -> tuple[Hashable, ...]:
    """Name, dtype, shape and bytes of each: -0 and 0 are two keys, for they are two inputs."""
    return tuple(
        # The dtype itself: NumPy spells its name out anew each time.
        (name, array.dtype, array.shape, array.tobytes())
        for name, array in arrays.items()
    )
