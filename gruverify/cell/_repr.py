"""Reprs that can be pasted back: exact, and in the names that `from gruverify import *` provides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Pasteable:
    """A dataclass that Hypothesis and IPython print by its repr; of others they print the fields, arrays and all."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def array_repr(array: npt.NDArray[Any]) -> str:
    """An array as a call of its format's `cast`; an empty one keeps its shape."""
    name = array.dtype.name
    if not array.size:
        return f"{name}.cast(0).repeat(0).reshape({array.shape})"
    return f"{name}.cast({_shortest(array)!r})"


def _shortest(array: npt.NDArray[Any]) -> Any:
    # item() of float16 and float32 would spell out the float64 digits; str() has the few that identify the number.
    if array.ndim:
        return [_shortest(part) for part in array]
    return float(array) if array.dtype == np.float64 else _Literal(str(array))


class _Literal(str):
    def __repr__(self) -> str:
        return str(self)
