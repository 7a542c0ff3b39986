"""What the C library does with memory that was freed, where it can be told: glibc alone can."""

from __future__ import annotations

import ctypes
from contextlib import suppress

#: Of mallopt: how much free memory at the end of the heap is kept, and up to what size memory is
#: taken from the heap.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: In bytes; glibc takes no more of the latter.
_KEPT, _FROM_THE_HEAP = 2**28, 2**25


def keep_freed_memory() -> None:
    """Have memory that one case has freed kept for the next: else each page of it is given back,
    asked for and cleared again, case by case.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_MMAP_THRESHOLD, _FROM_THE_HEAP)


def give_back_memory() -> None:
    """Give back to the system what was freed: of large cases that is as much again as is used."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
