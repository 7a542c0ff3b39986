"""A running program: lines to its input and from its output, within limits, and its end."""

from __future__ import annotations

import multiprocessing
import os
import select
import selectors
import subprocess
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from gruverify.backends._child import ending
from gruverify.backends._flight import RECORDER
from gruverify.backends._limits import Limits
from gruverify.backends._threads import one_thread_in_children
from gruverify.backends.exec._rules import Late, ProtocolBroken, Rule

_CHUNK = 1 << 16
#: Seconds that a program has for its own end, once its input or its output is closed.
GRACE = 2.0
#: Kills a group of processes as soon as whoever holds the other end of its input is gone.
_GUARD = ("/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$0"')


class Process:
    """A program that was started, in a session of its own; what it prints on standard error goes
    where that of this process does.

    It ends when this process does, however that ends: another process guards it.
    """

    def __init__(self, words: Sequence[str], allowed: Limits) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self._allowed = allowed
        self._lines, self._buffer = 0, b""
        pipe = subprocess.PIPE
        # A session of its own, so that all that it starts is killed with it; Ctrl-C then reaches us
        # alone.
        with one_thread_in_children():
            self._program = subprocess.Popen(
                words, bufsize=0, stdin=pipe, stdout=pipe, start_new_session=True
            )
        try:
            guard = _guard_of(self._program.pid)
        except OSError:  # unguarded, it could outlive this process
            _end(self._program)
            raise
        # Also when nobody closes this: at the end of Python, and when the object is dropped.
        self._kill = weakref.finalize(self, _end, self._program, guard)
        _limit_memory(self._program.pid, allowed.memory)
        self._input, self._output = _pipe(self._program.stdin), _pipe(self._program.stdout)

    @property
    def place(self) -> str:
        """Where the line stands that was read last."""
        return f"line {self._lines} of the program's output"

    @property
    def place_after(self) -> str:
        """Where a line would stand that is missing."""
        if self._lines:
            return f"after {self.place}"
        return "before any output of the program"

    @property
    def place_next(self) -> str:
        """Where the line stands that is being read."""
        return f"line {self._lines + 1} of the program's output"

    def greeting(self, most: int) -> bytes:
        """Its first line.

        Raises:
            ProtocolBroken: there is none.
        """
        return self._read_line(b"", most, Rule.GREETING, "no greeting")

    def exchange(self, request: bytes, most: int) -> bytes:
        """The line that it answers a request with, of at most that many bytes.

        Raises:
            ProtocolBroken: it gives none, or says more than that.
        """
        # What is there before the request is sent cannot be its answer.
        self._receive()
        if self._buffer:
            raise ProtocolBroken(
                Rule.ONE_ANSWER, "the program printed it without a request", self.place_next
            )
        line = self._read_line(request, most, Rule.ONE_ANSWER, "no answer")
        if self._buffer:
            raise ProtocolBroken(
                Rule.ONE_ANSWER,
                "the program printed it in addition to the answer to the same request",
                self.place_next,
            )
        return line

    def kill(self) -> None:
        """End the program and all that it started."""
        self._kill()

    def close(self) -> None:
        """Close its input, so that it ends by itself; it is killed if it does not."""
        with suppress(OSError):
            self._input.close()
        with suppress(subprocess.TimeoutExpired):
            self._wait_for_its_end()
        self._kill()

    def _read_line(self, request: bytes, most: int, rule: Rule, lacking: str) -> bytes:
        """The next line, while the request is being written."""
        rest, began = memoryview(request), time.monotonic()
        patience = self._allowed.patience
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._output, selectors.EVENT_READ)
            if rest:
                waiting.register(self._input, selectors.EVENT_WRITE)
            # Both ways at once: a program may answer before it has read everything, and a full pipe
            # would stop both.
            while b"\n" not in self._buffer:
                self._require_short(self._buffer, most)
                left = began + patience - time.monotonic()
                if left <= 0:
                    what = f"{lacking} within {patience:g} s"
                    raise Late(rule, what, self.place_after)
                _end_with_parent()
                RECORDER.beat()
                # Not for long: each beat says that this process is alive, and the parent may go.
                ready = [key.fileobj for key, _ in waiting.select(min(left, patience / 4, 1.0))]
                if not ready and self._is_deaf():
                    raise self._gone("closed its input")
                if self._input in ready:
                    rest = rest[self._write(rest) :]
                    if not rest:
                        waiting.unregister(self._input)
                if self._output in ready:
                    self._receive()
        line, _, behind = self._buffer.partition(b"\n")
        self._require_short(line, most)  # what is too long may have come with its own end
        self._lines, self._buffer = self._lines + 1, behind
        return line

    def _is_deaf(self) -> bool:
        """Whether nobody reads what is written: a request may have gone before its input was
        closed.
        """
        asked = select.poll()
        asked.register(self._input.fileno(), 0)  # errors are told unasked
        return bool(asked.poll(0))

    def _require_short(self, line: bytes, most: int) -> None:
        if len(line) > most:
            raise ProtocolBroken(Rule.LINES, f"it is longer than {most:,} bytes", self.place_next)

    def _write(self, rest: memoryview) -> int:
        try:
            # No more than a pipe holds: the rest would not be taken at once anyway.
            return os.write(self._input.fileno(), rest[:_CHUNK])
        except BlockingIOError:
            return 0
        except OSError:
            raise self._gone("closed its input") from None

    def _receive(self) -> None:
        """Read what the program has written so far, without waiting."""
        try:
            chunk = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            raise self._gone("closed its output")
        self._buffer += chunk

    def _wait_for_its_end(self) -> int:
        """Its exit status.

        Raises:
            subprocess.TimeoutExpired: it has not ended by itself.
        """
        deadline = time.monotonic() + GRACE
        while True:
            # The patience may be shorter than that: whoever waits is alive.
            RECORDER.beat()
            left = deadline - time.monotonic()
            try:
                return self._program.wait(max(0.0, min(left, self._allowed.patience / 4)))
            except subprocess.TimeoutExpired:
                if left <= 0:
                    raise

    def _gone(self, how: str) -> ProtocolBroken:
        """The error for a program that is gone: how it ended or, if it has not, what it closed."""
        broken = ProtocolBroken
        try:
            how = ending(self._wait_for_its_end())
        except subprocess.TimeoutExpired:
            # It was waited for in vain, which is done a few times, and not as often as it may end.
            broken = Late
        half = " in the middle of a line" if self._buffer else ""
        return broken(Rule.ALIVE, f"the program {how}{half}", self.place_after)


def _end_with_parent() -> None:
    """End this process if it works for one that is gone: nobody would hear of an answer."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # it was asked for
    os.set_blocking(end.fileno(), False)
    return end


def _guard_of(pid: int) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        [*_GUARD, str(pid)],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=nowhere,
        stderr=nowhere,
        start_new_session=True,
    )


def _limit_memory(pid: int, most: int) -> None:
    """Where the system can: of what it has for itself, not of addresses, which runtimes reserve by
    the terabyte.
    """
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        # From outside, once it runs: preexec_fn, which could do it before, is not safe where there
        # are threads.
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def _end(program: subprocess.Popen[bytes], *guards: subprocess.Popen[bytes]) -> None:
    """Kill the program's group, and then what guards it; wait for all of them."""
    with suppress(OSError):  # all of it is gone
        os.killpg(program.pid, 9)
    # The guard last: until the program is gone it must be there to kill it.
    for process in (program, *guards):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
