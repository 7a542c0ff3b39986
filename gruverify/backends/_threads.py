"""How many threads a target computes with: one, unless the user has set OMP_NUM_THREADS.

Small matrices gain nothing from more, and processes side by side would fight over the cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Have PyTorch, once it is loaded, compute with one thread in this process."""
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


@contextmanager
def one_thread_in_children() -> Iterator[None]:
    """Have processes that are started inside compute with one thread."""
    # By the environment: numerical libraries read it once, when the process begins.
    ours = "OMP_NUM_THREADS" not in os.environ
    if ours:
        os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if ours:
            # Threads may start processes at once: whoever is first takes it away.
            os.environ.pop("OMP_NUM_THREADS", None)
