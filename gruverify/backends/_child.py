"""A process that works on a target: what it sends, what it prints meanwhile, and how it ends."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from gruverify._visible import shortened, visible
from gruverify.backends._flight import RECORDER, Call, call_in, noted, place_for_notes
from gruverify.backends._limits import PATIENCE, Limits, limits, set_limits
from gruverify.backends._threads import one_thread_in_children

#: How long a message is, which goes before it: the parent reads whatever has come, and never waits
#: for a rest.
_SIZE = struct.Struct("!Q")
_CHUNK = 1 << 16
#: Seconds that a process which has sent its last has for its own end; threads that it left are not
#: waited for.
_GRACE = 2.0
#: What the parent sends once it knows the process, before which nothing is done there.
_BEGIN = b">"


class Line:
    """The child's end: sends messages, and knows whether the parent wants it to stop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, message: object) -> None:
        """Send a message."""
        data = pickle.dumps(message)
        rest = memoryview(_SIZE.pack(len(data)) + data)
        while rest:
            rest = rest[os.write(self._connection.fileno(), rest) :]

    def stopped(self) -> bool:
        """Whether the parent wants it to stop, or is gone."""
        return self._connection.poll(0)


class Child:
    """A process that calls `function(line, *arguments)`. Nothing here waits for it: it may hang
    wherever it likes. Whatever it has started ends with it.

    What it prints, from Python or past it, goes to standard error, line by line under its name.
    patience: seconds that it may wait for a program (`Limits`).
    """

    def __init__(
        self,
        context: Any,
        name: str,
        function: Callable[..., None],
        *arguments: object,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.heard = time.monotonic()
        self._buffer, self._spoken = bytearray(), b""
        self._end, there = context.Pipe()
        self._voice, voice = context.Pipe(duplex=False)
        self._place = place_for_notes()
        self._note = noted(self._place)
        # multiprocessing hands a Connection to the process that it starts, and no bare descriptor.
        notes = Connection(os.dup(self._place))
        # At the parent's ends alone: the child may wait for room in a pipe, the parent for nothing.
        for end in (self._end, self._voice):
            os.set_blocking(end.fileno(), False)
        self._open = [self._end, self._voice]
        allowed = replace(limits(), patience=patience)
        arguments = (there, voice, notes, allowed, function, arguments)
        self._process = context.Process(target=_work, args=arguments, daemon=True, name=name)
        try:
            with one_thread_in_children():
                self._process.start()
        finally:
            for end in (there, voice, notes):
                end.close()
        # Whoever is interrupted while it starts does not know it, and could not end it.
        with suppress(OSError):  # it has ended
            os.write(self._end.fileno(), _BEGIN)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, error: type[BaseException] | None, *_: BaseException | TracebackType | None
    ) -> None:
        # Who leaves by an error, as by Ctrl-C, waits for nobody.
        self.close(_GRACE if error is None else 0.0)

    @property
    def ended(self) -> bool:
        """Whether the process is no more; what it sent may still have to be read."""
        return not self._process.is_alive()

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        return ending(self._process.exitcode)

    @property
    def in_flight(self) -> Call | None:
        """The call of the target that it is in, or died in."""
        return call_in(noted(self._place))

    @property
    def sources(self) -> list[Any]:
        """The connections, and the end of the process, that `wait_for` waits for."""
        return [*self._open, self._process.sentinel]

    def silent(self) -> float:
        """For how many seconds it has sent nothing and begun no call."""
        # A call that begins is a sign of life, too: many short calls may make one long case.
        if (note := noted(self._place)) != self._note:
            self._note, self.heard = note, time.monotonic()
        return time.monotonic() - self.heard

    def messages(self) -> Iterator[Any]:
        """What it has sent meanwhile, and nothing half."""
        self._print()
        with interrupts_blocked():  # nothing that was read may be lost
            self._buffer += self._all_of(self._end)
        while len(self._buffer) >= _SIZE.size:
            [length] = _SIZE.unpack_from(self._buffer)
            end = _SIZE.size + length
            if len(self._buffer) < end:
                return
            data = bytes(memoryview(self._buffer)[_SIZE.size : end])
            # Before it is handed on: whoever reads may stop after any message.
            del self._buffer[:end]
            self.heard = time.monotonic()
            yield pickle.loads(data)

    def stop(self) -> None:
        """Ask the process to stop; it sees that in `Line.stopped`."""
        with suppress(OSError):
            os.write(self._end.fileno(), b"!")

    def kill(self) -> None:
        """End the process, whatever it is doing, and all that it started."""
        _kill(self._process)

    def close(self, grace: float = _GRACE) -> None:
        """Have it ended, after some seconds if need be, and say what is left of what it printed."""
        try:
            self._process.join(grace)
        finally:
            # Where Ctrl-C ends the wait, too: at its own end Python waits for it without one.
            self.kill()
        self._process.join()
        self._print()
        if self._spoken:
            say(self.name, self._spoken)
        self._end.close()
        self._voice.close()
        os.close(self._place)

    def _all_of(self, source: Connection) -> bytes:
        """All that can be read there without waiting."""
        found = list[bytes]()  # of a large case it may be a thousand million bytes
        with suppress(BlockingIOError, ConnectionResetError):
            while source in self._open:
                chunk = os.read(source.fileno(), _CHUNK)
                found.append(chunk)
                if not chunk:  # closed at the other end: there is nothing to wait for any more
                    self._open.remove(source)
        return b"".join(found)

    def _print(self) -> None:
        *lines, self._spoken = (self._spoken + self._all_of(self._voice)).split(b"\n")
        # A line that never ends is not kept for ever.
        if len(self._spoken) > _CHUNK:
            lines, self._spoken = [*lines, self._spoken], b""
        for line in lines:
            say(self.name, line)


