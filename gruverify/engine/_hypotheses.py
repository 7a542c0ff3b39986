"""What a right GRU may be that is less accurate than it declares: hypotheses, each of them a
declaration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, KAPPA, LIBRARIES, Format
from gruverify.backends import Declarations
from gruverify.engine._measured import Measured

#: The most that σ or tanh may be wrong by and still be called that: what bfloat16 holds of a
#: number; or that many units, more than any released library; but never a share of the value at
#: which a bound claims nothing.
_COARSEST, _UNITS, _NOTHING = 2.0**-8, 64, 2.0**-4


_KAPPAS = ("kappa_sigma", "kappa_tanh")
#: How the function of each is written, and the declaration of what it is accurate to.
_FUNCTIONS = {"kappa_sigma": ("σ", "sigmoid"), "kappa_tanh": ("tanh", "tanh")}


@dataclass(frozen=True)
class Hypothesis:
    """One way of being less accurate than declared: in words, and as the declarations that would
    say so.

    representable: the format of which every state that is returned must be a number, where that is
    part of it.
    sums_lost: whether it is borne out by long sums that lose what a wider accumulator keeps.
    in_values: whether states of sequences would show it, and not gradients alone.
    """

    words: str
    declares: tuple[tuple[str, Any], ...]
    representable: Format | None = None
    sums_lost: bool = False
    in_values: bool = False

    @property
    def overrides(self) -> Keywords:
        """The declarations by name."""
        return dict(self.declares)

    def combined_with(self, other: Hypothesis) -> Hypothesis:
        """Both at once."""
        declares = {**dict(self.declares), **dict(other.declares)}
        return Hypothesis(
            f"{self.words} and {other.words}",
            tuple(declares.items()),
            self.representable or other.representable,
            self.sums_lost or other.sums_lost,
            self.in_values or other.in_values,
        )

    def contradicts(self, other: Hypothesis) -> bool:
        """Whether both are about the same declaration, or together excuse too much: two gates, each
        less accurate.
        """
        named = {**self.overrides, **other.overrides}
        lesser_gate = not named.keys().isdisjoint(("kappa_sigma", "sigmoid"))
        two_gates = "D" in named.get("blend", "") and lesser_gate
        # What was measured in units of one format is not a measure of arithmetic in another.
        other_units = "computes" in named and not named.keys().isdisjoint(_KAPPAS)
        # A state in a half lets much of what is computed in another format pass.
        narrow_state = "computes" in named and isinstance(named.get("carry"), str)
        twice = any(name in other.overrides for name in self.overrides)
        return two_gates or other_units or narrow_state or twice


def hypotheses(declared: Declarations, fmt: Format, found: Measured) -> tuple[Hypothesis, ...]:
    """Everything that the declarations do not allow already, in one format; the most accurate
    first, then every two.
    """
    alone = tuple(_new(_single(declared, fmt, found), declared))
    pairs = (
        one.combined_with(other)
        for one, other in combinations(alone, 2)
        if not one.contradicts(other)
    )
    return *alone, *sorted(pairs, key=lambda pair: pair.representable is not None)


def _new(each: Iterable[Hypothesis], declared: Declarations) -> Iterator[Hypothesis]:
    """The hypotheses of what the target does not declare already."""
    for hypothesis in each:
        if any(getattr(declared, name) != value for name, value in hypothesis.declares):
            yield hypothesis


def _single(declared: Declarations, fmt: Format, found: Measured) -> Iterator[Hypothesis]:
    narrower = sorted(
        (other for other in FORMATS if other.precision < fmt.precision),
        key=lambda other: -other.precision,
    )
    flushed = Hypothesis("subnormal numbers flushed to 0", (("subnormals", False),))
    if not found.keeps_subnormals:
        yield flushed
    # Halves whose accumulator is wider: of one that is as narrow this says nothing new.
    if fmt.precision <= 11 and declared.accumulates in (None, *FORMATS[2:]):
        yield Hypothesis(f"sums over the batch in {fmt.name}", (("sums_in_format", True),))
    for form, told in (("C", "the blend as h' + (1-z)(n-h')"), ("D", "1-z as σ(-a_z)")):
        if form not in declared.blend:
            yield Hypothesis(told, (("blend", f"{declared.blend}+{form}"),))
    # The most accurate hypothesis comes first, and the first that explains everything is the one
    # named.
    yield from _kappas(declared, *_in_its_units(declared, fmt, found))
    if not declared.carry:
        yield Hypothesis(
            "a state that is wider between steps than it is returned", (("carry", 1.0),)
        )
    if fmt.precision <= 11:
        yield Hypothesis(f"sums in {fmt.name}", (("accumulates", fmt.name),), sums_lost=True)
    yield from _products(declared, fmt, found)
    if not declared.carry:
        for other in narrower:
            words, carry = f"a state in {other.name} between steps", (("carry", other.name),)
            yield Hypothesis(words, carry, in_values=True)
    for other in narrower:
        # What float32 computes is close enough to tell a wrong GRU; what a half computes must look
        # like one.
        half = other.precision <= 11
        looks, computes = other if half else None, (("computes", other.name),)
        if not half and not found.may_compute_in(other, fmt):
            # As accurate as the format, of numbers that lose their last digits on the way to it.
            if 0 < found.operand_bits <= other.precision:
                yield Hypothesis(f"arguments rounded to {other.name}", computes)
            continue
        said = f"{other.name} arithmetic in {fmt.name}"
        yield Hypothesis(said, computes, representable=looks)
        if half:
            yield Hypothesis(
                f"{said}, with such sums over the batch",
                (*computes, ("sums_in_format", True)),
                looks,
            )
            yield Hypothesis(
                f"{said}, with such sums", (*computes, ("accumulates", other.name)), looks
            )
    # A step was seen not to flush: only what nothing else explains may be what gradients flush.
    if found.keeps_subnormals:
        yield flushed


def _products(declared: Declarations, fmt: Format, found: Measured) -> Iterator[Hypothesis]:
    """Matrix products whose operands are rounded first, to no more bits than were seen of them;
    those of float64 add up in float32.
    """
    if declared.products != "format":
        return
    sums: tuple[tuple[str, Any], ...] = ()
    if fmt.precision > 24:
        sums = (("accumulates", "float32"),)
    narrow = ((24, "float32", "float32"), (11, "TF32", "tf32"), (8, "bfloat16", "bf16"))
    for bits, name, value in narrow:
        if found.operand_bits <= bits < fmt.precision:
            yield Hypothesis(f"matrix products in {name}", (("products", value), *sums))


def _in_its_units(declared: Declarations, fmt: Format, found: Measured) -> tuple[Format, Measured]:
    """The format that is computed in, and the errors of σ and tanh in its units of roundoff."""
    own = declared.computes or fmt
    units = fmt.unit_roundoff / own.unit_roundoff
    errors = ("sigma", "sigma_of_one", "tanh", "tanh_of_one")
    scaled = {name: getattr(found, name) * units for name in errors}
    return own, replace(found, **scaled)


def _kappas(declared: Declarations, fmt: Format, found: Measured) -> Iterator[Hypothesis]:
    """σ and tanh as accurate as they were measured, rounded up to a whole number, or else to a
    power of two.
    """
    for step in (_whole, _power):
        sigma = _Kappa("kappa_sigma", step(found.sigma), declared.kappa_sigma)
        tanh = _Kappa("kappa_tanh", step(found.tanh), declared.kappa_tanh)
        worse = [kappa for kappa in (sigma, tanh) if kappa.is_news(fmt)]
        yield from (_of_kappas([kappa]) for kappa in worse)
        if len(worse) > 1:
            yield _of_kappas(worse)
    yield from _short(declared, found)
    yield from _absolute(declared, fmt, sigma, found.sigma_of_one)
    yield from _absolute(declared, fmt, tanh, found.tanh_of_one)


def _short(declared: Declarations, found: Measured) -> Iterator[Hypothesis]:
    """Functions as accurate as any library's, but for their ends: clipped, they never are 1."""
    ends = ("kappa_sigma", "σ", found.sigma_short), ("kappa_tanh", "tanh", found.tanh_short)
    for name, function, short in ends:
        if 0 < short <= LIBRARIES and getattr(declared, name) <= LIBRARIES:
            words = f"a {function} that ends {short:g} u short of 1, as where it is clipped"
            # Of none that is declared to be less accurate are ends asked to be exact.
            yield Hypothesis(words, ((name, LIBRARIES + 1.0),))


