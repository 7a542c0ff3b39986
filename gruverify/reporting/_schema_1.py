"""Results of schema 1, as gruverify 0.1 wrote them, in the shape of schema 2: what nobody counted
is null.

Such a result does not say what its bounds claimed, so what it called `conforms` is inconclusive.
"""

from __future__ import annotations

from gruverify._named import JsonObject

#: Why a result of schema 1 in which nothing failed is inconclusive.
UNKNOWN = (
    "claims unknown: gruverify 0.1 wrote this result and did not count them; check the target again"
)


def upgraded(document: JsonObject) -> JsonObject:
    """A valid document of schema 1 as one of schema 2."""
    verdict = _verdict(document)
    return {
        **document,
        "schema": 2,
        "methods": None,
        "declarations": {},
        "verdict": verdict,
        "doubts": [*_unjudged(document), UNKNOWN] if verdict == "inconclusive" else [],
        "covers": [UNKNOWN],
        "hints": [],
        "less_accurate": [],
        "drawn": [],
        "invariants": [
            {**row, "unclaimed": 0, "entries": None, "condition": ""}
            for row in document["invariants"]
        ],
    }


def _verdict(document: JsonObject) -> str:
    """In schema 1 a death was `falsified`, and `incomplete` a run that was stopped or had nothing
    to judge.
    """
    failing = any(row["status"] in ("falsified", "error") for row in document["invariants"])
    match document["verdict"]:
        case "falsified":
            if document["crashes"] and not failing:
                return "died"
            return "falsified"
        case "incomplete" if not _unjudged(document):
            return "interrupted"
        case _:
            return "inconclusive"


def _unjudged(document: JsonObject) -> list[str]:
    judged = {
        row["format"]
        for row in document["invariants"]
        if row["passed"] or row["status"] == "xfailed"
    }
    return [
        f"{fmt}: no case passed, or the run was stopped"
        for fmt in document["formats"]
        if fmt not in judged
    ]
