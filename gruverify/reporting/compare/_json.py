"""A comparison as JSON, schema 1."""

from __future__ import annotations

import json
import math

from gruverify._named import JsonObject
from gruverify.reporting._summary import Fate
from gruverify.reporting.compare._change import Change, Kind
from gruverify.reporting.compare._comparison import Comparison, Trigger
from gruverify.reporting.compare._figures import figures

SCHEMA = 1


def comparison_document(comparison: Comparison, triggers: tuple[Trigger, ...] = ()) -> JsonObject:
    """A comparison as JSON values. Numbers that are not finite are strings; what nobody counted is
    null.

    triggers: what the comparison was to fail on. `failed_on` has the reasons of each.
    """
    threshold = comparison.threshold
    changes = list[JsonObject]()
    for kind in Kind:
        # Of those only the number is of interest, and they would be most of the file.
        if kind is not Kind.UNCHANGED:
            changes += [
                {"kind": _KEYS[kind], **_change(each)} for each in comparison.changes_of(kind)
            ]
    return {
        "schema": SCHEMA,
        "kind": "gruverify comparison",
        "target": {"old": comparison.old["target"], "new": comparison.new["target"]},
        "threshold": {"factor": _number(threshold.factor), "above": _number(threshold.least)},
        "same_cases": comparison.same_cases,
        "differences": {
            name: {"old": old, "new": new} for name, (old, new) in comparison.differences.items()
        },
        "figures": {"old": figures(comparison.old), "new": figures(comparison.new)},
        "deaths": comparison.deaths,
        "changes": changes,
        "unchanged": len(comparison.changes_of(Kind.UNCHANGED)),
        "gaps": comparison.gaps,
        "failed_on": {
            trigger: reasons for trigger in triggers if (reasons := comparison.reasons(trigger))
        },
    }


#: What a kind is called in JSON.
_KEYS = {kind: kind.name.lower().replace("_", "-") for kind in Kind}


def comparison_text(document: JsonObject) -> str:
    """The document as text of ASCII characters, which any file and console can hold; ends in a
    newline.
    """
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _change(change: Change) -> JsonObject:
    return {
        "id": change.id,
        "format": change.format,
        "old": _fate(change.old),
        "new": _fate(change.new),
    }


def _fate(fate: Fate | None) -> JsonObject | None:
    if fate is None:
        return None
    if fate.judged:
        margin = _number(fate.margin)
    else:
        margin = None
    return {"status": fate.status, "margin": margin, "cases": fate.cases, "claimed": fate.claimed}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return repr(value)
