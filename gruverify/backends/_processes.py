"""Processes to work on a target in: forked, where the system can, from a server that has imported what they need."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from gruverify.backends._targets import TARGETS
from gruverify.backends._threads import one_thread_in_children

Answer = TypeVar("Answer")

#: What a framework imports sooner or later: PyTorch the second when forward mode is first used.
_IMPORTED: dict[str | None, list[str]] = {"torch": ["torch", "torch._decomp.decompositions_for_jvp"]}


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
    context.set_forkserver_preload(["gruverify.engine", *_IMPORTED.get(framework, [])])
    resource_tracker.ensure_running()  # it lets Ctrl-C through again when it starts
    with quiet():
        forkserver.ensure_running()
    return context


class TargetDied(RuntimeError):
    """The process that was to work on a target ended without an answer."""


def apart(context: Any, function: Callable[..., Answer], *arguments: Any) -> Answer:
    """What a function returns or raises, called in a process of its own.

    Raises:
        TargetDied: the process ended before it had an answer.
    """
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, arguments), daemon=True)
    with quiet():
        process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        process.join()
        raise TargetDied(f"the process {ending(process.exitcode)}") from None
    process.join()
    if isinstance(answer, Exception):
        raise answer
    return cast(Answer, answer)


def _answer(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        answer = function(*arguments)
    except Exception as error:
        answer = error
    sender.send(answer)


def ending(exitcode: int | None) -> str:
    """How a process ended, in words."""
    code = exitcode or 0
    return f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"


@contextmanager
def quiet() -> Iterator[None]:
    """What child processes that are started inside inherit: one thread each, and no Ctrl-C.

    Ctrl-C reaches every process of a terminal; what it means is for the parent to say.
    """
    with one_thread_in_children(), _interrupts_blocked():
        yield


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
