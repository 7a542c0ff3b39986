"""The call of the target that is in flight, noted where it can still be read when the process has
died in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

#: Every note is so long: none leaves the rest of a longer one behind it.
_LENGTH = 512


@dataclass(frozen=True)
class Call:
    """A call of the target's `method` for a case of those `sizes` ("H=1, I=2"), asked by an
    `invariant`.
    """

    invariant: str
    method: str
    sizes: str

    def __str__(self) -> str:
        if self.invariant:
            asked = f", asked by {self.invariant}"
        else:
            asked = ""
        return f"{self.method} at {self.sizes}{asked}"


class Recorder:
    """Notes the calls of this process; nothing, until a parent wants to know and gives it a place.

    `invariant` is the one that is being judged.
    """

    def __init__(self) -> None:
        self.invariant = ""
        self._place: int | None = None
        self._number = 0
        self._call: tuple[str, ...] = ()

    def record_to(self, place: int) -> None:
        """From now on, note every call in that file, by its descriptor."""
        self._place = place

    @contextmanager
    def calling(self, method: str, sizes: Mapping[str, int]) -> Iterator[None]:
        """Note a call as long as it is in flight."""
        if self._place is None:
            yield
            return
        asked = ", ".join(f"{name}={n}" for name, n in sizes.items())
        self._call = self.invariant, method, asked
        # Counted, so that a call like the one before is seen to have begun.
        self._number += 1
        self._note(self._number, *self._call)
        try:
            yield
        finally:
            self._call = ()
            self._note(self._number)

    def beat(self) -> None:
        """Note that this process is alive, though the call in flight takes long: it waits, and
        knows how long to.
        """
        if self._place is not None:
            self._number += 1
            self._note(self._number, *self._call)

    def _note(self, *fields: object) -> None:
        # That nothing can be noted is not a fault of the target.
        with suppress(OSError):
            os.pwrite(
                self._place or 0, "\t".join(map(str, fields)).encode()[:_LENGTH].ljust(_LENGTH), 0
            )


def place_for_notes() -> int:
    """The descriptor of a file without a name, in memory where the system can."""
    # No pipe: what was noted last is wanted, when nobody has read what came before.
    if hasattr(os, "memfd_create"):
        return os.memfd_create("gruverify")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def noted(place: int) -> bytes:
    """What stands there, which changes with every call."""
    return os.pread(place, _LENGTH, 0)


def call_in(note: bytes) -> Call | None:
    """The call that was in flight when that was noted."""
    _, *call = note.decode(errors="replace").rstrip().split("\t")
    if len(call) == 3:
        return Call(*call)
    return None


#: That of this process.
RECORDER = Recorder()
