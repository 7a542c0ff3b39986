"""The processes of a session, where the system tells of them (Linux): their memory, their end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
#: Where session and resident pages stand behind the name of a process, which ends in ")".
_SESSION, _PAGES = 3, 21


def end_those_above(most: int, session: int) -> bool:
    """Kill every process of a session that has more than `most` bytes in memory; whether there was
    one.
    """
    found = [pid for pid, taken in _taken(session) if taken > most]
    _kill(found)
    return bool(found)


def end_all(session: int) -> None:
    """Kill every process of a session; where the system tells of none, those of the group alone
    that began it.
    """
    with suppress(OSError):  # all of it is gone
        os.killpg(session, signal.SIGKILL)
    _kill([pid for pid, _ in _taken(session)])


def _kill(processes: Sequence[int]) -> None:
    for pid in processes:
        with suppress(OSError):  # it has ended meanwhile
            os.kill(pid, signal.SIGKILL)


def _taken(session: int) -> Iterator[tuple[int, int]]:
    """Each process of the session, and the bytes that it has in memory."""
    if not _PROCESSES.is_dir():
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for folder in _PROCESSES.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name in parentheses may have blanks and parentheses: fields are counted from its
            # end.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[_SESSION]) == session:
            yield int(folder.name), int(fields[_PAGES]) * page
