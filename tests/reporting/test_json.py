"""The result as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np

from gruverify.coverage import GROUPS, Coverage
from gruverify.engine import Tally, decode_witness, encode_witness
from gruverify.invariants import INVARIANTS
from gruverify.reporting import document, dumps

from ._results import HEADER, NOT_ASKED, PASSED, falsified, result, unclaimed, witness


def rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Invariant and format of every row."""
    return [(row["id"], row["format"]) for row in document["invariants"]]


def test_the_document_has_the_keys_of_schema_2() -> None:
    found = document(result())

    assert found["schema"] == 2
    assert list(found) == [
        "schema",
        *HEADER,
        "verdict",
        "doubts",
        "covers",
        "hints",
        "less_accurate",
        "drawn",
        "crashes",
        "explanation",
        "unexpected",
        "flaky",
        "replays",
        "invariants",
        "witnesses",
        "coverage",
        "gradient_flow",
        "timing",
    ]
    assert {key: found[key] for key in HEADER} == HEADER
    assert (found["verdict"], found["crashes"], found["witnesses"]) == ("conforms", [], [])
    assert found["timing"] == {"seconds": 1.25}


def test_it_says_what_was_drawn_what_it_covers_and_why_it_is_no_pass() -> None:
    found = document(unclaimed())

    assert (found["verdict"], len(found["doubts"])) == ("inconclusive", 1)
    assert found["covers"][0] == "float32: 2 of 2 cases of cells, H 1–3, I 2, B 1, T 1–4"
    sizes = {"H": [1, 3], "I": [2, 2], "B": [1, 1], "T": [1, 4]}
    assert found["drawn"][0] == {
        "format": "float32",
        "kind": "cells",
        "planned": 2,
        "judged": 2,
        "sizes": sizes,
    }
    assert [row["status"] for row in found["invariants"]] == ["passed", "nothing claimed"]


def test_a_row_says_everything_about_an_invariant_in_a_format_and_variant() -> None:
    tally = Tally(
        passed=3,
        falsified=1,
        error=1,
        blocked=2,
        largest=1.5,
        histogram=Counter({-9: 3, -1: 1}),
        reason="shape",
        declined=4,
        cause="contract/shape-step",
        unclaimed=5,
        compared=20,
        claimed=12,
    )

    [row] = document(result({("agreement/step", "float32"): tally}))["invariants"]

    assert row == {
        "id": "agreement/step",
        "statement": INVARIANTS["agreement/step"].statement,
        "source": INVARIANTS["agreement/step"].source,
        "format": "float32",
        "variant": "reset after, keep",
        "status": "falsified",
        "cases": 12,
        "passed": 3,
        "falsified": 1,
        "error": 1,
        "blocked": 2,
        "unclaimed": 5,
        "declined": 4,
        "entries": {"compared": 20, "claimed": 12},
        "margin": {"max": 1.5, "median": tally.median, "octaves": {"-2": 3, "-1": 1}},
        "reason": "shape",
        "cause": "contract/shape-step",
        "condition": "",
    }


def test_what_was_not_asked_says_why() -> None:
    [row] = document(result({("agreement/last", "float32"): NOT_ASKED}))["invariants"]

    assert (row["status"], row["variant"], row["cases"]) == ("not applicable", "-", 0)
    assert row["reason"] == "the backend has no sequence"


def test_the_text_reads_back_to_the_document() -> None:
    for shown in (result(), falsified(), result(crashes=("died",), complete=False)):
        text = dumps(shown)

        assert json.loads(text) == document(shown)
        assert text.endswith("}\n")


def test_numbers_that_json_lacks_are_strings() -> None:
    infinite = Tally(falsified=1, largest=math.inf, histogram=Counter({512: 1}))

    [row] = json.loads(
        dumps(result({("agreement/step", "float32"): infinite})), parse_constant=refuse
    )["invariants"]

    assert row["margin"]["max"] == "inf"


def refuse(constant: str) -> float:
    """JSON has no NaN and no infinities."""
    raise AssertionError(constant)


def test_coverage_says_what_was_hit_and_what_cannot_be() -> None:
    one = Coverage({"h'-c": np.array([2, 0, 5])}, {("h'-c", ("0",)): "it never is"})

    [found] = document(result(coverage={"float32": one}))["coverage"]
    groups = {group["name"]: group for group in found["groups"]}

    assert (found["format"], list(groups)) == ("float32", list(GROUPS))
    assert groups["h'-c"] == {
        "name": "h'-c",
        "axes": [{"name": "h'-c", "levels": ["-", "0", "+"]}],
        "at_least": 1,
        "hits": [2, 0, 5],
        "excluded": [{"bin": ["0"], "reason": "it never is"}],
        "reachable": 2,
        "percent": 100.0,
    }
    assert np.array(groups["z×r×c"]["hits"]).shape == (8, 8, 6)
    assert groups["z×r×c"]["percent"] == 0.0


def test_symbols_stay_readable() -> None:
    assert INVARIANTS["agreement/jacobian-state"].statement in dumps(
        result({("agreement/jacobian-state", "float32"): PASSED})
    )


def test_a_witness_in_the_document_reads_back() -> None:
    [found] = json.loads(dumps(falsified()))["witnesses"]

    assert encode_witness(decode_witness(found)) == encode_witness(witness())


def test_rows_and_witnesses_stand_in_the_catalogues_order_whatever_came_first() -> None:
    places = [(id, fmt) for id in list(INVARIANTS)[:3] for fmt in ("float32", "float64")]
    backwards = places[::-1]

    found = document(
        result(
            dict.fromkeys(backwards, PASSED),
            witnesses={place: witness(place[0]) for place in backwards},
        )
    )

    assert rows(found) == places
    assert [one["invariant"] for one in found["witnesses"]] == [id for id, _ in places]
