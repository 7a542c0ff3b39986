"""Processes to work on a target in: forked, where the system can, from a server that has imported
what they need.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any, TypeVar, cast

from gruverify._visible import error_line
from gruverify.backends._child import Child, Line, quiet, wait_for
from gruverify.backends._configured import meant_by
from gruverify.backends._limits import PATIENCE
from gruverify.backends._targets import TARGETS, TargetUnavailable

Answer = TypeVar("Answer")

#: What a framework imports sooner or later: PyTorch the second when forward mode is first used.
_IMPORTED: dict[str | None, list[str]] = {
    "torch": ["torch", "torch._decomp.decompositions_for_jvp"],
    # It has no threads until it first computes.
    "flax": ["jax"],
    "equinox": ["jax"],
    "haiku": ["jax"],
}


def processes(target: str) -> Any:
    """A multiprocessing context to work on a target in. Calling it early is cheap, and lets imports
    run meanwhile.

    The server imports the framework of a shipped target once, instead of every process for itself.
    It runs nothing, so that what is forked from it has no threads behind it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    meant = meant_by(target)
    framework = next(
        (shipped.needs for shipped in TARGETS if shipped.name == meant and shipped.needs), None
    )
    imported = ["gruverify.engine", "gruverify_strategies", *_IMPORTED.get(framework, [])]
    context.set_forkserver_preload(imported)
    resource_tracker.ensure_running()  # it lets Ctrl-C through again when it starts
    with quiet():
        forkserver.ensure_running()
    return context


class TargetDied(RuntimeError):
    """The process that was to work on a target ended without an answer."""


def in_subprocess(
    context: object,
    function: Callable[..., Answer],
    *arguments: object,
    name: str = "target",
    patience: float = PATIENCE,
) -> Answer:
    """What a function returns or raises, called in a process of its own, in which a target of that
    name is at work.

    Raises:
        TargetDied: the process ended before it had an answer, or was ended because for `patience`
            seconds it neither had one nor called the target.
    """
    with Child(context, name, _answer, function, arguments, patience=patience) as child:
        return cast(Answer, first_answer(child, patience))


def first_answer(child: Child, patience: float) -> object:
    """The first message of a child, which may go on after it; one that is an exception is raised.

    Raises:
        TargetDied: as `in_subprocess`.
    """
    while True:
        # Not longer than a second: silence has to be noticed as well.
        wait_for([child], min(patience, 1.0))
        # Before its messages are read: what it has sent before its end is its answer.
        ended = child.ended
        for answer in child.messages():
            if isinstance(answer, Exception):
                raise answer
            return answer
        if ended:
            raise TargetDied(f"the process {child.ending}{_call(child)}")
        if child.silent() > patience:
            raise TargetDied(
                f"the process gave no answer for {patience:g} s and was stopped{_call(child)}"
            )


def _call(child: Child) -> str:
    if child.in_flight is None:
        return ""
    return f" in {child.in_flight}"


def _answer(line: Line, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        answer = function(*arguments)
    except Exception as error:
        answer = sendable(error)
    line(answer)


def sendable(error: Exception) -> Exception:
    """The exception as the parent can know it: one of the target's own is known in this process
    alone.
    """
    known = type(error).__module__.partition(".")[0] in ("builtins", "gruverify")
    if known:
        return error
    return TargetUnavailable(f"the target raised {error_line(error)}")
