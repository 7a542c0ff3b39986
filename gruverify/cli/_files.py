"""Files that a command is to write: refused before a long run, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gruverify._files import write_whole
from gruverify.cli._options import Fail


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


def plotted(file: Path, draw: Callable[[Path], None]) -> None:
    """Have --plot drawn into the file.

    Raises:
        Fail: matplotlib is missing, no picture has that suffix, or the file cannot be written.
    """
    from gruverify.reporting import ReportUnavailable

    try:
        draw(file)
    except ReportUnavailable as missing:
        raise Fail(f"--plot {file}: {missing}") from None
    except (OSError, ValueError) as refused:
        raise Fail(f"--plot {file}: {getattr(refused, 'strerror', None) or refused}") from None
