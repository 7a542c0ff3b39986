"""A report as a folder: whole or not at all, and nobody's files replaced but a report's."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gruverify.reporting import (
    BadFolder,
    Document,
    document,
    load_document,
    page,
    require_folder,
    write_report,
)
from gruverify.reporting import _folder as folder_module
from gruverify.reporting.page import MARK

from ._results import falsified, result

PAGE = f"<!doctype html>{MARK}"


@pytest.fixture(autouse=True)
def pages_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows is tested elsewhere."""
    monkeypatch.setattr(
        page, "result_page", lambda document, up="": f"{PAGE} {document['verdict']} {up}"
    )
    monkeypatch.setattr(page, "comparison_page", lambda outcomes: f"{PAGE} {len(outcomes)} targets")


def files(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def good() -> Document:
    return document(result())


def test_a_report_of_one_result(tmp_path: Path) -> None:
    write_report([good()], tmp_path / "some" / "where")

    assert files(tmp_path) == [f"some/where/{name}" for name in sorted(folder_module.FILES)]
    assert load_document(tmp_path / "some/where/result.json") == good()


def test_a_report_of_several_has_a_folder_for_each(tmp_path: Path) -> None:
    hostile = {**good(), "target": "../../etc/<b>:x"}

    write_report([good(), hostile], tmp_path / "out")

    assert [name for name in files(tmp_path / "out") if "/" in name] == [
        "1-numpy/index.html",
        "1-numpy/result.json",
        "2-etc-b-x/index.html",
        "2-etc-b-x/result.json",
    ]
    assert (tmp_path / "out/1-numpy/index.html").read_text() == f"{PAGE} conforms ../index.html"


@pytest.mark.parametrize("before", [[good], [good, good], []])
def test_a_report_or_an_empty_folder_is_replaced(before: Sequence[object], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if before:
        write_report([good() for _ in before], out)

    write_report([document(falsified())], out)

    assert files(tmp_path) == [f"out/{name}" for name in sorted(folder_module.FILES)]
    assert "falsified" in (out / "index.html").read_text()


def test_who_is_stopped_while_a_report_is_replaced_has_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    write_report([good(), good()], out)
    monkeypatch.setattr(Path, "unlink", stopped)  # of what the new one has not

    with pytest.raises(KeyboardInterrupt):
        write_report([document(falsified())], out)

    assert "falsified" in (out / "index.html").read_text()
    assert load_document(out / "result.json")["verdict"] == "falsified"


@pytest.mark.parametrize(
    "foreign", ["notes.txt", "index.html", "1-numpy/notes.txt", "sub/index.html"]
)
def test_a_folder_with_anything_else_is_left_alone(foreign: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if foreign != "index.html":
        write_report([good(), good()], out)
    (out / foreign).parent.mkdir(parents=True, exist_ok=True)
    (out / foreign).write_text("mine")
    before = files(tmp_path)

    with pytest.raises(BadFolder, match="not part of a report: name another folder"):
        write_report([good()], out)

    assert files(tmp_path) == before
    assert (out / foreign).read_text() == "mine"


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    for folder in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(BadFolder, match="out is a file"):
            write_report([good()], folder)
    assert files(tmp_path) == ["out"]


def test_half_a_character_in_a_name_can_be_written(tmp_path: Path) -> None:
    write_report([{**good(), "target": "half \ud800"}], tmp_path / "out")

    assert load_document(tmp_path / "out" / "result.json")["target"] == "half ?"


def test_a_page_that_cannot_be_made_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_report([good()], out)

    def fail(*_: object) -> str:
        raise RuntimeError("no page")

    monkeypatch.setattr(page, "result_page", fail)
    with pytest.raises(RuntimeError):
        write_report([document(falsified())], out)

    assert json.loads((out / "result.json").read_text()) == good()
    assert files(tmp_path) == [f"out/{name}" for name in sorted(folder_module.FILES)]


def test_a_disk_that_fills_up_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_report([good()], out)
    write = Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        if path.name == "summary.md":
            raise OSError(28, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BadFolder, match="No space left on device"):
        write_report([document(falsified())], out)

    assert json.loads((out / "result.json").read_text()) == good()
    assert files(tmp_path) == [f"out/{name}" for name in sorted(folder_module.FILES)]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="asks POSIX permissions")
def test_an_unwritable_place_is_found_out_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere

    with pytest.raises(BadFolder, match="is not writable"):
        require_folder(tmp_path / "some" / "out")


def test_a_name_that_no_folder_can_have_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"cannot be written: File name too long"):
        require_folder(tmp_path / ("x" * 300))
