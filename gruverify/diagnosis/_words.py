"""What was found, in sentences; every one is read off the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gruverify.diagnosis._claims import Claim, Correlation
from gruverify.diagnosis._diagnosis import Layer
from gruverify.diagnosis._formats import InFormat
from gruverify.diagnosis._memory import Length
from gruverify.diagnosis._units import OPEN

#: The summands of J in words.
SUMMANDS = {
    "carry": "what z keeps",
    "elman": "the candidate",
    "gates": "what the state does to the gates",
}
#: What is multiplied over a lag, in words.
PARTS_IN_WORDS = {
    "all": "all of J",
    "carry": "what z keeps, alone",
    "elman": "the candidate, alone",
    "gates": "the gates' own terms, alone",
    "without carry": "J without what z keeps",
    "without elman": "J without the candidate",
    "without gates": "J without the gates' own terms",
    "diagonal": "J's diagonal, alone",
}
#: As many units are named; of more it is said how many more.
_NAMED = 6


def verdict(layer: Layer) -> str:
    """How long a layer remembers, and by what."""
    memory = layer.memory
    said = f"remembers {length_in_words(memory.length, 'about ')}"
    match memory.source:
        case "nothing":
            return f"{said}: each state is made of the input before it"
        case "growth":
            return (
                f"lets differences grow, by a factor of {memory.growth:.3g} per step: a state "
                f"depends on all {layer.by_lag.lags[-1]} steps that were looked at, and memory is "
                "no word for it"
            )
        case "carry":
            return f"{said}, by {_carriers(layer)}"
        case "together":
            return f"{said}, by {_summands_in_words(layer)}"
        case other:
            alone = length_in_words(memory.parts[other])
            kept = length_in_words(memory.parts["carry"])
            return (
                f"{said}, through {SUMMANDS[other]} (alone: {alone}), not by what z keeps ({kept})"
            )


def _carriers(layer: Layer) -> str:
    """The units that keep their state, and whether as the case "carry" has it."""
    carriers, H = list(layer.memory.carriers), len(layer.memory.units)
    if not carriers:
        return "what z keeps, now in one unit and now in another"
    each = float(np.median(layer.memory.carried[carriers]))
    # The time constant of a gate at 0.9, from where on a step counts as carried.
    if each < -1 / math.log(OPEN):
        return f"what z keeps in {len(carriers)} of {H} units"
    return f"{len(carriers)} of {H} units that {'carries' if len(carriers) == 1 else 'carry'}"


def _summands_in_words(layer: Layer) -> str:
    """Which of the summands it takes."""
    memory = layer.memory
    alone = {name: length_in_words(memory.parts[name]) for name in SUMMANDS}
    needed = list(memory.needed)
    match needed:
        case []:
            return "several paths at once, of which each may be missing"
        case [one]:
            return f"{SUMMANDS[one]} (alone: {alone[one]}) with help of the others"
        case [one, other]:
            return (
                f"{SUMMANDS[one]} and {SUMMANDS[other]} together, neither alone ({alone[one]}, "
                f"{alone[other]})"
            )
    listed = ", ".join(f"{SUMMANDS[name]} {length}" for name, length in alone.items())
    return f"all paths together, none alone ({listed})"


def length_in_words(length: Length, about: str = "") -> str:
    """A number of steps: "40 steps", "at least 128 steps", "less than one step"."""
    if length.steps < 1:
        return "less than one step"
    number = f"{length.steps:.0f}" if length.steps >= 10 else f"{length.steps:.2g}"
    steps = "1 step" if number == "1" else f"{number} steps"
    if length.at_least:
        return f"at least {steps}"
    return f"{about}{steps}"


def claim_in_words(claim: Claim) -> str:
    """Whether a claim is true: of units, of steps, of both or of neither."""
    said = {"of units": claim.units, "of steps": claim.steps}
    true = [name for name, found in said.items() if found.holds]
    if all(math.isnan(found.rho) for found in said.values()):
        answer = "cannot be said, for the gates or the memories do not differ"
    elif true:
        answer = " and ".join(true)
    else:
        answer = "of neither units nor steps"
    numbers = ", ".join(f"{name} {_correlation(found)}" for name, found in said.items())
    return f"{claim.statement}: {answer} ({numbers})"


def _correlation(found: Correlation) -> str:
    if math.isnan(found.rho):
        return "nothing varies"
    chance = "" if found.holds or abs(found.rho) < 0.5 else f", p = {found.chance:.2g}"
    return f"ρ = {found.rho:.2f}{chance}"


def format_in_words(found: InFormat, layer: Layer) -> str:
    """How long a format may be used, and which units latch when."""
    T, name = layer.steps, found.format.name
    if not found.finite:
        said = f"{name} overflows"
    elif found.safe < T:
        said = f"safe in {name} to {found.safe} of {T} steps"
    else:
        off, all_steps = float(found.error.max()), "the one step" if T == 1 else f"all {T} steps"
        kept_up = f"states are off by at most {off:.2g}" if off else "states are the same"
        said = f"safe in {name} through {all_steps}: {kept_up}"
        if found.gradient > 0:
            said += f", dL/dU_z by {100 * found.gradient:.2g} %"
    if found.latches:
        rounds = "z rounds to 1" if layer.update == "keep" else "1-z rounds to 1"
        first = min(latch.step for latch in found.latches)
        when = "from the first step on" if first == 0 else f"from step {first} on"
        named = units_named([latch.unit for latch in found.latches])
        verb = "latches" if len(found.latches) == 1 else "latch"
        said += f"; {when} {named} {verb} ({rounds})"
    fixed = [unit for unit in found.immovable if unit not in {each.unit for each in found.latches}]
    if fixed:
        said += (
            f"; no gradient can move z of {units_named(fixed)}: it rounds to 0 or 1 at every step"
        )
    return said


def units_named(units: Sequence[int]) -> str:
    """As "unit 3", "units 3, 17", or how many more there are."""
    named = ", ".join(map(str, units[:_NAMED]))
    more = f" and {len(units) - _NAMED} more" if len(units) > _NAMED else ""
    return f"unit{'s' * (len(units) > 1)} {named}{more}"
