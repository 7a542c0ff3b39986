"""What is drawn next: half of the units at random, a quarter at gates and sizes that are still
rare, and a quarter ascends from the cases that came closest to their bounds.

Units are handed out in rounds, and what a round is aimed at follows from all that the rounds
before it visited. So it does not depend on who worked on what, or when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gruverify.backends import CELL_METHODS, STACK_METHODS
from gruverify.campaigning._subject import Subject
from gruverify.coverage import GATES, SIZES, Coverage, Group, sizes_visited
from gruverify.engine import Aim

#: A bin is rare that is hit less often than once in that many hits of its group.
RARE = 1000
#: So many cells, each at as many gates as it has units, make an arm: a unit of 50 cases has some of
#: each, and what goes wrong at one level of gates mostly shows in the first of them.
_CELLS = 8
#: Blocks of the first round; each further one has as many as all before it.
_FIRST = 2


def rounds_of(blocks: int) -> list[range]:
    """The blocks of each round, of that many in all."""
    found, start = list[range](), 0
    while start < blocks:
        # Each round is as large as all before it: few of them wait for a last unit, and each is
        # aimed by as much as it finds.
        end = min(blocks, max(_FIRST, 2 * start))
        found.append(range(start, end))
        start = end
    return found


@dataclass(frozen=True)
class _Arm:
    """Something to aim at, and how much of what is rare it visits."""

    name: str
    weight: float
    aim: Aim


def aims_for(
    blocks: range, subject: Subject, visited: Coverage, at_random: Coverage
) -> dict[int, Aim | None]:
    """What each block of a round is aimed at; None: drawn at random, as every second one is. Of the
    others every second one ascends.

    visited: what the rounds before it visited in the format; at_random: what those of their units
    did that were drawn at random.
    """
    aims = dict[int, Aim | None](dict.fromkeys(blocks, None))
    if not visited.hits:
        return aims
    arms, had = _arms(subject, visited, at_random), dict[str, int]()
    cells = any(method in CELL_METHODS for method in subject.header["methods"])
    for block in blocks:
        if block % 4 == 3 and cells:
            aims[block] = Aim(ascends=True)
        elif block % 2 and arms:
            # What was aimed at in this round is divided: the same few rare bins must not take all
            # units. The name decides between equal weights, so that every run does alike.
            best = max(arms, key=lambda arm: (arm.weight / (1 + had.get(arm.name, 0)), arm.name))
            had[best.name] = had.get(best.name, 0) + 1
            aims[block] = best.aim
    return aims


def _arms(subject: Subject, visited: Coverage, at_random: Coverage) -> list[_Arm]:
    """All that is worth to be aimed at."""
    found = [*_gate_arms(subject, visited, at_random), *_size_arms(subject, visited)]
    return [arm for arm in found if arm.weight > 0]


def rarity(group: Group, visited: Coverage) -> npt.NDArray[np.float64]:
    """How rare each bin of a group is: 1 where it was never hit, 0 from once in `RARE` hits of the
    group on, and where it cannot be reached.
    """
    hits = visited.hits_of(group)
    # Falls in a line from 1, never hit, to 0, hit once in RARE.
    rare: npt.NDArray[np.float64] = np.maximum(0.0, 1 - RARE * hits / max(1, hits.sum()))
    for place, bin in enumerate(group.bins()):
        if (group.name, bin) in visited.excluded:
            rare.flat[place] = 0.0
    return rare


def size_rarity(group: Group, visited: Coverage) -> npt.NDArray[np.float64]:
    """The rarity of a group's sizes, by what answers: 0 for what was not compared at a size at
    which something else was. The selection asks nothing there, so that more cases change nothing.
    """
    hits = visited.hits_of(group)
    rare = rarity(group, visited)
    drawn = hits.sum(axis=0, keepdims=True) > 0
    rare[(hits == 0) & drawn] = 0.0
    rare[hits.sum(axis=1) == 0] = 0.0
    return rare


def _gate_arms(subject: Subject, visited: Coverage, at_random: Coverage) -> list[_Arm]:
    """Cells whose units are at the rarest gates, the next rare ones, and so on, eight to an arm."""
    if not subject.surveyed:
        return []
    # What is rare at random stays rare, however often it was aimed at: nothing else goes there. And
    # what aiming elsewhere has made rare is so, too.
    rare = np.maximum(rarity(GATES, at_random), rarity(GATES, visited)).ravel()
    order = [place for place in np.argsort(-rare, kind="stable").tolist() if rare[place] > 0]
    bins, found = list(GATES.bins()), list[_Arm]()
    for start in range(0, len(order), _CELLS * subject.surveyed):
        chosen = order[start : start + _CELLS * subject.surveyed]
        # Bins are z, r, c; strategies take r, z, c, the order of a cell's gates.
        levels = [(bins[place][1], bins[place][0], bins[place][2]) for place in chosen]
        while lacking := -len(levels) % subject.surveyed:  # no unit is at gates that are not rare
            levels += levels[:lacking]
        weight = float(rare[chosen].sum())
        found.append(_Arm(f"gates {start:05}", weight, Aim(levels=tuple(levels))))
    return found


def _size_arms(subject: Subject, visited: Coverage) -> list[_Arm]:
    """The sizes of the survey, each with those of its levels that are rare."""
    rare = {group.name: size_rarity(group, visited) for group in SIZES}
    found = list[_Arm]()
    for kind, sizes in subject.sizes:
        of_kind = CELL_METHODS if kind == "cells" else STACK_METHODS
        methods = [method for method in subject.header["methods"] if method in of_kind]
        weight = _weight(dict(sizes), methods, rare)
        # By sizes first: of those that are as rare, cells and stacks take turns.
        found.append(_Arm(f"sizes {sizes} of {kind}", weight, Aim(kind=kind, sizes=sizes)))
    return found


def _weight(
    sizes: Mapping[str, int], methods: Sequence[str], rare: Mapping[str, npt.NDArray[np.float64]]
) -> float:
    """How much of what is rare a case of these sizes visits, if all methods answer it."""
    visited = sizes_visited(sizes, methods)
    return sum(float((rare[name] * hits).sum()) for name, hits in visited.hits.items())
