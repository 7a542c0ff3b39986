"""Of which sizes a target's answers were compared: sizes and coincidences of sizes, by what is
answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gruverify.backends import (
    Backend,
    Declarations,
    declarations_of,
    has_room_for_jacobians,
    has_room_for_steps,
    offers,
    sizes_of_few,
)
from gruverify.coverage._coverage import Coverage, Hits
from gruverify.coverage._groups import ANSWERS, COINCIDENCES, EXTENTS, OF, SIZES, Bin, contradictory

#: The methods that work on one step, however long the case.
_OF_ONE_STEP = ("step", "step_jacobian", "step_vjp")


def sizes_visited(sizes: Mapping[str, int], methods: Iterable[str]) -> Coverage:
    """The hits of one case of these sizes, by letter, of which the answers of these methods were
    compared.
    """
    visited = dict[str, Mapping[str, int]]()
    for method in methods:
        for of in _answers_of(method):
            if method not in _OF_ONE_STEP:
                visited[of] = sizes
            else:
                # Steps alone see one step of a long case: unless a sequence answers the same, T
                # counts as 1.
                visited.setdefault(of, {**sizes, "T": 1})
    hits = dict[str, Hits]()
    for letter, group in EXTENTS.items():
        hits[group.name] = np.zeros(group.shape, np.int64)
        for of, own in visited.items():
            hits[group.name][OF.levels.index(of), _level(group.axes[1].levels, own[letter])] = 1
    hits[COINCIDENCES.name] = np.zeros(COINCIDENCES.shape, np.int64)
    for of, own in visited.items():
        found = coincidences(own)
        hits[COINCIDENCES.name][OF.levels.index(of)] = [
            level in found for level in COINCIDENCES.axes[1].levels
        ]
    return Coverage(hits)


def _answers_of(method: str) -> Iterator[str]:
    return (of for of, methods in ANSWERS.items() if method in methods)


def _level(levels: tuple[str, ...], size: int) -> int:
    """The number of the level that a size is at."""
    return max(number for number, level in enumerate(levels) if least(level) <= size)


def least(level: str) -> int:
    """The smallest size of a level, such as "9–15" or "256 and more"."""
    return int(level.split("–")[0].split()[0])


def coincidences(sizes: Mapping[str, int]) -> set[str]:
    """Those of the levels that sizes have; of a cell, which is one layer in one direction, H and
    D·H are the same.
    """
    H, I, B, T = (sizes[letter] for letter in "HIBT")
    holds = {
        "T=B": T == B,
        "B=3H": B == 3 * H,
        "I=H": I == H,
        "I=3H": I == 3 * H,
        "I=D·H, L>1": sizes.get("L", 1) > 1 and sizes.get("D", 1) * H == I,
        "H=1": H == 1,
    }
    for level, rest in _TILES.items():
        # 1 is a neighbour of 0 and no tile's edge.
        holds[level] = any(n > 1 and n % 8 == rest for n in (H, I, B, T))
    return {level for level, here in holds.items() if here}


#: Multiples of 8 and their neighbours, by what remains.
_TILES = {"8n": 0, "8n+1": 1, "8n-1": 7}


def size_holes(coverage: Coverage) -> list[str]:
    """What could be compared and was not, such as "second derivatives: T 33–64, 65–128"."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in SIZES:
        for of, level in coverage.holes(group):
            found.setdefault((of, group.axes[1].name), []).append(level)
    return [f"{of}: {name} {', '.join(levels)}" for (of, name), levels in found.items()]


# -- what cannot be reached ------------------------------------------------------------------------


def excluded(backend: Backend, max_size: int | None = None) -> dict[tuple[str, Bin], str]:
    """Group and bin to why it cannot be reached: by any GRU, by this backend, or by a run of sizes
    up to `max_size`.
    """
    found, declared = contradictory(), declarations_of(backend)
    for of, methods in ANSWERS.items():
        if why := _lacks(backend, methods):
            for group in SIZES:
                found |= {(group.name, bin): why for bin in group.bins() if bin[0] == of}
            continue
        for letter, group in EXTENTS.items():
            levels = group.axes[1].levels
            for level in levels:
                if why := _why_not(backend, declared, letter, level, levels, methods, max_size):
                    found[group.name, (of, level)] = why
        if of not in _STACKED:
            found[COINCIDENCES.name, (of, "I=D·H, L>1")] = "a cell has one layer"
    return found


_STACKED = ("stacks", "gradients of stacks")


def _lacks(backend: Backend, methods: tuple[str, ...]) -> str:
    if any(offers(backend, m) for m in methods):
        return ""
    return f"the backend has no {', no '.join(methods)}"


def _why_not(
    backend: Backend,
    declared: Declarations,
    letter: str,
    level: str,
    levels: tuple[str, ...],
    methods: tuple[str, ...],
    max_size: int | None,
) -> str:
    """Why no size of a level can be asked; empty if one can."""
    number = levels.index(level)
    if number + 1 < len(levels):
        above = least(levels[number + 1])
    else:
        above = None
    fixed = {"H": declared.hidden_size, "I": declared.input_size}.get(letter)
    if fixed is not None and number != _level(levels, fixed):
        return f"the backend is built for {letter}={fixed}"
    if (
        letter == "T"
        and least(level) > 1
        and all(m in _OF_ONE_STEP or not offers(backend, m) for m in methods)
    ):
        return "the backend has no sequence"
    # A step is checked on one step whatever length sequences have.
    stepped = number == 0 and any(m in _OF_ONE_STEP and offers(backend, m) for m in methods)
    if letter == "T" and not stepped and above is not None and above <= declared.min_length:
        return f"declared min_length={declared.min_length}"
    if declared.shapes == "few" and number not in {
        _level(levels, size) for size in sizes_of_few(declared, letter)
    }:
        return "declared shapes='few'"
    if max_size is not None and fixed is None and least(level) > max_size:
        return f"--max-size {max_size}"
    if letter == "B":
        return _too_large(backend, declared, least(level), methods)
    return ""


def _too_large(
    backend: Backend, declared: Declarations, members: int, methods: tuple[str, ...]
) -> str:
    """Why there cannot be so many members: what is known of a large cell takes much memory."""
    sizes = {"H": declared.hidden_size or 1, "I": declared.input_size or 1, "B": members, "T": 1}
    stacks = "stack" in methods or "stack_vjp" in methods
    if not stacks and offers(backend, "step_jacobian") and not has_room_for_jacobians(sizes):
        return f"the Jacobians of {members} members would take too much memory"
    if not has_room_for_steps(sizes):
        return f"the bounds of {members} members would take too much memory"
    return ""
