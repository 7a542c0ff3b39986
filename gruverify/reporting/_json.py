"""The result as JSON, schema 2: what every other report is rendered from."""

from __future__ import annotations

import json
import math
from typing import Any

from gruverify._named import JsonObject
from gruverify.coverage import GROUPS, Coverage, Group
from gruverify.engine import (
    Drawn,
    Flaky,
    Result,
    Tally,
    condition_of,
    encode_witness,
    margin_octaves,
)
from gruverify.invariants import INVARIANTS
from gruverify.reporting.explain import gradient_flow

SCHEMA = 2


def document(result: Result) -> JsonObject:
    """The result as JSON values. Everything but `timing` depends on the seed, the versions, the
    target and the saved witnesses that were tried alone.
    """
    return {
        "schema": SCHEMA,
        **result.header,
        "verdict": result.verdict,
        "doubts": list(result.doubts),
        "covers": list(result.covers),
        "hints": list(result.hinted),
        "less_accurate": list(result.less_accurate),
        "drawn": [_drawn(key, drawn) for key, drawn in sorted(result.drawn.items())],
        "crashes": list(result.crashes),
        "explanation": result.explanation,
        "unexpected": list(result.unexpected),
        "flaky": [
            _flaky(place, found)
            for place, found in sorted(result.flaky.items(), key=_in_catalogue_order)
        ],
        "replays": [
            {"invariant": each.invariant, "format": each.format, "fate": each.fate}
            for each in sorted(result.replays)
        ],
        "invariants": [
            _row(result, key, tally)
            for key, tally in sorted(result.tallies.items(), key=_in_catalogue_order)
        ],
        "witnesses": [
            encode_witness(witness)
            for _, witness in sorted(result.witnesses.items(), key=_in_catalogue_order)
        ],
        "coverage": [
            _coverage(name, coverage) for name, coverage in sorted(result.coverage.items())
        ],
        "gradient_flow": gradient_flow(tuple(result.header["formats"])),
        "timing": _timing(result),
    }


def dumps(result: Result) -> str:
    """The document as text, ending in a newline."""
    return as_text(document(result))


def as_text(document: JsonObject) -> str:
    """A document as it is written to a file."""
    # No NaN: other readers than Python's refuse it. Numbers that are not finite are strings or
    # null.
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _timing(result: Result) -> dict[str, float]:
    seconds = {"seconds": round(result.seconds, 3)}
    if result.cpu is None:
        return seconds
    return {**seconds, "cpu": round(result.cpu, 3)}


def _row(result: Result, key: tuple[str, str, str], tally: Tally) -> JsonObject:
    id, fmt, variant = key
    return {
        "id": id,
        "statement": INVARIANTS[id].statement,
        "source": INVARIANTS[id].source,
        "format": fmt,
        "variant": variant,
        "status": tally.status,
        "cases": tally.cases,
        "passed": tally.passed,
        "falsified": tally.falsified,
        "error": tally.error,
        "blocked": tally.blocked,
        "unclaimed": tally.unclaimed,
        "declined": tally.declined,
        "entries": {"compared": tally.compared, "claimed": tally.claimed},
        "margin": {
            "max": _number(tally.largest),
            "median": _number(tally.median),
            "octaves": _octaves(tally),
        },
        "reason": tally.reason,
        "cause": tally.cause,
        # A condition is looked for among failures, of which there are none otherwise.
        "condition": condition_of(result, id, fmt) if tally.falsified or tally.error else "",
    }


def _drawn(key: tuple[str, str], drawn: Drawn) -> JsonObject:
    fmt, kind = key
    sizes = {letter: list(ends) for letter, ends in drawn.sizes.items()}
    return {
        "format": fmt,
        "kind": kind,
        "planned": drawn.planned,
        "judged": drawn.judged,
        "sizes": sizes,
    }


def _flaky(place: tuple[str, str], found: Flaky) -> JsonObject:
    id, fmt = place
    counts = {"failed": found.failed, "calls": found.calls}
    return {"invariant": id, "format": fmt, **counts, "manner": found.manner, "text": found.text}


def _octaves(tally: Tally) -> dict[str, int]:
    return {str(octave): count for octave, count in sorted(margin_octaves(tally).items())}


def _coverage(format: str, coverage: Coverage) -> JsonObject:
    return {
        "format": format,
        "groups": [_group(group, coverage) for group in GROUPS.values()],
    }


def _group(group: Group, coverage: Coverage) -> JsonObject:
    return {
        "name": group.name,
        "axes": [{"name": axis.name, "levels": list(axis.levels)} for axis in group.axes],
        "at_least": group.at_least,
        "hits": coverage.hits_of(group).tolist(),
        "excluded": [
            {"bin": list(bin), "reason": reason}
            for (name, bin), reason in coverage.excluded.items()
            if name == group.name
        ],
        "reachable": coverage.reachable(group),
        "percent": round(coverage.percent(group), 2),
    }


def _in_catalogue_order(item: tuple[tuple[str, ...], Any]) -> tuple[Any, ...]:
    # The catalogue's order first, then format and variant by name: the same document each time.
    (id, *rest), _ = item
    return list(INVARIANTS).index(id), *rest


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return repr(value)
