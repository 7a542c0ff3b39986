"""A backend that counts how often it is called."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gruverify.backends import METHODS, NumpyBackend


class Counting(NumpyBackend):
    """NumpyBackend; `calls` counts its methods."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        if name in METHODS:
            self.calls[name] += 1
        return super().__getattribute__(name)
