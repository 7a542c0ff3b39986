"""Regimes: where each gate of each unit is driven, mixed within one cell, or one of the question's
three cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format, float32
from gruverify.cell import Pasteable
from gruverify_strategies._codes import RANDOM, Codes, Floats, choose, header, pick, rows
from gruverify_strategies._ladder import UNDRIVEN, Drive, ladder
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import (
    Formats,
    check_formats,
    check_names,
    check_option,
    limits,
)


@dataclass(frozen=True)
class Regime(Pasteable):
    """Where one unit's reset gate, update gate and candidate are driven."""

    reset: Drive = UNDRIVEN
    update: Drive = UNDRIVEN
    candidate: Drive = UNDRIVEN

    def __repr__(self) -> str:
        driven = {name: drive for name, drive in vars(self).items() if drive != UNDRIVEN}
        return f"Regime({', '.join(f'{name}={drive!r}' for name, drive in driven.items())})"

    def __str__(self) -> str:
        named = zip("rzc", (self.reset, self.update, self.candidate), strict=True)
        return " ".join(f"{letter}={drive.level}" for letter, drive in named if drive.level)


@dataclass(frozen=True)
class Regimes:
    """The regime of every unit of a cell.

    name: "free" (nothing is driven), "mixed" (each unit on its own), or for the whole cell "carry"
        (the state is kept), "forget" (neither kept nor recalled), "elman" (not kept, but recalled),
        "near" (around thresholds), "reset-open" or "reset-shut" (r is 1, or 0, in the format).
    units: H of them.
    """

    name: str
    units: tuple[Regime, ...]

    def labels(self) -> tuple[str, ...]:
        """One string a unit, such as "r=0 z=1 c=mid"; empty where nothing is driven."""
        return tuple(map(str, self.units))

    def drives(self) -> Floats:
        """(3, 3H): pre-activation, margin and share of the input's bias, gate by gate in the order
        r, z, n.
        """
        gates = (
            [u.reset for u in self.units],
            [u.update for u in self.units],
            [u.candidate for u in self.units],
        )
        drives = chain.from_iterable(gates)
        return np.array([(drive.at, drive.margin, drive.share) for drive in drives]).T

    def __str__(self) -> str:
        return f"{self.name}: {' | '.join(label or '-' for label in self.labels())}"


def _spread(**weights: int) -> tuple[str, ...]:
    found = list[str]()
    for name, weight in weights.items():
        found += [_LEVELS[name]] * weight
    return tuple(found)


_LEVELS = {
    "undriven": "",
    "one": "1",
    "zero": "0",
    "minus": "-1",
    "minus_high": "-high",
    "minus_mid": "-mid",
}
_LEVELS |= {name: name for name in ("mid", "high", "low", "rounding", "tiny", "subnormal", "near")}

#: What a unit's level byte chooses from, the simplest first.
_ANY = _spread(
    undriven=2, mid=2, one=2, zero=2, high=2, low=2, rounding=2, tiny=2, subnormal=2, near=3
)
_OPEN = _spread(one=8, rounding=4, high=4)
_SHUT = _spread(zero=8, low=3, tiny=3, subnormal=2)
_CANDIDATE = _spread(undriven=6, mid=1, minus_mid=1, one=2, minus=2, high=2, minus_high=2, near=2)

#: By name, what r and what the kept share of the state may be.
_GATES = {
    "mixed": (_ANY, _ANY),
    "carry": (_ANY, _OPEN),
    "forget": (_SHUT, _SHUT),
    "elman": (_OPEN, _SHUT),
}
_GATES |= {
    "near": (("near",), ("near",)),
    "reset-open": (("1",), _ANY),
    "reset-shut": (("0",), _ANY),
}

#: The names that may be asked for, and those that are drawn where none is, each as often as it is
#: listed.
REGIMES = ("free", *_GATES)
NAMES = (
    *("free",) * 17,
    *("mixed",) * 18,
    *("carry",) * 4,
    *("forget",) * 4,
    *("elman",) * 4,
    *("near",) * 2,
)

