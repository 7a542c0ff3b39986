"""Files that are there whole, or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def is_there(path: str | Path) -> bool:
    """Whether there is such a file or folder; there is none of a name that is too long for one."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def write_whole(file: Path, text: str) -> None:
    """Write the text as UTF-8, beside the file first, then renamed. A device or a pipe stays what
    it is.

    Raises:
        OSError: it cannot be written; what was there before still is, and nothing else.
    """
    # Half a surrogate pair, as a name may hold, has no bytes: it is spelled as JSON and Python
    # spell it.
    write_bytes(file, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(file: Path, data: bytes, seen: Callable[[Path], None] = lambda _: None) -> None:
    """Write bytes beside the file first, then rename: `seen` may look at what was written, and
    keeps it from becoming the file by raising. A device or a pipe stays what it is.

    Raises:
        OSError: it cannot be written; what was there before still is, and nothing else.
    """
    if file.exists() and not file.is_file():
        file.write_bytes(data)
        return
    # Renaming onto a link would put a file in the link's place, and leave what it means as it was.
    file = Path(os.path.realpath(file))
    # With the process in its name: two runs that write the same file do not write into each other.
    aside = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(data)
        seen(aside)
        aside.replace(file)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 as some shells write it, with a byte
    order mark or without.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no such text.
    """
    data = file.read_bytes()
    return data.decode(json.detect_encoding(data))
