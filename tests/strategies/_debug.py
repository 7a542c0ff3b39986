"""Verbs for tests of strategies: what they can draw, what they always draw, and what they shrink
to.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def minimal(strategy: SearchStrategy[T], condition: Callable[[T], Any] = lambda value: True) -> T:
    """What `strategy` shrinks to among the values that meet the condition."""
    return find(
        strategy, lambda value: bool(condition(value)), settings=_settings(2000), random=Random(0)
    )


def find_any(strategy: SearchStrategy[T], condition: Callable[[T], Any]) -> T:
    """A value that meets the condition; raises NoSuchExample if a thousand draws have none."""
    options = settings(_settings(1000), phases=[Phase.generate])
    return find(strategy, lambda value: bool(condition(value)), settings=options, random=Random(0))


def assert_all(
    strategy: SearchStrategy[T], condition: Callable[[T], Any], count: int = 150
) -> None:
    """Assert that every drawn value meets the condition."""
    for value in drawn(strategy, count):
        assert condition(value), value


def assert_none(
    strategy: SearchStrategy[T], condition: Callable[[T], Any], count: int = 150
) -> None:
    """Assert that no drawn value meets the condition."""
    assert_all(strategy, lambda value: not condition(value), count)


def drawn(strategy: SearchStrategy[T], count: int) -> list[T]:
    """The first values that a test would see, the same ones every time."""
    seen: list[T] = []

    @seed(0)
    @settings(_settings(count), phases=[Phase.generate])
    @given(strategy)
    def see(value: T) -> None:
        seen.append(value)

    see()
    return seen


def _settings(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
