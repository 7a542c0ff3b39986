"""The check of one of several targets: a process of its own, within limits.

Nothing here waits for it. It is interrupted when its input is closed, and so ends when whoever
started it does, however that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gruverify._visible import shortened, visible
from gruverify.cli._check_model import names_a_model
from gruverify.cli._memory import end_all, end_those_above
from gruverify.cli._options import (
    EXIT_DIED,
    EXIT_INTERRUPTED,
    EXIT_UNAVAILABLE,
    EXIT_UNVISITED,
    EXIT_USAGE,
    GRAVEST_FIRST,
)

if TYPE_CHECKING:
    from gruverify.reporting.targets import Outcome

#: Seconds that a check has to write what it found, once it is interrupted.
GRACE = 20.0
#: Bytes of its output in which the last line is looked for.
_LAST = 1 << 14
_VERDICTS = {
    EXIT_USAGE: "refused",
    EXIT_UNAVAILABLE: "unavailable",
    EXIT_INTERRUPTED: "interrupted",
}


class Member:
    """A check that was started; its files are in a folder of its own."""

    def __init__(
        self, target: str, options: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        """Start `gruverify check OPTIONS -- TARGET`."""
        self.target = target
        self._folder = folder
        self._stopped_for = ""
        self._deadline = float("inf")
        self._began = self._ended = time.monotonic()
        folder.mkdir()
        # -P: the current folder may have a module of any name, and comes in when the target is
        # looked up.
        entry = [sys.executable, "-P", "-m", "gruverify.cli._as_member", str(folder / "reason")]
        # After -- a target that begins with a dash is not an option.
        check = ["check", *options, f"--json={folder / 'result.json'}", "--", target]
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*entry, *check],
                # Closed by the system with us, however we end: that is how the member knows.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                # A session of its own: a Ctrl-C in the terminal reaches us alone, and all that it
                # starts can be found and ended.
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it is done."""
        return self._process.poll() is not None

    @property
    def output(self) -> str:
        """What it has printed."""
        return (self._folder / "output").read_text(encoding="utf-8", errors="replace")

    def tend(self, memory: int) -> None:
        """End what takes too much memory, and the check itself if it is overdue."""
        if end_those_above(memory, self._process.pid):
            self._stopped_for = (
                f"a process of it took more than {memory / 2**30:g} GiB and was stopped (--memory)"
            )
        if time.monotonic() > self._deadline:
            self.kill()

    def interrupt(self) -> None:
        """Have it write what it has found and end; asked a second time, it ends at once."""
        if self._deadline < float("inf"):
            self.kill()
        self._deadline = time.monotonic() + GRACE
        self._close_input()

    def kill(self) -> None:
        """End it and all that it started, in whichever groups of processes."""
        if hasattr(os, "killpg"):
            end_all(self._process.pid)
        else:  # Windows
            self._process.kill()
        self._process.wait()
        self._close_input()

    def _close_input(self) -> None:
        assert self._process.stdin is not None  # it was asked for
        with suppress(OSError):
            self._process.stdin.close()

    def outcome(self) -> Outcome:
        """What came of it, once it has ended."""
        from gruverify.reporting.targets import outcome_of, outcome_of_model, unasked

        self._ended = time.monotonic()
        # Its session is killed though its leader has ended: a target may have left processes of its
        # own.
        self.kill()
        code = self._process.returncode
        date = datetime.now(UTC).date().isoformat()
        # What it wrote is worth more than how it ended: it may have been killed after that.
        document = self._document()
        if document is not None:
            known = code if code in GRAVEST_FIRST else EXIT_DIED
            reason = self._stopped_for
            if known == EXIT_UNVISITED:
                reason = "it visited fewer gates than --fail-under-gates requires"
            more: dict[str, Any] = {"exit": known, "date": date, "reason": reason}
            if names_a_model(self.target):
                seconds = round(self._ended - self._began, 1)
                return outcome_of_model(self.target, document, seconds=seconds, **more)
            return outcome_of(document, **more)
        verdict = _VERDICTS.get(code, "died")
        if self._deadline < float("inf"):
            verdict, code = "interrupted", EXIT_INTERRUPTED
        known = code if verdict != "died" else EXIT_DIED
        return unasked(self.target, verdict, self._reason(), exit=known, date=date)

    def _last_output(self) -> str:
        """The end of what it has printed, which may be long."""
        with (self._folder / "output").open("rb") as output:
            # A target may have printed gigabytes.
            output.seek(max(0, output.seek(0, os.SEEK_END) - _LAST))
            return output.read().decode("utf-8", errors="replace")

    def _document(self) -> dict[str, Any] | None:
        """Its result, which it writes whole or not at all."""
        try:
            found: dict[str, Any] = json.loads((self._folder / "result.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def _reason(self) -> str:
        """Why there is no result: what it says, else how it ended and the last that it printed."""
        from gruverify.backends import ending

        if self._stopped_for:
            return self._stopped_for
        with suppress(OSError):
            return (self._folder / "reason").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in self._last_output().splitlines() if line.strip()]
        last = f": {visible(shortened(lines[-1].strip()))}" if lines else ""
        return f"its process {ending(self._process.returncode)}{last}"
