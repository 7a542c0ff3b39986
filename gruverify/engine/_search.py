"""Hypothesis at work: drawing the cases of a format."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, event, given, seed, settings
from hypothesis.strategies import SearchStrategy

from gruverify.arithmetic import Format
from gruverify.backends import CELL_METHODS, STACK_METHODS, Backend, declarations_of, declared_variants, offers
from gruverify.cell import AnyCase, Case, StackCase
from gruverify.coverage import GATES, Coverage
from gruverify.engine._drawn import Kind
from gruverify.engine._sizes import Sizes, bounds, cell_sizes, stack_sizes
from gruverify.invariants import Invariant
from gruverify_strategies import cases, stack_cases

AnyOne = TypeVar("AnyOne", Case, StackCase)

#: A slow backend is no fault of the strategy's.
_UNASKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


def strategy_for(backend: Backend, fmt: Format, **options: Any) -> SearchStrategy[Case]:
    """The cases that a backend claims to handle, in one format."""
    fixed = fixed_sizes(backend, H="hidden_size", I="input_size")
    fixed["zero_state"] = not declarations_of(backend).initial_state
    return cases(formats=(fmt,), variants=declared_variants(backend), **fixed, **options)


def stack_strategy_for(backend: Backend, fmt: Format, **options: Any) -> SearchStrategy[StackCase]:
    """The cases of stacks that a backend claims to handle, in one format."""
    declared = declarations_of(backend)
    return stack_cases(
        formats=(fmt,),
        variants=declared_variants(backend),
        batch_first=declared.batch_first,
        min_length=declared.min_length,
        min_T=max(1, declared.min_length),
        batched=None if declared.unbatched else True,
        padded=None if declared.lengths else False,
        zero_state=not declared.initial_state,
        **fixed_sizes(backend, H="hidden_size", I="input_size", layers="num_layers"),
        **{"bidirectional": declared.bidirectional, **options},
    )


def strategies_for(
    backend: Backend, fmt: Format, invariants: Iterable[Invariant]
) -> list[SearchStrategy[Case] | SearchStrategy[StackCase]]:
    """The cases that some invariants read: of cells, of stacks or of both."""
    kinds = {invariant.of_stacks for invariant in invariants}
    return [(stack_strategy_for if stacks else strategy_for)(backend, fmt) for stacks in sorted(kinds)]


def fixed_sizes(backend: Backend, **attributes: str) -> dict[str, Any]:
    """The bounds of the sizes that the backend is built for."""
    declared = declarations_of(backend)
    sizes = {letter: getattr(declared, attribute) for letter, attribute in attributes.items()}
    return {f"{end}_{letter}": size for letter, size in sizes.items() if size is not None for end in ("min", "max")}


def seed_for(seed: int, fmt: Format, kind: str = "") -> int:
    """Each format and kind of case has its own stream: which are run, and where, changes nothing."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fmt.name}{kind}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Stream:
    """The cases of one kind in one format: how they are drawn, how many, and from which seed.

    `survey` tells of a stream of few cases that together meet all gates, or all sizes; `sizes` of one case of the
    latter, which has these sizes: the simplest case, which Hypothesis draws first, is left out.
    """

    strategy: SearchStrategy[Any]
    count: int
    seed: int
    kind: Kind = "cells"
    survey: bool = False
    sizes: Sizes | None = None

    @property
    def first(self) -> int:
        """How many cases Hypothesis draws that are left out."""
        return int(self.sizes is not None)


