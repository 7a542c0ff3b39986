"""The kill matrix as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.matrix import Fate, Matrix


def matrix_page(matrix: Matrix) -> str:
    """The figures, the faults with what catches them, and the invariants with what they catch."""
    alone, cover = matrix.alone(), matrix.cover
    figures = [(name, _number(value)) for name, value in matrix.summary().items()]
    invariants = list[tuple[str, str, str]]()
    for id, faults in matrix.catches().items():
        # Without that invariant these faults would survive: it may not be dropped.
        by_it_alone = ", ".join(f"`{fault}`" for fault in alone.get(id, ()))
        invariants.append((f"`{id}`", str(len(faults)), by_it_alone))
    if cover.smallest:
        proved = "no fewer do"
    else:
        proved = "found greedily: fewer may do"
    parts = [
        "# The kill matrix",
        "Written by `gruverify faults --markdown`. "
        + "; ".join(f"{k} {_text(v)}" for k, v in matrix.header.items()),
        table(("figure", "value"), figures),
        "## Faults",
        table(
            (
                "fault",
                "reset",
                "kind",
                "mathematics",
                "as reported in",
                "case",
                "seconds",
                "first",
                "caught by",
                "H I B T",
            ),
            (_row(fate) for fate in matrix.faults),
        ),
        "## Right rewrites",
        table(
            ("rewrite", "reset", "mathematics", "cases", "failed"),
            (_rewrite(fate) for fate in matrix.rewrites),
        ),
        "## Invariants",
        table(("invariant", "faults it catches", "that no other catches"), invariants),
        "## A cover",
        f"These {len(cover.invariants)} catch every fault that is caught ({proved}): "
        + ", ".join(f"`{id}`" for id in cover.invariants),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars in its cells are escaped."""
    lines = [head, ["---"] * len(head)]
    for row in rows:
        lines.append([cell.replace("|", "\\|") for cell in row])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(fate: Fate) -> Sequence[str]:
    entry = FAULTS[fate.fault]
    if fate.cases is None:
        # How many cases it survived, since none of them caught it.
        case = f"survives {fate.tried}"
    else:
        case = str(fate.cases)
    sizes = " ".join(str(size) for size in fate.sizes.values())
    found = (
        case,
        f"{fate.seconds:.2f}",
        f"`{fate.first}`" if fate.first else "",
        str(len(fate.kills)),
        sizes,
    )
    return f"`{fate.fault}`", fate.reset, entry.kind, entry.mathematics, entry.thread, *found


def _rewrite(fate: Fate) -> Sequence[str]:
    return (
        f"`{fate.fault}`",
        fate.reset,
        EQUIVALENTS[fate.fault].mathematics,
        str(fate.tried),
        ", ".join(fate.kills) or "-",
    )


def _number(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k} {v}" for k, v in value.items())
    return str(value)
