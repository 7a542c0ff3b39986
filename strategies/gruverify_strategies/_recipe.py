"""What a cell may be besides its sizes, and what is picked of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format
from gruverify.cell import VARIANTS, Variant
from gruverify_strategies._codes import Header, pick
from gruverify_strategies._regimes import NAMES, REGIMES
from gruverify_strategies._validation import (
    Formats,
    Variants,
    check_formats,
    check_names,
    check_option,
    check_variants,
)
from gruverify_strategies._weights import BIASES, KINDS, USUAL

#: Some names, or None for the usual mixture of all.
Names: TypeAlias = Sequence[str] | None

#: Bytes of the header that a choice takes.
CHOICES = 4


@dataclass(frozen=True)
class Choice:
    """One format, variant, regime and kind of weights of those asked for."""

    format: Format
    variant: Variant
    regime: str
    kind: str
    biases: str
    pinned: bool


@dataclass(frozen=True)
class Recipe:
    """What to choose from. Where the choices exclude each other, a mixture that was not asked for
    yields.
    """

    formats: Sequence[Format]
    variants: Sequence[Variant]
    regimes: Sequence[str]
    kinds: Sequence[str]
    biases: str
    pinned: bool
    drives_inputs: bool

    def choose(self, codes: Header) -> Choice:
        """What the next bytes say."""
        format, variant = pick(codes, self.formats), pick(codes, self.variants)
        regime, kind = pick(codes, self.regimes), pick(codes, self.kinds)
        choice = Choice(format, variant, regime, kind, self.biases, self.pinned)
        # Nothing to drive the gates with: `_check_driven` has seen that "free" is among the
        # regimes.
        if not self._drivable(variant):
            return replace(choice, regime="free")
        if self.pinned and regime != "free" and KINDS[kind].structural:
            # By identity: weights that somebody named must stay, those of the usual mixture may
            # yield.
            if self.kinds is USUAL:
                return replace(choice, kind="dense")
            return replace(choice, regime="free")
        return choice

    def _drivable(self, variant: Variant) -> bool:
        """Whether there is a bias, or an input, to drive the gates with."""
        return self.biases == "drawn" and (variant.input_bias or self.drives_inputs)


def recipe(
    formats: Formats,
    variants: Variants,
    regimes: Names,
    weights: Names,
    biases: str,
    pinned: bool,
    *,
    drives_inputs: bool,
) -> Recipe:
    """The arguments of a strategy, checked one by one and together.

    Raises:
        InvalidArgument: an argument is wrong, or what they require cannot be had together.
    """
    check_option("biases", biases, *BIASES)
    check_option("pinned", pinned, True, False)
    named: Sequence[str] = NAMES
    if regimes is not None:
        named = check_names("regimes", regimes, REGIMES)
    kinds: Sequence[str] = USUAL
    if weights is not None:
        kinds = check_names("weights", weights, tuple(KINDS))
    if variants is None and "free" not in named and not drives_inputs:
        variants = [variant for variant in VARIANTS if variant.input_bias]
    wanted = Recipe(
        check_formats(formats),
        check_variants(variants),
        named,
        kinds,
        biases,
        pinned,
        drives_inputs,
    )
    if "free" not in named:
        _check_driven(wanted)
    return wanted


def _check_driven(wanted: Recipe) -> None:
    """Raise InvalidArgument where only driven cells are asked for, and others excluded."""
    asked = f"regimes={list(wanted.regimes)!r}"
    if wanted.biases != "drawn":
        raise InvalidArgument(
            f"{asked} need biases='drawn', which drive the gates; got biases={wanted.biases!r}"
        )
    if not wanted.drives_inputs and not all(variant.input_bias for variant in wanted.variants):
        raise InvalidArgument(
            f"{asked} need biases, which drive the gates: give variants that have bias_ih"
        )
    if (
        wanted.pinned
        and any(KINDS[kind].structural for kind in wanted.kinds)
        and wanted.kinds is not USUAL
    ):
        raise InvalidArgument(
            f"{asked} and weights={list(wanted.kinds)!r} exclude each other while pinned=True, "
            "which scales the rows of weights one by one: add 'free', or give pinned=False"
        )
