"""The four floating-point formats, with the thresholds where their gates saturate (theory.md 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._arrays import NDArray

LN2 = math.log(2.0)


@dataclass(frozen=True)
class Format:
    """A binary floating-point format under test.

    `precision` counts the bits of the significand, the hidden one included; `min_exponent` and
    `max_exponent` are those of the smallest normal and the largest finite power of two. Everything
    else follows from these three.
    """

    name: str
    short: str
    precision: int
    min_exponent: int
    max_exponent: int

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype; bfloat16 comes from ml_dtypes, which is imported only when it is asked
        for.
        """
        # NumPy has no bfloat16, and whoever checks no such format should not load ml_dtypes.
        if self.name == "bfloat16":
            from ml_dtypes import bfloat16 as scalar

            bits: np.dtype[Any] = np.dtype(scalar)
            return bits
        return np.dtype(self.name)

    @property
    def unit_roundoff(self) -> float:
        """The unit roundoff u = 2^-p: the largest relative error of one rounding to nearest."""
        return math.ldexp(1.0, -self.precision)

    @property
    def max(self) -> float:
        """The largest finite number."""
        return math.ldexp(2.0 - 2.0 * self.unit_roundoff, self.max_exponent)

    @property
    def min_normal(self) -> float:
        """The smallest positive normal number."""
        return math.ldexp(1.0, self.min_exponent)

    @property
    def min_subnormal(self) -> float:
        """The smallest positive number: the underflow unit."""
        return math.ldexp(1.0, self.min_exponent - self.precision + 1)

    @property
    def sigmoid_flushes(self) -> float:
        """Below this pre-activation 1/(1+exp(-a)) is 0, because exp(-a) overflows: -ln(max)."""
        return -math.log(self.max)

    @property
    def sigmoid_underflows(self) -> float:
        """Below this pre-activation the true gate rounds to 0: ln(min_subnormal / 2)."""
        # min_subnormal / 2 = min_normal 2^-p, which in float64 would itself be 0.
        return math.log(self.min_normal) - self.precision * LN2

    @property
    def sigmoid_saturates(self) -> float:
        """From this pre-activation 1/(1+exp(-a)) is 1 in the format: p ln 2."""
        return self.precision * LN2

    @property
    def sigmoid_rounds_to_one(self) -> float:
        """From this pre-activation the true gate rounds to 1: (p+1) ln 2."""
        return (self.precision + 1) * LN2

    @property
    def tanh_saturates(self) -> float:
        """From this magnitude the true tanh rounds to 1: (p+2)/2 ln 2."""
        return (self.precision + 2) / 2 * LN2

    def cast(self, values: npt.ArrayLike) -> NDArray:
        """`values` rounded to the format, as an array of its dtype."""
        return np.asarray(values).astype(self.dtype)

    def __repr__(self) -> str:
        return f"gruverify.{self.name}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Hypothesis and IPython would print the fields of a dataclass.
        printer.text(repr(self))


float16 = Format("float16", "f16", 11, -14, 15)
bfloat16 = Format("bfloat16", "bf16", 8, -126, 127)
float32 = Format("float32", "f32", 24, -126, 127)
float64 = Format("float64", "f64", 53, -1022, 1023)

FORMATS: tuple[Format, ...] = (float16, bfloat16, float32, float64)


def format_named(name: str) -> Format:
    """The format called `name`, in full or for short ("float32" or "f32").

    Raises:
        ValueError: no format has that name; the message lists those that exist.
    """
    for candidate in FORMATS:
        if name in (candidate.name, candidate.short):
            return candidate
    known = ", ".join(f"{f.name} ({f.short})" for f in FORMATS)
    raise ValueError(f"format={name!r} is unknown: choose from {known}")


def formats_named(given: str | Iterable[Format | str]) -> tuple[Format, ...]:
    """Formats, each given as itself or by its name; or names in one text, with commas between them.
    No one twice.

    Raises:
        ValueError: something given is not a format and names none.
    """
    each = given.split(",") if isinstance(given, str) else given
    found = (one if isinstance(one, Format) else format_named(str(one).strip()) for one in each)
    return tuple(dict.fromkeys(found))


def format_of(dtype: npt.DTypeLike) -> Format:
    """The format whose dtype is `dtype`.

    Raises:
        ValueError: `dtype` is not one of the four formats.
    """
    found = np.dtype(dtype)
    if (known := _named_like(found)) is not None:
        return known
    raise ValueError(
        f"dtype={found} is not a format gruverify knows: choose from "
        f"{', '.join(f.name for f in FORMATS)}"
    )


@cache
def _named_like(dtype: np.dtype[Any]) -> Format | None:
    return next((candidate for candidate in FORMATS if candidate.name == dtype.name), None)