def streams_for(backend: Backend, fmt: Format, seed: int, count: int, max_size: int | None = None) -> list[Stream]:
    """Cases of cells and cases of stacks, as far as the backend has methods for them, with no size above `max_size`.

    A case of a stack costs as much as some of a cell: beside cells there is one for every three. From 100 cases on
    there is also a survey of gates (see `sizes_survey` for that of sizes).
    """
    options = _capped(backend, _USUAL, max_size)
    cells, stacks = (any(offers(backend, method) for method in methods) for methods in (CELL_METHODS, STACK_METHODS))
    found = list[Stream]()
    if cells or not stacks:
        found.append(Stream(strategy_for(backend, fmt, **options), count, seed_for(seed, fmt)))
        found += survey(backend, fmt, seed, max_size)[: _SURVEYED * (count // 100)]
    if stacks:
        few = -(-count // 3) if cells else count
        strategy = stack_strategy_for(backend, fmt, **options)
        found.append(Stream(strategy, few, seed_for(seed, fmt, "/stacks"), "stacks"))
    return found


#: The sizes up to which cases are drawn at random.
_USUAL = {"H": 5, "I": 5, "B": 5, "T": 4}


def _capped(backend: Backend, most: Mapping[str, int], max_size: int | None) -> dict[str, Any]:
    """The bounds of sizes that the backend is not built for: these, and none above `max_size`."""
    fixed = fixed_sizes(backend, H="hidden_size", I="input_size")
    found = {f"max_{letter}": size if max_size is None else min(size, max_size) for letter, size in most.items()}
    return {name: size for name, size in found.items() if name not in fixed}


#: Units of a cell in a survey, and such cells for each hundred cases: with so many units eight see every bin.
_UNITS, _SURVEYED = 48, 8


def survey(backend: Backend, fmt: Format, seed: int, max_size: int | None = None) -> list[Stream]:
    """Cells whose units are each at a bin of their own of z × r × c: together at all of them.

    Drawn at random it would take some two thousand units to see almost all. Of each stream Hypothesis draws the
    simplest case, which has one unit, and then one of all units.
    """
    bins = [(r, z, c) for z, r, c in GATES.bins()]
    random.Random(seed_for(seed, fmt, "/survey")).shuffle(bins)
    width = declarations_of(backend).hidden_size or min(_UNITS, max_size or _UNITS)
    parts = [bins[start : start + width] for start in range(0, len(bins), width)]
    return [
        Stream(
            strategy_for(backend, fmt, levels=part, **_capped(backend, {"I": 5, "B": 2, "T": 2}, max_size)),
            2,
            seed_for(seed, fmt, f"/survey {number}"),
            survey=True,
        )
        for number, part in enumerate(parts)
        if len(part) == width
    ]


#: Beyond the first, the survey of sizes has one case of each for so many cases of a run.
_REPEATED = 500


def sizes_survey(backend: Backend, fmt: Format, seed: int, count: int, max_size: int | None = None) -> list[Stream]:
    """A stream for each of the survey's sizes, beside a run of at least 100 cases: the small ones first.

    From 500 cases on there is one case of each for every 500.
    """
    cells, stacks = (any(offers(backend, method) for method in methods) for methods in (CELL_METHODS, STACK_METHODS))
    if count < 100:
        return []
    wanted: list[tuple[Kind, Sizes]] = []
    if cells:
        wanted.extend(("cells", sizes) for sizes in cell_sizes(backend, max_size))
    if stacks:
        wanted.extend(("stacks", sizes) for sizes in stack_sizes(backend, max_size))
    return [_of_size(backend, fmt, seed, kind, sizes, max(1, count // _REPEATED)) for kind, sizes in wanted]


def _of_size(backend: Backend, fmt: Format, seed: int, kind: Kind, sizes: Sizes, count: int) -> Stream:
    declared = declarations_of(backend)
    drawn = stack_strategy_for if kind == "stacks" else strategy_for
    told = ", ".join(f"{letter}={size}" for letter, size in sizes.items())
    return Stream(
        drawn(backend, fmt, **bounds(sizes, declared)),
        count,
        seed_for(seed, fmt, f"/{kind} of {told}"),
        kind,
        survey=True,
        sizes=sizes,
    )


class Enough(BaseException):
    """Raised by a visitor that wants no further case; no Exception, for those Hypothesis keeps to itself."""


def draw(
    strategy: SearchStrategy[AnyOne], count: int, stream: int, visit: Callable[[AnyOne], None], first: int = 0
) -> None:
    """Show `count` cases to `visit`, or as many as it wants, the same ones for the same `stream`, but for so many
    `first` ones.
    """
    left_out = iter(range(first))

    @seed(random.Random(stream).getrandbits(64))
    @_settings(count + first, Phase.generate)
    @given(strategy)
    def show(case: AnyOne) -> None:
        if next(left_out, None) is None:
            visit(case)

    with suppress(Enough):
        show()


def emit(coverage: Coverage) -> None:
    """Tell Hypothesis what the case being drawn visits: its statistics and whoever observes it show how often."""
    for level in coverage.levels():
        event(level)


def size(case: AnyCase) -> int:
    """What counts as small: the product of its sizes."""
    return math.prod(case.sizes.values())


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
