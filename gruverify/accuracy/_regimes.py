"""The regime that the gates of a case are in, read off the labels of its units."""

from __future__ import annotations

from gruverify.cell import Case

#: In the order in which tables have them: nothing is driven; each unit is driven on its own; the
#: state is kept; neither kept nor recalled; not kept, but recalled; both gates around thresholds.
REGIMES = ("free", "mixed", "carry", "forget", "elman", "near")

_SHUT = {"0", "subnormal", "tiny", "low"}
_OPEN = {"high", "rounding", "1"}


def regime_of(case: Case) -> str:
    """One of `REGIMES`, which hold of a case as a whole: "carry" if every unit keeps its state."""
    units = [dict(part.split("=") for part in label.split()) for label in case.regimes]
    if not any(units):
        return "free"
    resets = {_position(unit.get("r", "")) for unit in units}
    updates = {_position(unit.get("z", "")) for unit in units}
    if case.variant.update == "keep":
        keeps, takes = "open", "shut"
    else:
        keeps, takes = "shut", "open"
    if updates == {keeps}:
        return "carry"
    if updates == {takes} and resets == {"shut"}:
        return "forget"
    if updates == {takes} and resets == {"open"}:
        return "elman"
    return "near" if updates == resets == {"near"} else "mixed"


def _position(level: str) -> str:
    """Where a gate is that was driven to a level of the ladder."""
    if level in _SHUT:
        return "shut"
    if level in _OPEN:
        return "open"
    return level.partition("-")[0]
