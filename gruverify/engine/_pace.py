"""How much time there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Pace:
    """Whether to go on."""

    deadline: float | None
    stopped: Callable[[], bool]

    def check_stopped(self) -> None:
        """Go on, unless the run was stopped from outside.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self.stopped():
            raise KeyboardInterrupt

    def is_late(self) -> bool:
        """Whether the time budget is spent."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def part(self, share: float) -> Pace:
        """The pace of something that may take this share of the time that is left."""
        if self.deadline is None:
            return self
        # Late already, it has no time at all, and not less than none.
        now = time.monotonic()
        return replace(self, deadline=now + share * max(self.deadline - now, 0.0))
