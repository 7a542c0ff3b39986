"""Reprs that can be pasted back: exact, and in the names that `from gruverify import *`
provides.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray

#: Of more entries than this only shapes are printed, as NumPy prints only the corners.
_MOST = 1000


class Pasteable:
    """A dataclass that Hypothesis and IPython print by its repr; of others they print the fields,
    arrays and all.

    Only `repr` itself spells out more than a thousand numbers.
    """

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if _entries(self) <= _MOST else _outline(self))

    def _repr_html_(self) -> str:
        """For notebooks: the fields as a table, arrays with their numbers unless they are many."""
        return _html(self)


def _entries(value: object) -> int:
    if isinstance(value, Pasteable):
        return sum(map(_entries, vars(value).values()))
    if isinstance(value, np.ndarray):
        return value.size
    return 0


def _outline(value: object) -> str:
    if isinstance(value, Pasteable):
        fields = ", ".join(f"{name}={_outline(part)}" for name, part in vars(value).items())
        return f"{type(value).__name__}({fields})"
    if isinstance(value, np.ndarray):
        return f"<{value.dtype.name} {value.shape}>"
    return repr(value)


def _html(value: object) -> str:
    if isinstance(value, np.ndarray):
        numbers = ""
        if value.size <= _MOST:
            numbers = f"<pre>{escape(str(value))}</pre>"
        return f"{value.dtype.name} {value.shape}{numbers}"
    if is_dataclass(value):
        rows = list[str]()
        for field in fields(value):
            rows.append(
                f"<tr><th>{field.name}</th><td>{_html(getattr(value, field.name))}</td></tr>"
            )
        return f"<table><caption>{type(value).__name__}</caption>{''.join(rows)}</table>"
    if isinstance(value, tuple):
        return "".join(map(_html, value))
    return escape(str(value))


def array_repr(array: NDArray) -> str:
    """An array as a call of its format's `cast`; an empty one keeps its shape."""
    name = array.dtype.name
    if not array.size:
        # A list cannot say (0, 3): [] has the shape (0,).
        return f"{name}.cast(0).repeat(0).reshape({array.shape})"
    return f"{name}.cast({_shortest(array)!r})"


def _shortest(array: NDArray) -> Any:
    # item() of float16 and float32 would spell out the float64 digits; str() has the few that
    # identify the number.
    if array.ndim:
        return [_shortest(part) for part in array]
    if array.dtype == np.float64:
        return float(array)
    return _Literal(str(array))


class _Literal(str):
    def __repr__(self) -> str:
        return str(self)
