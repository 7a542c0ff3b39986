"""Results as arguments name them: a file that `check --json` wrote, or a run of a store as
STORE:NUMBER.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gruverify.cli._options import Fail
from gruverify.cli._report import failures

if TYPE_CHECKING:
    from gruverify.reporting import Document
    from gruverify.reporting.targets import Outcome

_RUN = re.compile(r"(?P<store>.+):(?P<number>-?\d+)", re.DOTALL)


def result_named(name: str) -> Document:
    """The document of a result.

    Raises:
        Fail: there is none of that name, or it cannot be read.
    """
    from gruverify.reporting import as_text, load_document, parse_document

    found = _RUN.fullmatch(name)
    with failures():
        # A file may be called a.db:1, and is meant before a run of a store.
        if found is None or Path(name).exists():
            return _of_file(Path(name), load_document)
        return parse_document(as_text(_of_run(Path(found["store"]), int(found["number"]))))


def outcomes_named(name: str) -> list[Outcome]:
    """What came of the targets of a result, or of a report of many: a file or a folder, or a run of
    a store.

    Raises:
        Fail: there is none of that name, or it cannot be read.
    """
    from gruverify.reporting.targets import load_outcomes, outcome_of

    path = Path(name)
    if not path.exists() or is_store(path):
        return [outcome_of(result_named(name))]
    with failures():
        return load_outcomes(path)


def _of_file(file: Path, load: Any) -> Document:
    if is_store(file):
        raise Fail(f"{file} is a store: name one of its runs, such as {file}:-1 for the newest one")
    document: Document = load(file)
    return document


def _of_run(file: Path, number: int) -> Any:
    from gruverify.store import BadStore, document_of

    try:
        return document_of(open_store(file), number)
    except BadStore as refused:
        raise Fail(f"{file} {refused}") from None


def open_store(file: Path) -> Any:
    """A store that is to be read.

    Raises:
        Fail: it is not one, or cannot be read.
    """
    from gruverify.store import BadStore, File

    if not file.is_file():
        raise Fail(f"{file} cannot be read: there is no such file")
    try:
        return File(file, writable=False)
    except BadStore as refused:
        raise Fail(f"{file} {refused}") from None


def is_store(file: Path) -> bool:
    """Whether a file is an SQLite database: looked at without the library."""
    try:
        with file.open("rb") as found:
            # The first bytes of every file of SQLite; `import sqlite3` is left to who needs it.
            return found.read(16) == b"SQLite format 3\0"
    except OSError:
        return False
