"""Files that a command is to write: refused before a long run, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gruverify._files import write_whole
from gruverify.cli._interrupt import undisturbed
from gruverify.cli._options import Fail, worst_exit


def writable(option: str, path: str | None) -> Path | None:
    """The file of an option, if it names one: - is standard output. Fails early, not after a long
    run.
    """
    if path is None or path == "-":
        return None
    if not path:
        raise Fail(f"{option} '': name a file")
    file = Path(path)
    if file.is_dir():
        raise Fail(f"{option} {path}: is a directory; name a file in it")
    if not file.parent.is_dir():
        raise Fail(f"{option} {path}: there is no directory {file.parent}")
    # A file that is not there yet needs a folder that can be written to.
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise Fail(f"{option} {path}: not writable")
    return file


def write_aside(option: str, file: Path, text: str) -> None:
    """Whole or not at all: written beside, then renamed. A device or a pipe stays what it is."""
    try:
        write_whole(file, text)
    except OSError as refused:
        raise Fail(f"{option} {file}: {refused.strerror}") from None


@contextmanager
def kept_in(refused: list[Fail]) -> Iterator[None]:
    """What cannot be written inside keeps neither the rest from being written, nor what was found
    from being said: it is put with what is told at the end.
    """
    try:
        with undisturbed():
            yield
    except Fail as failure:
        refused.append(failure)


def tell(refused: Iterable[Fail]) -> None:
    """Say what could not be written, a line each. A verdict stands, and the exit code with it."""
    for failure in refused:
        with suppress(OSError):  # the console may be gone as well
            failure.show()


def exit_code_of(refused: Iterable[Fail]) -> int:
    """The exit code of a command that has no verdict: not all that was asked for was done."""
    return worst_exit([0, *(failure.exit_code for failure in refused)])
