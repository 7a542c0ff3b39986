"""An enclosure and its answers as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify._named import JsonObject
from gruverify.reaching import Answer, Counterexample, Reach, Verdict

SCHEMA = 1


def verdict_of(found: Reach) -> Verdict:
    """Of all that was asked: refuted if something is, proved if everything is. Of no property:
    proved if anything is claimed of the last states.
    """
    if not found.answers:
        if found.silent_from is not None:
            return "unknown"
        return "proved"
    verdicts = {answer.verdict for answer in found.answers}
    if "refuted" in verdicts:
        return "refuted"
    if "unknown" in verdicts:
        return "unknown"
    return "proved"


def reach_document(found: Reach) -> JsonObject:
    """It as JSON values; an end that is not finite is null."""
    s = found.settings
    document: JsonObject = {
        "schema": SCHEMA,
        "model": str(found.model),
        "format": found.format.name,
        "verdict": verdict_of(found),
        "box": {"source": found.source, "T": found.steps, "B": found.members, "split": s.pieces},
        "generators": s.generators,
        "roots": s.roots,
        "seconds": found.seconds,
        "claims": found.claims.tolist(),
        "silent_from": found.silent_from,
        "properties": [_answer(answer) for answer in found.answers],
        "low": numbers(found.low),
        "high": numbers(found.high),
        "last_low": numbers(found.last_low),
        "last_high": numbers(found.last_high),
    }
    if found.y_low is not None and found.y_high is not None:
        document |= {"y_low": numbers(found.y_low), "y_high": numbers(found.y_high)}
    return document


def _answer(answer: Answer) -> JsonObject:
    found: JsonObject = {
        "property": answer.property.text,
        "verdict": answer.verdict,
        "margin": numbers(np.asarray(answer.least)),
        "box": answer.member,
    }
    if answer.how:
        found["how"] = answer.how
    if answer.witness is not None:
        found["witness"] = _witness(answer.witness)
    return found


def _witness(one: Counterexample) -> JsonObject:
    arrays = {"inputs": one.inputs, "state": one.state, "outputs": one.outputs}
    return {
        "step": one.step,
        **{name: numbers(array.astype(np.float64)) for name, array in arrays.items()},
    }


def numbers(array: npt.NDArray[np.float64]) -> Any:
    """Numbers as lists of lists, null where they are not finite."""
    # As objects, so that null can stand among the numbers.
    known = array.astype(object)
    known[~np.isfinite(array)] = None
    return known.tolist()
