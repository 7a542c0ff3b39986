"""A report as a folder: written aside, whole, then renamed into place."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gruverify.reporting._json import as_text
from gruverify.reporting._junit import junit
from gruverify.reporting._markdown import markdown
from gruverify.reporting._reader import Document
from gruverify.reporting.targets import Outcome, outcome_of, rows_table, targets_document

#: The files of the report of one result.
FILES = ("index.html", "junit.xml", "summary.md", "result.json")
#: What a diagnosis' folder holds.
DIAGNOSIS_FILES = ("index.html", "diagnosis.json")
#: What a report's folder, and a folder in it for one of several results, may hold.
_OURS = (*FILES, *DIAGNOSIS_FILES, "targets.json")
#: In a page's head the mark stands within that many characters.
_HEAD = 2000


class BadFolder(ValueError):
    """The report cannot be written there; the message says why, and what to do."""


def require_folder(folder: Path) -> None:
    """Raise BadFolder if a report cannot be written there: it is found out before a long run, not
    after it.
    """
    try:
        place = next(path for path in (folder, *folder.absolute().parents) if _is_there(path))
    except OSError as refused:
        raise BadFolder(f"{folder} cannot be written: {refused.strerror}") from None
    if not place.is_dir():
        raise BadFolder(f"{folder} cannot be a folder: {place} is a file")
    if place == folder:
        _require_ours(folder)
    if not os.access(place, os.W_OK | os.X_OK):
        raise BadFolder(f"{folder} cannot be written: {place} is not writable")


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder; OSError where there cannot be one, as where its name
    is too long.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _require_ours(folder: Path) -> None:
    """Only a report is replaced, and only if nothing else was put beside it."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and _is_report(path):
            _require_ours(path)
        elif path.name not in _OURS or not _is_report(folder):
            raise BadFolder(
                f"{folder} holds {path.name}, which is not part of a report: name another folder, "
                "or a new one"
            )


def _is_report(folder: Path) -> bool:
    from gruverify.reporting.page import MARK

    page = folder / "index.html"
    return page.is_file() and MARK in page.read_text(encoding="utf-8", errors="replace")[:_HEAD]


def write_report(documents: Sequence[Document], folder: Path) -> None:
    """Write the report of one result: index.html, junit.xml, summary.md, result.json; or of several
    side by side, as `write_targets_report` does.

    Raises:
        BadFolder: it cannot be written there; what was there before still is.
        ReportUnavailable: a package of the extra `report` is missing.
    """
    if len(documents) == 1:
        _put(_files(documents[0]), folder)
    else:
        write_targets_report([outcome_of(document) for document in documents], folder)


def write_diagnosis(document: Document, folder: Path) -> None:
    """Write the page of a diagnosis, and the diagnosis: index.html, diagnosis.json.

    Raises:
        BadFolder, ReportUnavailable: as `write_report`.
    """
    from gruverify.reporting.page import diagnosis_page

    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    _put({"index.html": diagnosis_page(document), "diagnosis.json": text}, folder)


def write_targets_report(outcomes: Sequence[Outcome], folder: Path) -> list[Outcome]:
    """Write the report of several targets: index.html, junit.xml, summary.md, targets.json, and a
    folder for each result. Returns them, each with where its result is.

    Raises:
        BadFolder: it cannot be written there; what was there before still is.
        ReportUnavailable: a package of the extra `report` is missing.
    """
    placed = [_placed(number, outcome) for number, outcome in enumerate(outcomes, 1)]
    _put(_files_of_several(placed), folder)
    return placed


def _put(files: Mapping[str, str], folder: Path) -> None:
    """Write the files, by their paths within the folder, in place of what was there."""
    require_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # On the same file system as the report, or it could not be renamed into place.
        with tempfile.TemporaryDirectory(
            prefix=".report-", dir=folder if folder.is_dir() else folder.parent
        ) as aside:
            whole = Path(aside) / "report"
            _write(files, whole)
            _move(whole, folder)
    except OSError as refused:
        raise BadFolder(f"{folder} cannot be written: {refused.strerror}") from None


def _files(document: Document) -> dict[str, str]:
    """Path within the folder to text."""
    from gruverify.reporting.page import result_page

    return {
        "index.html": result_page(document),
        "junit.xml": junit([document]),
        "summary.md": markdown([document]),
        "result.json": as_text(document),
    }


def _placed(number: int, outcome: Outcome) -> Outcome:
    """With the place of its result in the folder."""
    if outcome.document is None:
        return Outcome(replace(outcome.row, result=""))
    place = f"{_home(number, outcome.document)}/result.json"
    return Outcome(replace(outcome.row, result=place), outcome.document)


def _files_of_several(outcomes: Sequence[Outcome]) -> dict[str, str]:
    from gruverify.reporting.page import comparison_page, result_page

    rows = [outcome.row for outcome in outcomes]
    documents = [outcome.document for outcome in outcomes if outcome.document is not None]
    files = {
        "index.html": comparison_page(outcomes),
        "junit.xml": junit(documents, [one.row for one in outcomes if one.document is None]),
        "summary.md": f"{rows_table(rows)}\n{markdown(documents)}",
        "targets.json": as_text(targets_document(rows)),
    }
    for outcome in outcomes:
        if outcome.document is not None:
            home = outcome.row.result.partition("/")[0]
            files[f"{home}/index.html"] = result_page(outcome.document, "../index.html")
            files[f"{home}/result.json"] = as_text(outcome.document)
    return files


def _home(number: int, document: Document) -> str:
    # A target may hold anything, slashes too; the number before it keeps names apart.
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
    # is replaced. New files come first: who is stopped in between has both.
    fresh = {path.name for path in whole.iterdir()}
    for path in whole.iterdir():
        place = folder / path.name
        if place.is_dir():  # nothing is renamed onto a folder that has files
            place.replace(whole.parent / path.name)
        path.replace(place)
    for path in folder.iterdir():
        if path.name in fresh or path == whole.parent:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
