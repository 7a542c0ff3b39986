"""What `gruverify judge` found: on a terminal, as JSON values, and in one line for a failing
test.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from gruverify._named import JsonObject
from gruverify.reporting._table import margin

if TYPE_CHECKING:
    from gruverify.judging import Distance, Entry, Ruling

#: The schema of the JSON values.
JUDGE_SCHEMA: JsonObject = json.loads(
    Path(__file__).with_name("judge.schema.json").read_text(encoding="utf-8")
)
_COLOURS = {"rounding": "bold green", "bug": "bold red", "undecidable": "bold yellow"}


def print_rulings(
    console: Console,
    model: str,
    outputs: Sequence[str],
    rulings: Sequence[Ruling],
    apart: Distance | None,
) -> None:
    """The verdict on each of the outputs, with what it rests on, and how far apart they are."""
    console.print(model, markup=False, soft_wrap=True)
    for name, ruling in zip(outputs, rulings, strict=True):
        console.print(
            f"\n{name}: {_sizes(ruling)}, judged in {ruling.format.name}",
            markup=False,
            soft_wrap=True,
        )
        for note in ruling.notes:
            console.print(f"  {note}", markup=False, soft_wrap=True)
        # The first line is the verdict, which alone is coloured.
        first, *others = ruling_lines(ruling)
        console.print(first, style=_COLOURS[ruling.verdict], markup=False, soft_wrap=True)
        for line in others:
            console.print(f"  {line}", markup=False, soft_wrap=True)
    if apart is not None:
        console.print(f"\n{apart.sentence}", markup=False, soft_wrap=True)


def ruling_lines(ruling: Ruling) -> list[str]:
    """The verdict, and then a line for everything that it rests on."""
    lines = [f"{ruling.verdict}: {_summary(ruling)}"]
    if ruling.first is not None:
        lines.append(f"first: {_entry(ruling.first, ruling)}")
    # The first and the worst number beyond its bound are often the same one: then once is enough.
    if ruling.worst is not None and _place(ruling.worst) != _place(ruling.first):
        lines.append(f"worst: {_entry(ruling.worst, ruling)}")
    if ruling.where:
        lines.append(f"beyond their bounds: {ruling.where}")
    lines += ruling.reasons
    if ruling.cause is not None and ruling.cause.others:
        lines.append(f"so does: {'; or: '.join(ruling.cause.others[:3])}")
    if ruling.hint is not None:
        lines.append(f"if yours has {ruling.hint.words}, {ruling.hint.advice}")
    return lines


def _summary(ruling: Ruling) -> str:
    if ruling.beyond:
        if ruling.beyond == 1:
            beyond = "is beyond its bound"
        else:
            beyond = "are beyond their bounds"
        return f"{ruling.beyond:,} of {ruling.entries:,} numbers {beyond}"
    if ruling.leaning is not None:
        return f"all {ruling.entries:,} numbers are within their bounds, but their errors lean"
    if ruling.verdict == "undecidable":
        return "nothing is beyond its bound, but the bounds claim too little"
    return (
        f"all {ruling.entries:,} numbers are within their bounds, of which {ruling.claimed:,} "
        "claim something"
    )


def _place(entry: Entry | None) -> tuple[int, ...]:
    if entry is None:
        return ()
    return entry.layer, entry.direction, entry.step, entry.member, entry.unit


def _sizes(ruling: Ruling) -> str:
    return ", ".join(f"{letter}={size}" for letter, size in ruling.sizes.items())


def _entry(entry: Entry, ruling: Ruling) -> str:
    if ruling.sizes["L"] > 1:
        layer = f"layer {entry.layer}, "
    else:
        layer = ""
    way = "backward, " if entry.direction else ""
    where = f"{layer}{way}t={entry.step}, member {entry.member}, unit {entry.unit}"
    off = f"{_number(entry.ulp)} ulp, {margin(entry.margin)} of its bound"
    return (
        f"{where} is {entry.recorded:.9g}, expected {entry.expected:.9g} ± {entry.bound:.2g}: "
        f"off by {off}"
    )


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}"


def rulings_document(
    model: str, outputs: Sequence[str], rulings: Sequence[Ruling], apart: Distance | None
) -> JsonObject:
    """The rulings on the outputs of a model, as JSON values; what is not finite is null."""
    found: JsonObject = {
        "kind": "gruverify judge",
        "schema": 1,
        "model": model,
        "outputs": [
            {"file": name, **_ruling_document(ruling)}
            for name, ruling in zip(outputs, rulings, strict=True)
        ],
    }
    if apart is not None:
        if apart.explained is None:
            explained = None
        else:
            explained = apart.explained.tolist()
        found["distance"] = {
            "sentence": apart.sentence,
            "part": apart.part,
            "apart": apart.apart.tolist(),
            "explained": explained,
        }
    plain: JsonObject = _plain(found)
    return plain


def _ruling_document(ruling: Ruling) -> JsonObject:
    return {
        "verdict": ruling.verdict,
        "reasons": ruling.reasons,
        "format": ruling.format.name,
        "sizes": dict(ruling.sizes),
        "entries": ruling.entries,
        "claimed": ruling.claimed,
        "beyond": ruling.beyond,
        "where": ruling.where,
        "worst": None if ruling.worst is None else asdict(ruling.worst),
        "first": None if ruling.first is None else asdict(ruling.first),
        "cause": None if ruling.cause is None else asdict(ruling.cause),
        "hint": None if ruling.hint is None else asdict(ruling.hint),
        "notes": ruling.notes,
        "leaning": None if ruling.leaning is None else asdict(ruling.leaning),
        "unsought": ruling.unsought,
        "declared": {name: str(value) for name, value in (ruling.declared or {}).items()},
    }


def _plain(value: object) -> Any:
    """JSON values: no number that JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    # NumPy's float64 is a float, too; its arrays were made lists before.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
