"""A file as bytes that are read where they are looked at, and not before."""

from __future__ import annotations

import mmap
from pathlib import Path


def mapped(path: Path) -> memoryview:
    """The bytes of a file. They are those of the file as it is: whoever keeps any copies them."""
    with path.open("rb") as stream:
        # mmap refuses an empty file; its reader should say what is wrong with it.
        if not path.stat().st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
