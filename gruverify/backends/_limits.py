"""How long a target may be silent and how much memory a program may take, in this process."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds without an answer after which a target hangs.
PATIENCE = 120.0
#: Bytes that a program may take. No case takes more than half of that with its bounds.
MEMORY = 4 << 30


@dataclass(frozen=True)
class Limits:
    """patience: seconds without an answer after which a target hangs; memory: bytes that a program
    may take.
    """

    patience: float = PATIENCE
    memory: int = MEMORY


class _Process:
    limits = Limits()


def limits() -> Limits:
    """The limits of this process; processes that it starts inherit them."""
    return _Process.limits


def set_limits(wanted: Limits) -> None:
    """Set the limits of this process, from now on."""
    _Process.limits = wanted