def _absolute(
    declared: Declarations, fmt: Format, relative: _Kappa, error: float
) -> Iterator[Hypothesis]:
    """A function that errs by so many units of 1, where relative to its value it errs by too
    much.
    """
    function, declaration = _FUNCTIONS[relative.name]
    told = getattr(declared, declaration) != "relative"
    if told or relative.plausible(fmt) or not math.isfinite(error):
        return
    absolute = _Kappa(relative.name, _whole(error), max(relative.declared, KAPPA))
    if absolute.value <= _UNITS and absolute.plausible(fmt):
        more: tuple[tuple[str, float], ...] = ()
        if absolute.is_news(fmt):
            more = ((absolute.name, absolute.value),)
        yield Hypothesis(
            f"a {function} that is accurate to units of 1, not of its value",
            ((declaration, "absolute"), *more),
        )


@dataclass(frozen=True)
class _Kappa:
    name: str
    value: float
    declared: float

    def plausible(self, fmt: Format) -> bool:
        """Whether a function that is wrong by so much is still that function."""
        u = fmt.unit_roundoff
        return self.value * u <= min(max(_UNITS * u, _COARSEST), _NOTHING)

    def is_news(self, fmt: Format) -> bool:
        return self.value > self.declared and self.plausible(fmt)


def _of_kappas(kappas: list[_Kappa]) -> Hypothesis:
    words = " and ".join(
        f"a {_FUNCTIONS[kappa.name][0]} wrong by up to {_spelled(kappa.value)} u"
        for kappa in kappas
    )
    return Hypothesis(words, tuple((kappa.name, kappa.value) for kappa in kappas))


def _spelled(kappa: float) -> str:
    if kappa <= _UNITS:
        return f"{kappa:g}"
    return f"2^{math.log2(kappa):g}"


def _whole(kappa: float) -> float:
    """Rounded up; where nobody counts units any more, to a power of two."""
    if kappa > _UNITS or not math.isfinite(kappa):
        return _power(kappa)
    return float(math.ceil(kappa))


def _power(kappa: float) -> float:
    if math.isfinite(kappa) and kappa > 0:
        return 2.0 ** math.ceil(math.log2(kappa))
    return kappa
