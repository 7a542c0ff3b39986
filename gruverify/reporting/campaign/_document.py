"""A campaign as JSON, schema 1 of its own: its rows, and the result of each target."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gruverify._named import JsonObject
from gruverify.engine import Result, Verdict, encode_witness
from gruverify.reporting._json import document
from gruverify.reporting.targets._json import CAMPAIGN

if TYPE_CHECKING:
    from gruverify.campaigning import Cause, Ending

SCHEMA = 1

#: When each unit was kept, by target, format and block.
Seen = Mapping[tuple[str, str, int], str]


def campaign_document(
    asked: JsonObject,
    verdict: Verdict,
    ending: Ending,
    causes: Sequence[Cause],
    results: Sequence[Result],
    seen: Seen,
) -> JsonObject:
    """The campaign as JSON values. `digest` is that of all but `timing`, of what the verdict makes
    of known causes, and of when something was seen: the same however the work was spread.
    """
    rows = [_row(row) for row in causes]
    documents = [document(result) for result in results]
    timing = {"cpu": round(ending.total.cpu, 3)}
    digest = _digest(
        {"asked": asked, "causes": rows, "results": [_lasting(each) for each in documents]}
    )
    for row, cause in zip(rows, causes, strict=True):
        # Put in after the digest: these two depend on when and where, not on what was found.
        row |= {"known": cause.known, "seen": first_seen(cause, seen)}
    return {
        "kind": CAMPAIGN,
        "schema": SCHEMA,
        "asked": asked,
        "verdict": verdict,
        "digest": digest,
        "ending": ending.how,
        "cases": ending.total.cases,
        "judgements": ending.total.judgements,
        "missing": len(ending.missing),
        "failed": [{"unit": list(each.unit.key), "why": each.why} for each in ending.failed],
        "causes": rows,
        "results": documents,
        "timing": timing,
    }


def first_seen(cause: Cause, seen: Seen) -> str:
    """When the first unit was kept that shows a cause, in UTC; empty if it is not known."""
    return seen.get(cause.first_unit, "")


def _row(row: Cause) -> JsonObject:
    target, fmt, block = row.first_unit
    return {
        "cause": row.cause,
        "cases": row.cases,
        "first": {"target": target, "format": fmt, "unit": block},
        "places": [list(place) for place in row.places],
        "versions": dict(row.versions),
        "witness": None if row.witness is None else encode_witness(row.witness),
    }


def _lasting(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name != "timing"}


def _digest(values: JsonObject) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
