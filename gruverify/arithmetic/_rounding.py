"""The rounding model: what one operation of an implementation may do to a number (theory.md 9;
docs/tolerances.md).

Storage and accumulation are apart. Each operation as the formulas write it (a matrix product, a
product, an addition, a function) rounds to the format once; inside a matrix product, and inside any
fusion of the operations of one sum, roundings are those of the accumulator. Who fuses more performs
a subset of these roundings, and errs less.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic._bounds import SHARE
from gruverify.arithmetic._formats import Format, bfloat16, float32, float64

TanhAccuracy: TypeAlias = Literal["relative", "absolute"]
Products: TypeAlias = Literal["format", "float32", "bf16", "tf32"]

Floats: TypeAlias = npt.NDArray[np.float64]

#: Accuracy granted to a library's σ and tanh, in units of roundoff (docs/tolerances.md has what was
#: measured).
KAPPA = 4.0

#: What no serious library exceeds: up to here σ and tanh still have exactly the values that the
#: format holds.
LIBRARIES = 2 * KAPPA

#: Radii are themselves computed in float64, by at most some dozens of operations: this makes up for
#: their roundings.
OUTWARD = 1.0 + 256 * float64.unit_roundoff

#: The bits that the operands of matrix products keep.
_KEPT_BITS = {"bf16": 8, "tf32": 11, "float32": 24}


@dataclass(frozen=True)
class Rounding:
    """What one operation in `format` may do to a number, the float64 reference's own share
    included.

    `kappa_sigma` and `kappa_tanh` are the accuracy of σ and tanh in units of roundoff, `sigmoid`
    and `tanh` whether it is relative to the value or to 1; `accumulates` the format in which sums
    and matrix products add up (None: float32 for the halves, else the format itself); `products`
    what operands of matrix products are rounded to first; `sums_in_format` whether sums over the
    batch add up in the format itself; `blend` the forms that the blend of h' and c may have;
    `carry` how far the state between steps may be from what is returned, in units of roundoff, or
    the format that it has there; `subnormals` False if numbers below the smallest normal may be 0;
    `computes` the format to which arguments are rounded and in which everything is computed, where
    that is a less precise one than `format`; `clip` the largest size that σ and tanh are given, as
    ONNX's GRU has one (None: any).
    """

    format: Format
    _: KW_ONLY
    kappa_sigma: float = KAPPA
    kappa_tanh: float = KAPPA
    tanh: TanhAccuracy = "relative"
    sigmoid: TanhAccuracy = "relative"
    accumulates: Format | None = None
    products: Products = "format"
    sums_in_format: bool = False
    blend: str = "A+B"
    carry: float | Format = 0.0
    subnormals: bool = True
    computes: Format | None = None
    clip: float | None = None

    @cached_property
    def arithmetic(self) -> Format:
        """The format that operations round to."""
        # Who computes wider than the format rounds less often than one operation each: nothing
        # changes.
        narrower = self.computes is not None and self.computes.precision < self.format.precision
        if self.computes is not None and narrower:
            return self.computes
        return self.format

    @cached_property
    def u(self) -> float:
        """Unit roundoff of the arithmetic plus that of the reference: both err."""
        return self.arithmetic.unit_roundoff + float64.unit_roundoff

    @cached_property
    def eta(self) -> float:
        """Underflow unit: what is lost at most when a result is below the smallest normal
        number.
        """
        return max(self._underflow(self.format), self._underflow(self.arithmetic))

    @cached_property
    def accumulator(self) -> Format:
        """The format in which sums and matrix products add up."""
        if self.accumulates is not None:
            return self.accumulates
        if self.arithmetic.precision < float32.precision:
            return float32
        return self.arithmetic

    @cached_property
    def wide(self) -> bool:
        """Whether the accumulator is another format than the one that operations round to."""
        return self.accumulator != self.arithmetic

    @cached_property
    def u_a(self) -> float:
        """Unit of the accumulator: twice the roundoff of a wider one, which may cut off instead of
        rounding.
        """
        # Tensor cores cut off what they do not keep: an error of 2u instead of u. At 2^-23 that
        # costs nothing that is seen next to the roundings of a half.
        own, a = self.arithmetic.unit_roundoff, self.accumulator.unit_roundoff
        return (2 * a if a < own else a) + float64.unit_roundoff

    @cached_property
    def eta_a(self) -> float:
        """Underflow unit of the accumulator."""
        return self._underflow(self.accumulator)

    @cached_property
    def u_m(self) -> float:
        """What the operands of matrix products are rounded to first: 0 if they are not."""
        if self.products == "format":
            return 0.0
        return 2.0 ** -_KEPT_BITS[self.products]

    @cached_property
    def inherited(self) -> float:
        """What roundings of operands and products make of an error that is inside a matrix product
        already.
        """
        # A product rounds once; where the accumulator is wider the result is stored once more.
        return (1 + (2 if self.wide else 1) * self.u) * (1 + self.u_m) ** 2

    @cached_property
    def operand_floor(self) -> float:
        """What that rounding loses of an operand that is next to nothing, in units of η."""
        # bfloat16, TF32 and float32 have the same exponents, and bfloat16 the largest smallest
        # number.
        return self._underflow(bfloat16) / self.eta

    @cached_property
    def largest(self) -> float:
        """Beyond this something overflows on the way."""
        most = min(self.format.max, self.arithmetic.max, self.accumulator.max)
        if self.products == "format":
            return most
        # Rounding an operand up to bfloat16's coarse grid overflows sooner than float32 does.
        return min(most, bfloat16.max)

    @cached_property
    def reach(self) -> int:
        """Numbers of 2^-reach to 2^reach are held, with a binade to spare, by all formats that are
        computed in.
        """
        narrowed = () if self.products == "format" else (bfloat16,)
        formats = (self.format, self.arithmetic, self.accumulator, *narrowed)
        ends: list[int] = [min(fmt.max_exponent, -fmt.min_exponent) for fmt in formats]
        return min(ends) - 1

    @cached_property
    def underflow_shows(self) -> bool:
        """Whether the underflow unit can be seen next to u: only then is it followed entry by entry
        (float16).
        """
        return self.eta > self.u * self.u * self.u

    @property
    def holds_exact_values(self) -> bool:
        """Whether σ, tanh and the blend have exactly those values that the format holds, as with
        every library.
        """
        accurate = max(self.kappa_sigma, self.kappa_tanh) <= LIBRARIES
        whole = (
            self.arithmetic == self.format and self.accumulator.precision >= self.format.precision
        )
        # A σ that is accurate to units of 1 leaves shut gates open, or less than shut.
        shuts = self.sigmoid == "relative"
        return accurate and shuts and whole and self.products == "format"

    @property
    def stays_in_box(self) -> bool:
        """Whether a blend of numbers in [-1, 1] stays there exactly, as theory.md 5 proves of forms
        A, B and C with gates that are at most 1. A product that is flushed to 0 leaves one of the
        ends, or a smaller number.
        """
        return self.holds_exact_values and "D" not in self.blend

    @cached_property
    def sigmoid_flushes(self) -> float:
        """Below this pre-activation 1/(1+exp(-a)) is 0, because exp(-a) overflows."""
        return max(self.format.sigmoid_flushes, self.arithmetic.sigmoid_flushes)

    @cached_property
    def takes_as_given(self) -> bool:
        """Whether it computes with exactly the numbers that it is given."""
        return self.subnormals and self.arithmetic == self.format

    def of_given(self, values: Floats) -> Floats | None:
        """How far a number that it is given may be from what it computes with; None if nowhere.

        Where it flushes, a number below the smallest normal may be 0; where it computes in another
        format, one that is none of that format is rounded, or cut off.
        """
        size = np.abs(values)
        if self.subnormals:
            rad = np.zeros(size.shape)
        else:
            rad = size * (size < self.arithmetic.min_normal)
        if self.arithmetic != self.format:
            with np.errstate(over="ignore"):
                differs = self.arithmetic.cast(values).astype(np.float64) != values
            rad = np.maximum(
                rad, np.where(size < self.largest, differs * (2 * self.u * size + self.eta), np.inf)
            )
        if rad.any():
            return rad
        return None

    def of_given_between(self, low: Floats, high: Floats) -> Floats | None:
        """How far numbers anywhere between two may be from what it computes with; or None."""
        if self.takes_as_given:
            return None
        size = np.maximum(np.abs(low), np.abs(high))
        rad = np.zeros(size.shape)
        if not self.subnormals:
            tiny = self.arithmetic.min_normal
            rad = np.where((low < tiny) & (high > -tiny), np.minimum(size, tiny), 0.0)
        if self.arithmetic != self.format:
            rounded = np.where(size < self.largest, 2 * self.u * size + self.eta, np.inf)
            rad = np.maximum(rad, rounded)
        return rad

    def of_operand(self, size: Floats) -> Floats | None:
        """How far an operand of a matrix product, of this size at most, may be from what it is
        rounded to first; None if it is not rounded.
        """
        if not self.u_m:
            return None
        # Rounded relative to itself, where either of the two may be the number that is known.
        return size * (self.u_m * (1 + 2 * self.u_m)) + self.operand_floor * self.eta

    def of_sigmoid(self, size: Floats) -> Floats:
        """What σ may be wrong by where it is at most `size`, but for what flushes."""
        if self.sigmoid == "absolute":
            return np.full(np.shape(size), self.kappa_sigma * self.u + self.eta)
        return (self.kappa_sigma * self.u) * size + self.eta

    def of_tanh(self, size: Floats) -> Floats:
        """What tanh may be wrong by where it is at most `size` in magnitude and no exact 0."""
        if self.tanh == "absolute":
            return np.full(size.shape, self.kappa_tanh * self.u + self.eta)
        return (self.kappa_tanh * self.u) * size + self.eta

    @cached_property
    def carries_less(self) -> bool:
        """Whether the state between steps is less precise than what is returned: wider, it errs
        less than that.
        """
        if isinstance(self.carry, Format):
            return self.carry.precision < self.arithmetic.precision
        # One unit is what storing the returned state rounds anyhow.
        return self.carry > 1

    def of_returned(self, values: Floats) -> Floats | None:
        """How far a state or cotangent that it returned may be from what it goes on with; None if
        nowhere.

        It may go on as many units away as it declares, or in another format: rounded, or cut off,
        to that.
        """
        if self.subnormals and not self.carry:
            return None
        size = np.abs(values)
        if not isinstance(self.carry, Format):
            share = self.carry * self.u
            # What may lose so much of itself at every step is not known to be carried.
            if share >= SHARE:
                return np.where(size > 0, np.inf, self.eta)
            return np.asarray(size * share + self.eta)
        other = self.carry
        # Twice the unit: it may be cut off to that format instead of rounded.
        rad = size * max(self.u, 2 * other.unit_roundoff) + max(self.eta, self._underflow(other))
        return np.where(size < other.max, rad, np.inf)

    @cached_property
    def remembered(self) -> dict[Hashable, Any]:
        """What was derived of this model once, by what it was derived from: hashing a model takes
        longer than that.
        """
        return {}

    def gamma(self, k: int) -> float:
        """γ_k = ku/(1-ku): the relative error of a product of k roundings; infinite once ku reaches
        1.
        """
        ku = k * self.u
        if ku < 1:
            return ku / (1 - ku)
        return np.inf

    def _underflow(self, fmt: Format) -> float:
        # The reference underflows as well.
        return (fmt.min_subnormal if self.subnormals else fmt.min_normal) + float64.min_subnormal
