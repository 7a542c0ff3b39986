"""Formats in processes of their own: both cores at work, and a target that dies takes nothing down with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from gruverify.arithmetic import Format
from gruverify.backends import resolve
from gruverify.engine._events import CaseJudged, Listener
from gruverify.engine._result import Result, merge
from gruverify.engine._run import Plan, formats_of, header_of, require, run


@dataclass
class Shard:
    """One process and what is known of it."""

    formats: tuple[Format, ...]
    process: BaseProcess
    pipe: Connection
    last: CaseJudged | None = None
    result: Result | None = None
    crash: str = ""


@dataclass
class Progress:
    """The shards still at work; stops them all when asked to."""

    shards: list[Shard]
    stop: Any
    complete: bool = field(default=True)

    def interrupt(self) -> None:
        """Have every shard finish the case it is at and send what it has."""
        self.complete = False
        self.stop.set()


def check_in_processes(target: str, plan: Plan, jobs: int, listener: Listener) -> Result:
    """Verify a named target with up to `jobs` processes, each taking some of the formats; the result does not depend on
    how many. A process that dies is reported in the result's `crashes`, and the others go on.

    Raises:
        UnknownTarget, TargetUnavailable: the target cannot be made into a backend.
        ValueError: the plan makes no sense for it.
    """
    backend = resolve(target)
    require(plan, backend)
    formats = formats_of(plan, backend)
    parts = [formats[i::jobs] for i in range(min(jobs, len(formats)))]
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    progress = Progress([_start(context, target, replace(plan, formats=part), part, stop) for part in parts], stop)
    while any(shard.result is None and not shard.crash for shard in progress.shards):
        try:
            _receive(progress, target, plan, listener)
        except KeyboardInterrupt:
            progress.interrupt()
    return _joined(progress, header_of(backend, plan, target))


def _start(context: Any, target: str, plan: Plan, formats: tuple[Format, ...], stop: Any) -> Shard:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(target, plan, sender, stop), daemon=True)
    # Small matrices gain nothing from more threads, and two processes would fight over them.
    with _environment("OMP_NUM_THREADS", "1"):
        process.start()
    sender.close()
    return Shard(formats, process, receiver)


class _environment:
    """Set a variable for the child processes started inside, unless the user has set it."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value, self._ours = name, value, name not in os.environ

    def __enter__(self) -> None:
        if self._ours:
            os.environ[self._name] = self._value

    def __exit__(self, *_: object) -> None:
        if self._ours:
            del os.environ[self._name]


def _work(target: str, plan: Plan, sender: Connection, stop: Any) -> None:
    # Ctrl-C reaches every process of a terminal; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender.send(run(resolve(target), plan, target, sender.send, stop.is_set))


def _receive(progress: Progress, target: str, plan: Plan, listener: Listener) -> None:
    open_pipes = {shard.pipe: shard for shard in progress.shards if shard.result is None and not shard.crash}
    for pipe in wait(list(open_pipes)):
        shard = open_pipes[pipe]  # type: ignore[index]  # wait returns the pipes it was given
        try:
            message = shard.pipe.recv()
        except EOFError:
            shard.process.join()
            shard.crash = _obituary(shard, target, plan)
            continue
        if isinstance(message, Result):
            shard.result = message
            continue
        shard.last = message if isinstance(message, CaseJudged) else shard.last
        listener(message)


def _obituary(shard: Shard, target: str, plan: Plan) -> str:
    code = shard.process.exitcode or 0
    how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
    done = shard.last.number if shard.last else 0
    fmt = shard.last.format if shard.last else shard.formats[0].name
    again = f"gruverify check {target} --format {fmt} --seed {plan.seed} --max-cases {done + 1} --jobs 1"
    return f"the process {how} under {target}, in {fmt} after {done} cases; again: {again}"


def _joined(progress: Progress, header: dict[str, Any]) -> Result:
    for shard in progress.shards:
        shard.process.join()
    crashes = tuple(shard.crash for shard in progress.shards if shard.crash)
    nothing = Result(header, {}, {}, progress.complete, 0.0, crashes)
    parts: Sequence[Result] = [replace(s.result, header=header) for s in progress.shards if s.result is not None]
    return merge([nothing, *parts])
