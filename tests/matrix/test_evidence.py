"""The script that writes docs/evidence.md: its sections from small results, in the page as it
is.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from gruverify.matrix import Fate, Matrix
from gruverify.reporting.matrix import matrix_document

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "campaigns" / "evidence.py"))
SIZES = {"H": 1, "I": 1, "B": 1, "T": 2}
FATES = (
    Fate("stale-weights", "after", 3, {"agreement/step": 3}, 0.5, "agreement/step", SIZES),
    Fate("state-ignored", "after", 240),
)
HEADER = {"seed": 0, "profile": "default", "versions": {"numpy": "2.4.6"}}


def test_faults_are_told_with_their_survivors(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(matrix_document(Matrix(HEADER, FATES)))
    assert "| caught | 1 of 2 |" in SCRIPT["faults"](file)
    assert "| survivors | `state-ignored` (reset after) |" in SCRIPT["faults"](file)
    assert json.loads(SCRIPT["catches"](file)) == {
        "agreement/step": {"catches": 1, "alone": ["stale-weights"]}
    }


def test_alarms_are_told(tmp_path: Path) -> None:
    file = tmp_path / "false_alarms.json"
    for alarms, said in (([], "no alarm"), (["numpy"], "**1 alarms**")):
        found = {"shipped": {"float32": 1}, "margins": {"bounds, exact": [7, 5, 0.25, 0.5, 1.0]}}
        found |= {"sizes": {"up to 5": 1000}, "invariants": {"a": 100, "b": 900}}
        file.write_text(
            json.dumps({"evaluations": 1, "cases": 1, "alarms": alarms, "of": {}} | found)
        )
        text = SCRIPT["false_alarms"](file)
        assert said in text
        assert "the shipped targets have: float32 1." in text
        assert "up to 5 1,000. Each of 2 invariants has at least 100, 500 in the median" in text
        assert "| bounds, exact | 7 | 5 | 0.25 | 0.5 | 1 |" in text


def test_page_has_every_section_and_no_other() -> None:
    page = SCRIPT["PAGE"].read_text()
    for name in SCRIPT["SECTIONS"]:
        assert "\nnew\n" in SCRIPT["rewritten"](page, name, "new")
    with pytest.raises(SystemExit, match="no section 'other'"):
        SCRIPT["rewritten"](page, "other", "new")
