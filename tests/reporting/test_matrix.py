"""The kill matrix on a terminal, as JSON, as a page and as a heat map."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.matrix import Fate, Matrix
from gruverify.reporting.matrix import (
    MatrixProgress,
    decode_matrix,
    matrix_document,
    matrix_html,
    matrix_page,
    print_bank,
    print_matrix,
)

SIZES = {"H": 2, "I": 1, "B": 1, "T": 1}
CAUGHT = Fate(
    "jacobian-transposed",
    "after",
    240,
    {"agreement/jacobian-state": 3},
    0.25,
    "agreement/jacobian-state",
    SIZES,
)
SURVIVOR = Fate("stale-weights", "before", 240)
ALARM = Fate("tanh-by-sigmoid", "after", 480, {"bounds/box": 7}, 0.5, "bounds/box", SIZES)
MATRIX = Matrix({"seed": 0, "profile": "default"}, (CAUGHT, SURVIVOR, ALARM), 12.0)


def printed(matrix: Matrix) -> str:
    console = Console(file=io.StringIO(), width=160)
    print_matrix(console, matrix)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_survivors_come_first() -> None:
    text = printed(MATRIX)
    assert text.index("stale-weights") < text.index("jacobian-transposed")
    assert "survives 240" in text
    assert "1 of 2 fault/variant pairs caught" in text


def test_false_alarms_are_told() -> None:
    assert "false alarm tanh-by-sigmoid (reset after): bounds/box" in printed(MATRIX)
    assert "0 false alarms" in printed(Matrix({}, (CAUGHT,)))


def test_nothing_caught_is_said() -> None:
    assert "nothing was caught" in printed(Matrix({}, (SURVIVOR,)))


def test_json_reads_back() -> None:
    assert decode_matrix(matrix_document(MATRIX)) == replace(
        MATRIX, fates=(*MATRIX.faults, *MATRIX.rewrites)
    )


@pytest.mark.parametrize(
    ("text", "message"), [("[]", "not a gruverify kill matrix"), ('{"kind": "x"}', "not a")]
)
def test_something_else_is_not_read(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_matrix(text)


def test_another_schema_is_not_read() -> None:
    with pytest.raises(ValueError, match="schema=2 cannot be read"):
        decode_matrix(matrix_document(MATRIX).replace('"schema": 1', '"schema": 2'))


def test_page_has_every_fate_and_escapes_bars() -> None:
    page = matrix_page(MATRIX)
    assert "| `stale-weights` | before | forward |" in page
    assert "`tanh-by-sigmoid` | after | tanh a = 2σ(2a) - 1 | 480 | bounds/box |" in page
    assert "\\|" in matrix_page(Matrix({}, (Fate("last-bit-beyond-one", "after", 1),)))


def test_heat_map_needs_nothing_else_and_escapes() -> None:
    pytest.importorskip("jinja2")
    page = matrix_html(replace(MATRIX, header={"target": "<script>alert(1)</script>"}))
    assert "<script>" not in page
    assert "http" not in page
    assert 'title="agreement/jacobian-state: case 3"' in page
    assert 'class="survives"' in page


def test_progress_counts(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with MatrixProgress(console, 2) as progress:
        progress(CAUGHT)
        progress(SURVIVOR)
    assert isinstance(console.file, io.StringIO)
    assert "2/2" in console.file.getvalue()


def test_bank_is_listed() -> None:
    console = Console(file=io.StringIO(), width=200)
    print_bank(console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(id in text for id in (*FAULTS, *EQUIVALENTS))