#: Bytes that place a unit: the levels of r, z and c, then where in its level each is.
PLACEMENT = 6


#: The levels of a unit's r, z and c.
Levels: TypeAlias = tuple[str, str, str]


def place(
    name: str, codes: Codes, format: Format, update: str, levels: Sequence[Levels] | None = None
) -> Regimes:
    """The regimes that `codes` (H, 6) stand for; `levels`, of each unit, go before what the codes
    say of them.
    """
    if name == "free":
        return Regimes(name, (Regime(),) * len(codes))
    # Tables speak of the share of the state that is kept, which z is or 1-z is.
    reset, kept = _GATES[name]
    gates, candidates = ladder(format, candidate=False), ladder(format, candidate=True)
    choices = (
        (gates, reset),
        (gates, kept if update == "keep" else _swapped(kept)),
        (candidates, _CANDIDATE),
    )

    def drawn(unit: Sequence[int]) -> list[str]:
        return [choose(code, names) for code, (_, names) in zip(unit, choices, strict=False)]

    def regime(unit: Sequence[int], named: Sequence[str]) -> Regime:
        return Regime(
            *(
                rungs[name][at]
                for (rungs, _), name, at in zip(choices, named, unit[3:], strict=True)
            )
        )

    units = codes.tolist()
    return Regimes(name, tuple(map(regime, units, map(drawn, units) if levels is None else levels)))


def check_levels(levels: object) -> Sequence[Levels] | None:
    """The levels of r, z and c, unit by unit, or None.

    Raises:
        InvalidArgument: it is not a sequence of at least one such triple.
    """
    if levels is None:
        return None
    if not isinstance(levels, Sequence) or isinstance(levels, str) or not levels:
        raise InvalidArgument(
            f"levels={levels!r} must be a sequence of at least one unit's levels of r, z and c"
        )
    # The names of levels are the same in every format.
    gates, candidates = (tuple(ladder(float32, candidate)) for candidate in (False, True))
    for index, unit in enumerate(levels):
        if not isinstance(unit, tuple) or len(unit) != 3:
            raise InvalidArgument(
                f"levels[{index}]={unit!r} must be three names: the levels of r, z and c"
            )
        for gate, level, options in zip("rzc", unit, (gates, gates, candidates), strict=True):
            check_option(f"levels[{index}], {gate}", level, *options)
    return levels


def _swapped(kept: tuple[str, ...]) -> tuple[str, ...]:
    # Where z replaces, it is what is taken: the state is kept where z is shut.
    return {_OPEN: _SHUT, _SHUT: _OPEN}.get(kept, kept)


@st.composite
def regimes(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    formats: Formats = None,
    update: str = "keep",
    regimes: Sequence[str] | None = None,
) -> Regimes:
    """`Regimes` of H units in one of `formats`: where to drive each gate of each unit on the ladder
    of theory.md 5.

    regimes: names of those to choose from. "free": nothing is driven. "mixed": each unit is placed
        on its own. "carry" (z = 1), "forget" (z = 0, r = 0), "elman" (z = 0, r = 1), in the sense
        of `update`: the cell as a whole. "near": every gate around a threshold of the format. By
        default a third are free, and a third or more mixed; never drawn unless asked for are
        "reset-open" and "reset-shut": r is 1, or 0, in the format, and z is placed as in "mixed".

    Shrinks to the first of `regimes` or to units that are not driven, and to round pre-activations.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or
            `formats`, `update` or `regimes` is wrong.
    """
    within = limits(H=(min_H, max_H))
    check_option("update", update, "keep", "replace")
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + 2)
    filled = slots(codes, within)["H"]
    format = pick(codes, check_formats(formats))
    named: Sequence[str] = NAMES
    if regimes is not None:
        named = check_names("regimes", regimes, REGIMES)
    name = pick(codes, named)
    return place(name, rows(source, filled, within["H"], PLACEMENT)[list(filled)], format, update)
