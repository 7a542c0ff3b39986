"""--on-new COMMAND: who is informed of a new cause, once."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gruverify._visible import visible
from gruverify.campaigning._causes import Cause
from gruverify.store import KeptCampaign

#: Stands in a command for the witness's file.
_FILE = "{}"
#: Seconds that a command may take.
_PATIENCE = 60.0


class BadCommand(ValueError):
    """The command cannot be called; the message is one line."""


def command_of(text: str) -> tuple[str, ...]:
    """The words of a command, one of which has {} for the witness's file. No shell reads it.

    Raises:
        BadCommand: it cannot be split, has no {}, or there is no such program.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as wrong:
        raise BadCommand(f"{text!r} cannot be split into words: {wrong}") from None
    if not any(_FILE in word for word in words[1:]):
        raise BadCommand(f"{text!r} has no {{}} after the program, for the witness's file to stand")
    if shutil.which(words[0]) is None:
        raise BadCommand(f"{text!r}: there is no program {visible(words[0])}")
    return words


@dataclass
class News:
    """Calls a command for each row that is new: not known, and of which nobody was told.

    A row is announced by its cause; one that is called otherwise now, as more is known of it, is
    none, unless it shows at another target or invariant. save: writes the witness of a row to a
    file; say: called with what went wrong with a call, in a line.
    """

    command: tuple[str, ...]
    kept: KeptCampaign
    save: Callable[[Cause], Path | None]
    say: Callable[[str], None]
    calls: int = field(default=0, init=False)

    def tell(self, causes: Sequence[Cause]) -> None:
        """Tell of those rows that are new."""
        announced = self.kept.announced()
        # Of any format: a cause that spreads to another one wakes nobody again.
        places = set[tuple[str, str]]()
        for told in announced.values():
            places |= {(target, invariant) for target, invariant, _ in told}
        for row in causes:
            mine = {(target, invariant) for target, invariant, _ in row.places}
            if row.known is None and row.cause not in announced and not mine <= places:
                self._call(row)
                # Only after the call: whoever is killed in between is told twice rather than never.
                self.kept.announce(row.cause, row.places)

    def _call(self, row: Cause) -> None:
        file = self.save(row)
        if file is None:
            self.say(f"--on-new is not called for {row.cause}: there is no case to show it")
            return
        words = [word.replace(_FILE, str(file)) for word in self.command]
        self.calls += 1
        try:
            code = subprocess.run(words, timeout=_PATIENCE, stdin=subprocess.DEVNULL).returncode
        except subprocess.TimeoutExpired:
            self.say(f"--on-new {shlex.join(words)}: took more than {_PATIENCE:g} s, stopped")
        except OSError as refused:
            self.say(f"--on-new {shlex.join(words)}: {refused.strerror}")
        else:
            if code:
                self.say(f"--on-new {shlex.join(words)}: exit code {code}")
