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
    """Those of this process; what it starts inherits them."""
    return _Process.limits


def set_limits(wanted: Limits) -> None:
    """From now on those hold in this process."""
    _Process.limits = wanted
