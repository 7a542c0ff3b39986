"""Which cases a run draws in a format."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from gruverify._named import Keywords
from gruverify.arithmetic import Format
from gruverify.backends import (
    CELL_METHODS,
    STACK_METHODS,
    Backend,
    Declarations,
    Sizes,
    declarations_of,
    declared_variants,
    drawn_sizes,
    offers,
    rounding_of,
    wide_cell,
)
from gruverify.cell import AnyCase, Case, StackCase
from gruverify.coverage import GATES
from gruverify.engine._drawn import Kind
from gruverify.engine._sizes import (
    bounds,
    cell_sizes,
    is_within,
    shortest,
    size_arguments,
    stack_sizes,
)
from gruverify.engine._stream import Read, Stream
from gruverify.invariants import Invariant

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

AnyOne = TypeVar("AnyOne", Case, StackCase)

#: The levels of r, z and c at which a unit is.
Levels: TypeAlias = tuple[str, str, str]


def strategy_for(backend: Backend, fmt: Format, **options: Any) -> SearchStrategy[Case]:
    """The cases that a backend claims to handle, in one format.

    Where it may flush, nothing is claimed of gradients at cotangents that are all subnormal
    numbers: one large case of these would make a run inconclusive.
    """
    from gruverify_strategies import cases

    return cases(**_arguments(backend, fmt, options))


def _arguments(backend: Backend, fmt: Format, options: Keywords) -> Keywords:
    """Those of `cases`."""
    return {
        "formats": (fmt,),
        "variants": declared_variants(backend),
        "zero_state": not declarations_of(backend).initial_state,
        "subnormals": rounding_of(backend, fmt).subnormals,
        "min_T": shortest(backend),
        **fixed_sizes(backend, H="hidden_size", I="input_size"),
        **options,
    }


def stack_strategy_for(backend: Backend, fmt: Format, **options: Any) -> SearchStrategy[StackCase]:
    """The cases of stacks that a backend claims to handle, in one format."""
    from gruverify_strategies import stack_cases

    return stack_cases(**_stack_arguments(backend, fmt, options))


def _stack_arguments(backend: Backend, fmt: Format, options: Keywords) -> Keywords:
    """Those of `stack_cases`."""
    declared = declarations_of(backend)
    return {
        "formats": (fmt,),
        "variants": declared_variants(backend),
        "bidirectional": declared.bidirectional,
        "batch_first": declared.batch_first,
        "batched": None if declared.unbatched else True,
        "padded": None if declared.lengths else False,
        "min_T": max(1, declared.min_length),
        "min_length": declared.min_length,
        "zero_state": not declared.initial_state,
        "subnormals": rounding_of(backend, fmt).subnormals,
        "weights": _MODERATE if _has_hidden_layers(declared, fmt) else None,
        **fixed_sizes(backend, H="hidden_size", I="input_size", layers="num_layers"),
        **options,
    }


#: Kinds of weights that are seldom large.
_MODERATE = ("contractive", "sparse", "tiny")


def _has_hidden_layers(declared: Declarations, fmt: Format) -> bool:
    """Whether all stacks have layers whose states nobody sees, in a format of 16 bits: of what
    large weights make of states that are rounded so, hardly anything could be claimed.
    """
    return (declared.num_layers or 1) > 1 and fmt.dtype.itemsize == 2


def strategies_for(
    backend: Backend, fmt: Format, invariants: Iterable[Invariant]
) -> list[SearchStrategy[Case] | SearchStrategy[StackCase]]:
    """The cases that some invariants read: of cells, of stacks or of both."""
    kinds = {invariant.of_stacks for invariant in invariants}
    return [
        (stack_strategy_for if stacks else strategy_for)(backend, fmt) for stacks in sorted(kinds)
    ]


def fixed_sizes(backend: Backend, **attributes: str) -> Keywords:
    """The bounds of the sizes that the backend is built for."""
    declared = declarations_of(backend)
    found = dict[str, int]()
    for letter, attribute in attributes.items():
        size: int | None = getattr(declared, attribute)
        if size is not None:
            found |= {f"min_{letter}": size, f"max_{letter}": size}
    return found


def seed_for(seed: int, fmt: Format, kind: str = "") -> int:
    """Each format and kind of case has its own stream: which are run, and where, changes
    nothing.
    """
    # Not hash(), which is another in every process.
    return int.from_bytes(hashlib.sha256(f"{seed}/{fmt.name}{kind}".encode()).digest()[:8], "big")


def streams_for(
    backend: Backend, fmt: Format, seed: int, count: int, max_size: int | None = None
) -> list[Stream]:
    """Cases of cells and cases of stacks, as far as the backend has methods for them, with no size
    above `max_size`.

    A case of a stack costs as much as some of a cell: besides cells there is one for every three.
    From 40 cases on there is also a survey of gates (see `sizes_survey` for that of sizes).
    """
    cells, stacks = _offers_any(backend, CELL_METHODS), _offers_any(backend, STACK_METHODS)
    found = list[Stream]()
    if cells or not stacks:
        strategies = [
            strategy_for(backend, fmt, **options)
            for options in _drawn_sizes(backend, "HIBT", count, max_size)
        ]
        found.append(Stream(_any_of(strategies), count, seed_for(seed, fmt)))
        if count >= _SURVEYS_FROM:
            found += survey(backend, fmt, seed, max_size)[: _SURVEYED * max(1, count // 100)]
    if stacks:
        # Rounded up: there is always one.
        few = -(-count // 3) if cells else count
        options_of_stacks = _drawn_sizes(backend, "HIBTLD", count, max_size)
        strategies_of_stacks = [
            stack_strategy_for(backend, fmt, **options) for options in options_of_stacks
        ]
        found.append(
            Stream(_any_of(strategies_of_stacks), few, seed_for(seed, fmt, "/stacks"), "stacks")
        )
    return found


def _offers_any(backend: Backend, methods: Iterable[str]) -> bool:
    return any(offers(backend, method) for method in methods)


def _any_of(strategies: list[SearchStrategy[AnyOne]]) -> SearchStrategy[AnyOne]:
    """One alone as it is: Hypothesis would draw which."""
    # A further draw would change every case that a seed gives.
    if len(strategies) == 1:
        return strategies[0]
    from hypothesis.strategies import one_of

    return one_of(strategies)


def _drawn_sizes(
    backend: Backend, letters: str, count: int, max_size: int | None
) -> list[Keywords]:
    """The bounds of sizes, of which each case has some: all up to the usual ones, or those of a
    pool of few shapes.

    count: the cases of the run. Without surveys it has two of the pool.
    """
    declared = declarations_of(backend)
    if declared.shapes == "any":
        if "L" in letters:
            least = max(1, declared.min_length)
        else:
            least = shortest(backend)
        return [_capped(least, backend, _USUAL, max_size)]
    pool = drawn_sizes(declared)
    if count < _SURVEYS_FROM:
        pool = pool[:2]
        if "L" not in letters:
            # With one unit much that is wrong shows nothing, so that is one cell in three.
            pool.append(pool[-1])
    return [
        size_arguments(sizes, letters) | arrangement(declared, number, letters)
        for number, sizes in enumerate(pool)
        if is_within(sizes, max_size)
    ]


def arrangement(declared: Declarations, number: int, letters: str) -> Keywords:
    """The arguments of `stack_cases`, if it is stacks that are drawn, for the arrangement of stacks
    at one of the pool's sizes: by turns batch first and time first.

    Each is a shape, too. What holds the two against each other has both at every size.
    """
    if "L" not in letters or declared.batch_first is not None:
        return {}
    return {"batch_first": number % 2 == 0}


#: The sizes up to which cases are drawn at random; T of one that takes a single step.
_USUAL = {"H": 5, "I": 5, "B": 5, "T": 4}


def _capped(
    least: int, backend: Backend, most: Mapping[str, int], max_size: int | None
) -> Keywords:
    """The bounds of sizes that the backend is not built for: these, and none above `max_size`.

    least: the steps of the shortest case. Lengths vary as much beyond it as they do beyond a single
    step.
    """
    fixed = fixed_sizes(backend, H="hidden_size", I="input_size")
    # A target that takes at least 5 steps gets from 5 to 8, where another gets from 1 to 4.
    most = {**most, "T": least - 1 + most["T"]}
    found = {
        f"max_{letter}": size if max_size is None else min(size, max_size)
        for letter, size in most.items()
    }
    return {name: size for name, size in found.items() if name not in fixed}


#: A run of that many cases has the surveys beside them.
_SURVEYS_FROM = 40
#: Units of a cell in a survey, and such cells for each hundred cases, or for fewer: with that many
#: units eight see every bin.
_UNITS, _SURVEYED = 48, 8


def survey(backend: Backend, fmt: Format, seed: int, max_size: int | None = None) -> list[Stream]:
    """Cells whose units are each at a bin of their own of z × r × c: together at all of them.

    Drawn at random it would take some two thousand units to see almost all.
    """
    width = surveyed_units(backend, max_size)
    if not width:
        return []
    bins = [(r, z, c) for z, r, c in GATES.bins()]
    # In order, a cell's units would all have the same z, and say nothing of gates side by side.
    random.Random(seed_for(seed, fmt, "/survey")).shuffle(bins)
    parts = [bins[start : start + width] for start in range(0, len(bins), width)]
    return [
        Stream(
            _at_levels(backend, fmt, part, max_size),
            1,
            seed_for(seed, fmt, f"/survey {number}"),
            survey=True,
        )
        for number, part in enumerate(parts)
        # The last bins, fewer than a cell has units, are left to cases drawn at random.
        if len(part) == width
    ]


def surveyed_units(backend: Backend, max_size: int | None = None) -> int:
    """How many units a cell has that are each at a bin of their own; 0 where there is no such
    cell.
    """
    declared = declarations_of(backend)
    if declared.shapes == "few" and not is_within(wide_cell(declared), max_size):
        return 0
    return declared.hidden_size or min(_UNITS, max_size or _UNITS)


def _at_levels(
    backend: Backend, fmt: Format, levels: Sequence[Levels], max_size: int | None
) -> Read:
    from gruverify_strategies import cases, drawn_from

    declared = declarations_of(backend)
    if declared.shapes == "few":
        sizes = size_arguments(wide_cell(declared), "IBT")
    else:
        sizes = _capped(shortest(backend), backend, {"I": 5, "B": 2, "T": 2}, max_size)
    arguments = _arguments(backend, fmt, {"levels": levels, **sizes})
    return lambda source: drawn_from(source, cases, **arguments)


@dataclass(frozen=True)
class Aim:
    """What all cases of a run are drawn at, instead of at random: cells whose units are each at one
    of some levels of r, z and c, or cases of these sizes, by letter. Where there are more levels
    than a cell has units, a cell is at as many of them, in order, as it has units. Where it
    `ascends`, the second half are mutations of the cells that came closest to their bounds.
    """

    kind: Kind = "cells"
    levels: tuple[Levels, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    ascends: bool = False


def aimed(
    backend: Backend, fmt: Format, seed: int, count: int, aim: Aim, max_size: int | None = None
) -> Stream:
    """So many cases at what is aimed at."""
    if aim.ascends:
        # The cells of a run as any other: of one case there are no surveys besides them.
        [cells, *_] = streams_for(backend, fmt, seed, 1, max_size)
        return replace(cells, count=count - count // 2, mutated=count // 2)
    if aim.sizes:
        return _sized_stream(backend, fmt, seed, aim.kind, dict(aim.sizes), count)
    width = surveyed_units(backend, max_size)
    some = [
        _at_levels(backend, fmt, aim.levels[start : start + width], max_size)
        for start in range(0, len(aim.levels), width)
    ]
    return Stream(
        lambda source: source.choice(some)(source),
        count,
        seed_for(seed, fmt, "/aimed"),
        survey=True,
    )


#: Beyond the first, the survey of sizes has one case of each for that many cases of a run.
_REPEATED = 500


def sizes_survey(
    backend: Backend, fmt: Format, seed: int, count: int, max_size: int | None = None
) -> list[Stream]:
    """A stream for each of the survey's sizes, besides a run of at least 40 cases: the small ones
    first.

    From 500 cases on there is one case of each for every 500.
    """
    cells, stacks = _offers_any(backend, CELL_METHODS), _offers_any(backend, STACK_METHODS)
    if count < _SURVEYS_FROM:
        return []
    wanted: list[tuple[Kind, Sizes]] = []
    if cells:
        wanted.extend(("cells", sizes) for sizes in cell_sizes(backend, max_size))
    if stacks:
        wanted.extend(("stacks", sizes) for sizes in stack_sizes(backend, max_size))
    return [
        _sized_stream(backend, fmt, seed, kind, sizes, max(1, count // _REPEATED))
        for kind, sizes in wanted
    ]


def _sized_stream(
    backend: Backend, fmt: Format, seed: int, kind: Kind, sizes: Sizes, count: int
) -> Stream:
    from gruverify_strategies import cases, drawn_from, stack_cases

    made: Callable[..., SearchStrategy[Any]] = cases
    options = bounds(sizes, declarations_of(backend))
    if kind == "stacks":
        made, arguments = stack_cases, _stack_arguments(backend, fmt, options)
    else:
        arguments = _arguments(backend, fmt, options)
    told = ", ".join(f"{letter}={size}" for letter, size in sizes.items())
    return Stream(
        lambda source: drawn_from(source, made, **arguments),
        count,
        seed_for(seed, fmt, f"/{kind} of {told}"),
        kind,
        survey=True,
        sizes=sizes,
    )


def size(case: AnyCase) -> int:
    """What counts as small: the product of its sizes."""
    return math.prod(case.sizes.values())


def names(formats: Sequence[Format]) -> str:
    """The formats' names, as a message lists them."""
    return ", ".join(f.name for f in formats)
