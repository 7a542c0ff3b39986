"""Packages of ours announce here that they have been imported; whoever waits for their types
listens.

So the lowest layers need not know who does. It imports nothing: `import hypothesis` loads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LISTENERS: list[Callable[[], None]] = []


def listen(listener: Callable[[], None]) -> None:
    """Have it called whenever a package of ours has been imported; of one listener, once."""
    if listener not in _LISTENERS:
        _LISTENERS.append(listener)


def announce() -> None:
    """Say that a package of ours has all its names now."""
    for listener in _LISTENERS:
        listener()
