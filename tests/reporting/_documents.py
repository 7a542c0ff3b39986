"""Documents of known content: every status, witnesses with and without entries, and levels with
holes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import Witness
from gruverify.engine import Tally
from gruverify.invariants import Entries
from gruverify.reporting import Document, document

from ._results import HEADER, NOT_ASKED, NOTHING, PASSED, result, witness

HOSTILE = "<script>alert('gru')</script>&\"' `x` ]]> --> {{ 7 * 7 }}"
LEVELS = ("0", "low", "high", "1")
FELL = Tally(passed=3, falsified=1, largest=3.5, histogram=Counter({-9: 3, 14: 1}))
TALLIES = {
    ("agreement/step", "float32"): FELL,
    ("agreement/step", "float64"): replace(PASSED, histogram=Counter({-16: 2})),
    ("contract/same-bits", "float32"): Tally(error=1, reason="step raised ValueError: no"),
    ("contract/same-bits", "float64"): Tally(
        falsified=1, largest=np.inf, histogram=Counter({512: 1})
    ),
    ("regimes/carry-copies-state", "float32"): Tally(
        blocked=2, reason="step has shape (1,)", cause="contract/shape-step"
    ),
    ("regimes/carry-copies-state", "float64"): PASSED,
    ("regimes/forget-value", "float32"): NOTHING,
    ("regimes/forget-value", "float64"): PASSED,
    ("agreement/last", "float32"): NOT_ASKED,
    ("agreement/last", "float64"): NOT_ASKED,
}


def rich(target: str = "pkg.module:step", **changes: Any) -> Document:
    """A document with something in every part of a page."""
    entries = Entries("tbi", np.array([[[0.25, 3.5], [0.0, np.inf]]]))
    failed = witness("agreement/step", target, T=2)
    shown = replace(failed, residual=replace(failed.residual, entries=entries))
    witnesses: dict[tuple[str, str], Witness] = {
        ("agreement/step", "float32"): shown,
        ("contract/same-bits", "float64"): witness("contract/same-bits", target),
    }
    found = document(
        result(TALLIES, witnesses=witnesses, header={**HEADER, "target": target}, **changes)
    )
    return {**found, "coverage": [_coverage(fmt) for fmt in HEADER["formats"]]}


def _coverage(fmt: str) -> dict[str, Any]:
    hits = np.arange(4 * 4 * 2).reshape(4, 4, 2)
    axes = [
        {"name": name, "levels": list(levels)}
        for name, levels in zip("zrc", (LEVELS, LEVELS, LEVELS[:2]), strict=True)
    ]
    gates = {"name": "z×r×c", "axes": axes, "at_least": 2, "hits": hits.tolist(), "percent": 96.77}
    unreachable = [{"bin": ["0", "0", "low"], "reason": "nothing gets there"}]
    sizes = {
        "name": "H",
        "axes": [{"name": "H", "levels": ["1", "2"]}],
        "at_least": 1,
        "hits": [3, 0],
        "percent": 50.0,
    }
    groups = [
        {**gates, "excluded": unreachable, "reachable": 31},
        {**sizes, "excluded": [], "reachable": 2},
    ]
    return {"format": fmt, "groups": groups}
