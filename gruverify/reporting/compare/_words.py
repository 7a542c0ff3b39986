"""What text and Markdown say of a comparison alike."""

from __future__ import annotations

import json

from gruverify.reporting.compare._change import Kind
from gruverify.reporting.compare._comparison import Comparison

#: A longer value of a setting is cut short.
_LONGEST = 60


def visible(text: str) -> str:
    """Text in which escape sequences, control characters and lone surrogates are spelled out."""
    return "".join(
        # A target's name may hold escape sequences, which a terminal would obey.
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def differences(comparison: Comparison) -> list[str]:
    """How the two runs were not alike, and whether margins tell of the target alone."""
    pairs = comparison.differences.items()
    said = [
        f"{visible(name)} {_value(old)} → {_value(new)}"
        for name, (old, new) in pairs
        if name != "target"
    ]
    if said:
        lines = [f"the runs differ: {'; '.join(said)}"]
    else:
        lines = []
    if "declarations" in comparison.differences:
        lines.append(
            "they declare different things: cases and bounds differ, and margins with them"
        )
    elif not comparison.same_cases:
        lines.append("they drew different cases: margins differ by chance, too")
    return lines


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        words = value
    else:
        words = json.dumps(value, ensure_ascii=False)
    return visible(words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…")


def small_rises(comparison: Comparison) -> str:
    """How many margins rose and do not count; empty if none did."""
    threshold, count = comparison.threshold, len(comparison.risen)
    if not count:
        return ""
    if count == 1:
        margins = "1 other margin"
    else:
        margins = f"{count} other margins"
    return (
        f"{margins} rose {threshold.factor:g}-fold or more and stayed at most {threshold.least:g}: "
        "not counted as worse (see --worse-above)"
    )


def summary(comparison: Comparison) -> str:
    """How many changes there are of each kind."""
    found = {kind: len(comparison.changes_of(kind)) for kind in Kind}
    said = [
        f"{count} {_one(kind) if count == 1 else kind.value}"
        for kind, count in found.items()
        if count
    ]
    return ", ".join(said) or "nothing to compare"


def _one(kind: Kind) -> str:
    """A kind in the singular."""
    return kind.value.replace("failures that were", "failure that was").removesuffix("s")
