"""The script that writes the table of verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gruverify.reporting import as_text
from gruverify.reporting.targets import Outcome, Row, targets_document, unasked

from .verdicts import BEGIN, END, main, placed

pytest.importorskip("fastjsonschema")

ONNX = Row(
    target="onnx",
    verdict="conforms",
    exit=0,
    date="2026-11-29",
    cpu=8.2,
    formats=("float32", "float64"),
    versions={"python": "3.11.7", "onnx": "1.23.2"},
    counts={"passed": 90, "xfailed": 10},
)


def report(folder: Path, *outcomes: Outcome) -> str:
    """The file of a check of many targets."""
    file = folder / f"{len(outcomes)}.json"
    file.write_text(as_text(targets_document(outcome.row for outcome in outcomes)))
    return str(file)


def test_the_table_is_written_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "world.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    missing = unasked("flax", "unavailable", "it needs flax", exit=3)
    files = [report(tmp_path, missing), report(tmp_path, Outcome(ONNX), missing)]

    main([*files, "--into", str(page)])
    once = page.read_text()
    main([*files, "--into", str(page)])

    row = (
        "| `onnx` | conforms but for what is known to fail (10) | onnx 1.23.2 | 2026-11-29 | 4 s |"
    )
    assert row in once
    assert "| `flax` | unavailable: it needs flax |" in once
    assert "old" not in once
    assert once.startswith("# Before\n")
    assert once.endswith("\n\nafter\n")
    assert page.read_text() == once


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_markers_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="must have the lines"):
        placed(page, "table")
