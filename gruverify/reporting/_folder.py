"""A report as a folder: written aside, whole, then renamed into place."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gruverify.reporting._json import as_text
from gruverify.reporting._junit import junit
from gruverify.reporting._markdown import markdown
from gruverify.reporting._reader import Document
from gruverify.reporting.page import MARK, comparison_page, diagnosis_page, result_page

#: What a report's folder, and a folder in it for one of several results, may hold.
FILES = ("index.html", "junit.xml", "summary.md", "result.json")
#: What a diagnosis' folder holds.
DIAGNOSIS_FILES = ("index.html", "diagnosis.json")
#: In a page's head the mark stands within so many characters.
_HEAD = 2000


class BadFolder(ValueError):
    """The report cannot be written there; the message says why, and what to do."""


def require_folder(folder: Path) -> None:
    """Raise BadFolder if a report cannot be written there: it is found out before a long run, not
    after it.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise BadFolder(f"{folder} cannot be a folder: {place} is a file")
    if place == folder:
        _require_ours(folder)
    if not os.access(place, os.W_OK | os.X_OK):
        raise BadFolder(f"{folder} cannot be written: {place} is not writable")


def _require_ours(folder: Path) -> None:
    """Only a report is replaced, and only if nothing else was put beside it."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and _is_report(path):
            _require_ours(path)
        elif path.name not in (*FILES, *DIAGNOSIS_FILES) or not _is_report(folder):
            raise BadFolder(
                f"{folder} holds {path.name}, which is no part of a report: name another folder, "
                "or a new one"
            )


def _is_report(folder: Path) -> bool:
    page = folder / "index.html"
    return page.is_file() and MARK in page.read_text(encoding="utf-8", errors="replace")[:_HEAD]


def write_report(documents: Sequence[Document], folder: Path) -> None:
    """Write the report of one result, or of several side by side: index.html, junit.xml,
    summary.md, result.json.

    Raises:
        BadFolder: it cannot be written there; what was there before still is.
        ReportUnavailable: a package of the extra `report` is missing.
    """
    _write_folder(_files(documents), folder)


def write_diagnosis(document: Document, folder: Path) -> None:
    """Write the page of a diagnosis, and the diagnosis: index.html, diagnosis.json.

    Raises:
        BadFolder, ReportUnavailable: as `write_report`.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    _write_folder({"index.html": diagnosis_page(document), "diagnosis.json": text}, folder)


def _write_folder(files: Mapping[str, str], folder: Path) -> None:
    require_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".report-", dir=folder if folder.is_dir() else folder.parent
        ) as aside:
            whole = Path(aside) / "report"
            _write(files, whole)
            _move(whole, folder)
    except OSError as refused:
        raise BadFolder(f"{folder} cannot be written: {refused.strerror}") from None


def _files(documents: Sequence[Document]) -> dict[str, str]:
    """Path within the folder to text."""
    joint = {"junit.xml": junit(documents), "summary.md": markdown(documents)}
    if len(documents) == 1:
        [document] = documents
        return {"index.html": result_page(document), **joint, "result.json": as_text(document)}
    homes = {_home(i, document): document for i, document in enumerate(documents, 1)}
    pages = {
        f"{home}/index.html": result_page(document, "../index.html")
        for home, document in homes.items()
    }
    data = {f"{home}/result.json": as_text(document) for home, document in homes.items()}
    index = comparison_page({f"{home}/index.html": document for home, document in homes.items()})
    return {"index.html": index, **joint, **pages, **data}


def _home(number: int, document: Document) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", document["target"])[:60].strip(".-")
    return f"{number}-{name}".rstrip("-")


def _write(files: Mapping[str, str], whole: Path) -> None:
    for name, text in files.items():
        path = whole / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair, as a name may hold, has no bytes of its own.
        path.write_text(text, encoding="utf-8", errors="replace")


def _move(whole: Path, folder: Path) -> None:
    if not folder.is_dir():
        whole.replace(folder)
        return
    # The folder itself stays, for it may be a mount or somebody's current directory; what is in it
    # is replaced.
    fresh = {path.name for path in whole.iterdir()}
    for path in folder.iterdir():
        if path.is_dir() and path != whole.parent:
            shutil.rmtree(path)
        elif path.is_file() and path.name not in fresh:
            path.unlink()
    for path in whole.iterdir():
        path.replace(folder / path.name)
