"""Reading a result back: whole ones to the same document, all others to one clear line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruverify
from gruverify import check
from gruverify.reporting import BadResult, document, dumps, load_document, parse_document, schema
from gruverify.reporting import _reader as reader

from ._results import falsified, result, witness


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "result.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "shown", [result(), falsified(), result(crashes=("died",), complete=False)]
)
def test_what_was_written_reads_back(shown: Any, tmp_path: Path) -> None:
    assert load_document(written(tmp_path, dumps(shown))) == document(shown)


@pytest.mark.uncounted
@pytest.mark.slow
def test_a_run_reads_back() -> None:
    found = check("numpy", profile="quick", max_cases=2)

    assert parse_document(dumps(found)) == document(found)


def test_a_witness_of_a_stack_reads_back() -> None:
    one = np.ones((1, 1), np.float32)
    stack = gruverify.Stack(((witness().case.cell,),))
    case = gruverify.StackCase(stack, *(one[None],) * 4)
    shown = replace(witness("stack/agreement"), case=case)

    found = parse_document(dumps(falsified(witnesses={("agreement/step", "float32"): shown})))

    assert found["witnesses"][0]["stack"]["batch_first"] is False


def test_the_schema_describes_every_part_of_a_document() -> None:
    """Nothing is written that the schema does not name: objects are closed, or say what their
    values are.
    """
    rules = schema()
    objects = [
        node for node in [rules, *rules["definitions"].values()] if node.get("type") == "object"
    ]

    assert len(objects) > 3
    assert all("additionalProperties" in node for node in objects)
    # A command is that of a run of pytest; not every run has a cap, names its variants or can try
    # saved witnesses.
    assert {*document(falsified()), "command", "max_size", "replayed", "variants"} == set(
        rules["properties"]
    )


def test_every_prefix_of_a_result_is_refused_in_one_line(tmp_path: Path) -> None:
    whole = dumps(falsified()).rstrip()

    for length in range(0, len(whole), 97):
        assert "is not JSON, or was cut short: " in refusal(written(tmp_path, whole[:length]))


def refusal(path: Path) -> str:
    """Why a file is not read."""
    with pytest.raises(BadResult) as caught:
        load_document(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 500
    return message.removeprefix(str(path)).strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[]", "is not a gruverify result: expected a JSON object", id="list"),
        pytest.param('{"tests": []}', "is not a gruverify result", id="foreign"),
        pytest.param(b"\xff\xfe\x00", "is not JSON", id="bytes"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param('{"schema": NaN}', "NaN is not a number of JSON", id="NaN"),
        pytest.param(
            '{"schema": 0}',
            "has schema=0: this version reads 1 and 2; check the target again",
            id="older",
        ),
        pytest.param(
            '{"schema": 3}',
            "has schema=3: this version reads 1 and 2; upgrade gruverify",
            id="newer",
        ),
        pytest.param(
            '{"schema": [2]}',
            "has schema=[2]: this version reads 1 and 2; check",
            id="list of them",
        ),
        pytest.param(
            '{"schema": true}', "has schema=True: this version reads 1 and 2; check", id="truth"
        ),
        pytest.param(
            '{"schema": "2"}', "has schema='2': this version reads 1 and 2; check", id="text"
        ),
        pytest.param(
            '{"schema": 1}', "is damaged: the result must contain", id="empty of schema 1"
        ),
        pytest.param('{"schema": 2}', "is damaged: the result must contain", id="empty"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(
    text: str | bytes, why: str, tmp_path: Path
) -> None:
    assert why in refusal(written(tmp_path, text))


def test_a_witness_is_sent_to_replay(tmp_path: Path) -> None:
    [one] = document(falsified())["witnesses"]

    assert (
        refusal(written(tmp_path, json.dumps(one)))
        == "is a witness, not a result: `gruverify replay` reads it"
    )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(lambda d: d.update(seed="3"), "seed must be integer", id="type"),
        pytest.param(
            lambda d: d.update(sed=3), "must not contain {'sed'} properties", id="unknown key"
        ),
        pytest.param(
            lambda d: d["invariants"][0].pop("margin"),
            "invariants[0] must contain",
            id="missing key",
        ),
        pytest.param(
            lambda d: d["invariants"][0].update(status="great"),
            "invariants[0].status must be one",
            id="word",
        ),
        pytest.param(
            lambda d: d["invariants"][0]["margin"].update(max=-1),
            "invariants[0].margin.max",
            id="number",
        ),
        pytest.param(
            lambda d: d["witnesses"][0]["arrays"].pop("state"),
            "witnesses[0]: the witness is",
            id="witness",
        ),
    ],
)
def test_a_damaged_result_is_refused_with_the_place(
    damage: Callable[[Any], Any], why: str, tmp_path: Path
) -> None:
    whole = document(falsified())
    damage(whole)

    assert why in refusal(written(tmp_path, json.dumps(whole)))


def test_a_large_value_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    whole = document(falsified())
    whole["verdict"] = "x" * 100_000

    assert refusal(written(tmp_path, json.dumps(whole))).startswith(
        "is damaged: verdict must be one of"
    )


def test_a_file_that_cannot_be_a_result_for_its_size_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with path.open("wb") as file:
        file.truncate(50_000_000)  # no byte of it is written

    assert refusal(path) == "has 50.0 MB: a result has at most 32"


@pytest.mark.parametrize(
    ("name", "why"), [("none.json", "No such file or directory"), ("", "Is a directory")]
)
def test_a_file_that_is_not_there(name: str, why: str, tmp_path: Path) -> None:
    assert refusal(tmp_path / name) == f"cannot be read: {why}"


def test_without_the_extra_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gruverify.reporting import ReportUnavailable

    reader._validator.cache_clear()
    monkeypatch.setitem(sys.modules, "fastjsonschema", None)

    with pytest.raises(
        ReportUnavailable, match=r"reports need fastjsonschema: pip install 'gruverify\[report\]'"
    ):
        parse_document(dumps(result()))


def test_a_library_that_was_imported_anew_still_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = refusal(written(tmp_path, '{"schema": 2}'))
    for name in [name for name in sys.modules if name.partition(".")[0] == "fastjsonschema"]:
        monkeypatch.delitem(sys.modules, name)

    assert refusal(written(tmp_path, '{"schema": 2}')) == first
