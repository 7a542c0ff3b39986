"""What there is to visit: covergroups over unit-evaluations and cases, their bins, and those that
cannot be reached.

A unit-evaluation is one hidden unit of one member at one step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

from gruverify.arithmetic import candidate_bands, float32, gate_bands
from gruverify.backends import Backend, offers

#: A level of each axis of a group.
Bin: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """A quantity, and the levels at which it can be, in order."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """A covergroup: a quantity or a cross of several. A bin is covered once it was hit `at_least`
    so often.
    """

    name: str
    axes: tuple[Axis, ...]
    at_least: int = 1

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many levels each axis has."""
        return tuple(len(axis.levels) for axis in self.axes)

    @cached_property
    def size(self) -> int:
        """How many bins there are."""
        return math.prod(self.shape)

    def bins(self) -> Iterator[Bin]:
        """Every bin, the last axis fastest."""
        return product(*(axis.levels for axis in self.axes))

    def spelled(self, bin: Bin) -> str:
        """A bin as reports write it, such as "z=0 r=1 c=mid"."""
        return " ".join(f"{axis.name}={level}" for axis, level in zip(self.axes, bin, strict=True))


# The levels' names are the same in every format; where they begin is the format's.
_GATE = tuple(gate_bands(float32))
Z, R = Axis("z", _GATE), Axis("r", _GATE)
C = Axis("c", tuple(candidate_bands(float32)))
#: Of |h'|: below √u its square is lost beside 1; above 1 it can only be an initial state.
STATE = Axis("|h'|", ("0", "tiny", "low", "high", "outside"))
#: Of h' - c; "0" is what no implementation has to tell from 0.
SIDE = Axis("h'-c", ("-", "0", "+"))
#: The ways by which the state before, and the pre-activations of the gates, act on the state after.
PATHS = tuple(Axis(name, ("shut", "open")) for name in ("carry", "update", "candidate", "reset"))

#: What a target answers, and the methods of the contract that answer it.
ANSWERS: dict[str, tuple[str, ...]] = {
    "values": ("step", "sequence"),
    "gradients": ("step_vjp", "step_jacobian", "sequence_vjp"),
    "tangents": ("sequence_jvp",),
    "second derivatives": ("sequence_hvp", "sequence_hvp_reverse"),
    "stacks": ("stack",),
    "gradients of stacks": ("stack_vjp",),
}
OF = Axis("of", tuple(ANSWERS))
#: Where loops, tiles and vectors end: kernels are written for multiples of 8, and fail beyond them.
_SIZES = ("1", "2–7", "8", "9–15", "16", "17–32", "33–64", "65–128", "129–255", "256 and more")
_STEPS = (*_SIZES[:-1], "256–299", "300 and more")
#: By letter, of what answers which sizes were compared.
EXTENTS = {
    letter: Group(letter, (OF, Axis(letter, _STEPS if letter == "T" else _SIZES)))
    for letter in "HIBT"
}
COINCIDENCES = Group(
    "coincidences",
    (OF, Axis("where", ("T=B", "B=3H", "I=H", "I=3H", "I=D·H, L>1", "H=1", "8n", "8n+1", "8n-1"))),
)
#: The groups that size coverage counts.
SIZES = (*EXTENTS.values(), COINCIDENCES)

#: The group that gate coverage counts.
GATES = Group("z×r×c", (Z, R, C))
GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        GATES,
        Group("z×|h'|×h'-c", (Z, STATE, Axis(SIDE.name, ("-", "+")))),
        Group("h'-c", (SIDE,)),
        Group("paths", PATHS),
        *SIZES,
    )
}

_THROUGH_CANDIDATE = "the reset gate acts through the candidate alone"
_THROUGH_KEEP = "where nothing is kept the update gate is saturated: its slope is 0 too"


def contradictory() -> dict[tuple[str, Bin], str]:
    """Group and bin to why no GRU can reach it."""
    return {("paths", bin): why for bin in GROUPS["paths"].bins() if (why := _contradiction(*bin))}


def _contradiction(carry: str, update: str, candidate: str, reset: str) -> str:
    if reset == "open" and candidate == "shut":
        return _THROUGH_CANDIDATE
    # What is kept is z or 1-z: where that is 0, the slope z(1-z) is, too (theory 2.4).
    if update == "open" and carry == "shut":
        return _THROUGH_KEEP
    return ""


def sequential(backend: Backend) -> bool:
    """Whether more than the first step of a case is put to the backend."""
    return offers(backend, "sequence") or offers(backend, "sequence_vjp")
