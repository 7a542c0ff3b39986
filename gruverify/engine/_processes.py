"""Processes for the shards: forked, where the system can, from a server that has imported what they all need."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from gruverify.backends import TARGETS


def processes(target: str) -> Any:
    """A multiprocessing context to work on a target in. Calling it early is cheap, and lets imports run meanwhile.

    The server imports the framework of a shipped target once, instead of every process for itself. It runs nothing, so
    that what is forked from it has no threads behind it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    framework = next((shipped.needs for shipped in TARGETS if shipped.name == target and shipped.needs), None)
    context.set_forkserver_preload(["gruverify.engine", *([framework] if framework else [])])
    resource_tracker.ensure_running()  # it lets Ctrl-C through again when it starts
    with quiet():
        forkserver.ensure_running()
    return context


@contextmanager
def quiet() -> Iterator[None]:
    """What child processes that are started inside inherit: one thread each, and no Ctrl-C.

    Small matrices gain nothing from more threads, and two processes would fight over them. Ctrl-C reaches every process
    of a terminal; what it means is for the parent to say.
    """
    with _one_thread(), _interrupts_blocked():
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    """OMP_NUM_THREADS=1, unless the user has set it."""
    ours = "OMP_NUM_THREADS" not in os.environ
    if ours:
        os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if ours:
            del os.environ["OMP_NUM_THREADS"]


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