def wait_for(children: Iterable[Child], timeout: float) -> None:
    """Wait until one of them has something to say, or for that many seconds."""
    sources = chain.from_iterable(child.sources for child in children)
    wait([*sources], timeout=max(timeout, 0.0))


def say(name: str, line: bytes) -> None:
    """Show a line that a target printed: under its name, on standard error if there is one."""
    text = visible(shortened(line.decode("utf-8", errors="backslashreplace").removesuffix("\r")))
    with suppress(OSError, ValueError, AttributeError):
        print(f"  {visible(name)} | {text}", file=sys.stderr, flush=True)


def _work(
    there: Connection,
    voice: Connection,
    notes: Connection,
    allowed: Limits,
    function: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    if not os.read(there.fileno(), len(_BEGIN)):
        return  # the parent is gone
    _lead_a_group()
    _speak_into(voice)
    RECORDER.record_to(notes.fileno())
    set_limits(allowed)
    function(Line(there), *arguments)


def _lead_a_group() -> None:
    """Make what this process starts known by its number."""
    if hasattr(os, "setpgid"):  # not on Windows
        os.setpgid(0, 0)


def _kill(process: Any) -> None:
    """End a process of multiprocessing, with its group if it leads one."""
    if hasattr(os, "killpg") and process.pid:
        with suppress(OSError):  # all of it is gone, or it leads none
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _speak_into(voice: Connection) -> None:
    """Have all that is printed here, from C or by other programs too, go to the parent."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(voice.fileno(), number)
        stream = open(  # noqa: SIM115  # it lives as long as the process
            number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    voice.close()


def ending(exitcode: int | None) -> str:
    """How a process ended, in words."""
    code = exitcode or 0
    if code >= 0:
        return f"ended with code {code}"
    name = next((f" ({known.name})" for known in signal.Signals if known == -code), "")
    return f"was killed by signal {-code}{name}"


@contextmanager
def quiet() -> Iterator[None]:
    """What child processes that are started inside inherit: one thread each, and neither Ctrl-C nor
    SIGTERM.

    Both may reach every process of a group; what they mean is for the parent to say.
    """
    with one_thread_in_children(), interrupts_blocked():
        yield


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def kill_all() -> None:
    """End every process that was started from this one by multiprocessing."""
    for process in multiprocessing.active_children():
        _kill(process)
