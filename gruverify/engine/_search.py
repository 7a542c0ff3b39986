"""Hypothesis at work: drawing the cases of a format, and shrinking each falsified invariant on its own."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, find, given, seed, settings
from hypothesis.database import ExampleDatabase
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from gruverify.arithmetic import Format
from gruverify.backends import Backend
from gruverify.cell import Case
from gruverify_strategies import cases

#: Shrunk cases are kept here under one key: the next invariant starts from what falsified the last one.
_KEY = b"gruverify witness"
#: A slow backend is no fault of the strategy's.
_UNASKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


def strategy_for(backend: Backend, fmt: Format) -> SearchStrategy[Case]:
    """The cases that a backend claims to handle, in one format."""
    fixed: dict[str, Any] = {}
    for letter, attribute in (("H", "hidden_size"), ("I", "input_size")):
        size = getattr(backend, attribute, None)
        if size is not None:
            fixed |= {f"min_{letter}": size, f"max_{letter}": size}
    return cases(formats=(fmt,), variants=tuple(backend.variants), **fixed)


def seed_for(seed: int, fmt: Format) -> int:
    """Each format has its own stream: which formats are run, and where, changes nothing."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fmt.name}".encode()).digest()[:8], "big")


class Enough(BaseException):
    """Raised by a visitor that wants no further case; no Exception, for those Hypothesis keeps to itself."""


def draw(strategy: SearchStrategy[Case], count: int, stream: int, visit: Callable[[Case], None]) -> None:
    """Show `count` cases to `visit`, or as many as it wants, the same ones for the same `stream`."""

    @seed(random.Random(stream).getrandbits(64))
    @_settings(count, Phase.generate)
    @given(strategy)
    def show(case: Case) -> None:
        visit(case)

    with suppress(Enough):
        show()


def shrink(
    strategy: SearchStrategy[Case],
    count: int,
    stream: int,
    falsifies: Callable[[Case], bool],
    known: ExampleDatabase,
) -> Case | None:
    """The simplest case that `falsifies`, found again in the stream that `draw` showed and shrunk from there.

    `known` carries shrunk cases from one invariant to the next. None if none is found, which only a backend that does
    not repeat itself can bring about.
    """
    options = settings(_settings(count, Phase.reuse, Phase.generate, Phase.shrink), database=known)
    try:
        return find(strategy, falsifies, settings=options, random=random.Random(stream), database_key=_KEY)
    except NoSuchExample:
        return None


def _settings(count: int, *phases: Phase) -> settings:
    return settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=_UNASKED,
        verbosity=Verbosity.quiet,
    )


def names(formats: Sequence[Format]) -> str:
    """The formats' names, as a message lists them."""
    return ", ".join(f.name for f in formats)
