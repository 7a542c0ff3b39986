"""How many threads PyTorch computes with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Have PyTorch, once it is loaded, compute with one thread, unless the user has set OMP_NUM_THREADS.

    Small matrices gain nothing from more threads, and the workers of pytest-xdist would fight over the cores.
    """
    torch = sys.modules.get("torch")
    if torch is None or "OMP_NUM_THREADS" in os.environ:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
