"""A result in a few figures: what stands above a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gruverify._named import JsonObject
from gruverify.reporting._reader import Document
from gruverify.reporting._summary import counts, gate_shares, size_shares, verdict
from gruverify.reporting.compare._comparison import Comparison

#: What stands for a figure that nobody counted.
UNKNOWN = "unknown"


def figures(document: Document) -> JsonObject:
    """Name to figure, as JSON values; None where nobody counted, as in a result of schema 1."""
    timing = document["timing"]
    return {
        "verdict": document["verdict"],
        "statuses": counts(document),
        "cases": sum(each["judged"] for each in document["drawn"]) if document["drawn"] else None,
        "claimed": _claimed(document),
        # Empty where nobody counted, which is not 0 %.
        "gates": gate_shares(document) or None,
        "sizes": size_shares(document) or None,
        "seconds": timing["seconds"],
        "cpu_seconds": timing.get("cpu"),
    }


def _claimed(document: Document) -> float | None:
    """The percentage of the entries compared of which the bounds claim something."""
    entries = [row["entries"] for row in document["invariants"] if row["entries"] is not None]
    compared: int = sum(each["compared"] for each in entries)
    claimed: int = sum(each["claimed"] for each in entries)
    if compared:
        return 100 * claimed / compared
    return None


def table(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Rows of a name and the same figure of both results, in words."""
    old, new = figures(comparison.old), figures(comparison.new)
    rows = [("target", comparison.old["target"], comparison.new["target"])]
    rows.append(("verdict", verdict(comparison.old), verdict(comparison.new)))
    for key, (name, spell) in _SPELLED.items():
        was, now = (UNKNOWN if each[key] is None else spell(each[key]) for each in (old, new))
        rows.append((name, was, now))
    return rows


def _shares(by_format: dict[str, float]) -> str:
    return ", ".join(f"{fmt} {percent:.1f} %" for fmt, percent in by_format.items())


_SPELLED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "statuses": (
        "results",
        lambda found: ", ".join(f"{count} {status}" for status, count in found.items()),
    ),
    "cases": ("cases judged", lambda count: f"{count:,}"),
    "claimed": ("entries claimed", lambda percent: f"{percent:.1f} %"),
    "gates": ("gates visited", _shares),
    "sizes": ("sizes visited", _shares),
    "seconds": ("seconds", lambda seconds: f"{seconds:.1f}"),
    "cpu_seconds": ("CPU seconds", lambda seconds: f"{seconds:.1f}"),
}
