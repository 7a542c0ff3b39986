"""A backend that counts how often it is called."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gruverify.backends import METHODS
from gruverify.faults._faulty import TwoWays


class Counting(TwoWays):
    """NumpyBackend in two ways; `calls` counts its methods."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        if name in METHODS:
            self.calls[name] += 1
        return super().__getattribute__(name)
