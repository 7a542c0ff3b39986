"""What is aimed at follows from what was visited, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from gruverify.arithmetic import float32
from gruverify.backends import resolve
from gruverify.campaigning import Subject, aims_for, rounds_of
from gruverify.cell import Case
from gruverify.coverage import GATES, SIZES, Coverage, sizes_visited, visits
from gruverify.engine import Aim, Plan, trial_of
from gruverify.engine._plan import streams_of


@pytest.mark.parametrize(
    ("blocks", "rounds"),
    [
        (1, [(0, 1)]),
        (2, [(0, 2)]),
        (7, [(0, 2), (2, 4), (4, 7)]),
        (16, [(0, 2), (2, 4), (4, 8), (8, 16)]),
    ],
)
def test_each_round_has_as_many_blocks_as_all_before_it(
    blocks: int, rounds: list[tuple[int, int]]
) -> None:
    assert [(each.start, each.stop) for each in rounds_of(blocks)] == rounds


def test_the_first_round_and_every_second_block_are_drawn_at_random(
    both: dict[str, Subject],
) -> None:
    numpy = both["numpy"]

    assert aims_for(range(2), numpy, Coverage(), Coverage()) == {0: None, 1: None}
    visited = even(GATES.shape)
    visited.hits["z×r×c"][1, 2, 3] = 0
    aims = aims_for(range(4, 8), numpy, visited, visited)
    assert aims[4] is aims[6] is None
    assert aims[5] is not None
    assert aims[7] == Aim(ascends=True)


def even(shape: tuple[int, ...]) -> Coverage:
    """All gates as often as each other."""
    return Coverage({"z×r×c": np.full(shape, 100, np.int64)})


def test_the_rarest_gates_come_first_and_all_units_are_at_them(
    both: dict[str, Subject],
) -> None:
    visited = even(GATES.shape)
    visited.hits["z×r×c"][1, 2, 3] = visited.hits["z×r×c"][3, 0, 1] = 0
    numpy = Subject(**{**vars(both["numpy"]), "sizes": ()})

    aims = aims_for(range(4, 12), numpy, visited, visited)

    z, r, c = (axis.levels for axis in GATES.axes)
    rarest = {(r[2], z[1], c[3]), (r[0], z[3], c[1])}
    assert aims[5] is not None
    assert set(aims[5].levels) == rarest
    assert len(aims[5].levels) == numpy.surveyed
    assert aims[9] == aims[5]


def test_gates_that_are_rare_at_random_stay_rare_however_often_they_were_aimed_at(
    both: dict[str, Subject],
) -> None:
    numpy = Subject(**{**vars(both["numpy"]), "sizes": ()})
    at_random, visited = even(GATES.shape), even(GATES.shape)
    at_random.hits["z×r×c"][1, 2, 3] = 0

    aim = aims_for(range(4, 8), numpy, visited, at_random)[5]

    z, r, c = (axis.levels for axis in GATES.axes)
    assert aim is not None
    assert set(aim.levels) == {(r[2], z[1], c[3])}


def test_a_unit_is_at_as_many_gates_as_eight_cells_have_units(both: dict[str, Subject]) -> None:
    small = Subject(**{**vars(both["numpy"]), "sizes": (), "surveyed": 5})
    visited = Coverage({"z×r×c": np.zeros(GATES.shape, np.int64)})
    visited.hits["z×r×c"][0, 0, 0] = 1

    aims = aims_for(range(4, 12), small, visited, visited)

    one, other = aims[5], aims[9]
    assert one is not None
    assert other is not None
    assert len({*one.levels, *other.levels}) == 2 * 8 * 5


def test_each_cell_of_a_unit_is_at_some_of_its_gates() -> None:
    backend, several = resolve("numpy"), (("0", "1", "-1"),) * 48 + (("1", "0", "1"),) * 48
    [stream] = streams_of(Plan(max_cases=8, aim=Aim(levels=several)), backend, float32)
    kept = set[bool]()

    def visit(case: Case) -> None:
        hits = visits(trial_of(case, backend)).hits_of(GATES)
        kept.add(bool(hits[-1].sum() > hits.sum() / 2))  # z is 1

    stream.draw(visit)

    assert kept == {False, True}


def test_nothing_is_aimed_at_where_nothing_is_rare(both: dict[str, Subject]) -> None:
    numpy = Subject(**{**vars(both["numpy"]), "sizes": ()})
    few = Subject(**{**vars(numpy), "surveyed": 0})
    visited = even(GATES.shape)
    visited.hits["z×r×c"][1, 2, 3] = 0

    assert aims_for(range(4, 8), few, visited, visited)[5] is None


def test_sizes_that_were_never_drawn_are_aimed_at_by_turns(both: dict[str, Subject]) -> None:
    sizes = {"H": 2, "I": 3, "B": 4, "T": 2}
    visited = even(GATES.shape) + sizes_visited(sizes, ["sequence", "stack"])

    aims = aims_for(range(4, 16), both["numpy"], visited, visited)

    aimed = [aim for aim in aims.values() if aim is not None and aim.sizes]
    assert len({(aim.kind, aim.sizes) for aim in aimed}) == len(aimed) > 1
    assert {aim.kind for aim in aimed} == {"cells", "stacks"}


@pytest.mark.uncounted
def test_what_the_selection_does_not_compare_is_not_aimed_at(both: dict[str, Subject]) -> None:
    visited = even(GATES.shape)
    for group in SIZES:
        hits = np.zeros(group.shape, np.int64)
        hits[0] = 100
        visited = visited + Coverage({group.name: hits})

    aims = aims_for(range(4, 16), both["numpy"], visited, visited)

    assert set(aims.values()) == {None, Aim(ascends=True)}


def test_aimed_cases_are_at_the_gates_that_they_are_aimed_at() -> None:
    backend = resolve("numpy")
    plan = Plan(max_cases=2, aim=Aim(levels=(("0", "1", "-1"),) * 8))
    [stream] = streams_of(plan, backend, float32)
    found = list[Coverage]()

    stream.draw(
        lambda case: found.append(visits(trial_of(case, backend))),
    )

    hits = found[0].hits_of(GATES) + found[1].hits_of(GATES)
    z, r, c = (axis.levels for axis in GATES.axes)
    assert hits[z.index("1"), r.index("0"), c.index("-1")] > hits.sum() / 2


def test_aimed_cases_have_the_sizes_that_they_are_aimed_at() -> None:
    sizes = {"H": 9, "I": 5, "B": 3, "T": 1}
    plan = Plan(max_cases=2, aim=Aim(sizes=tuple(sizes.items())))
    found = list[dict[str, int]]()

    [stream] = streams_of(plan, resolve("numpy"), float32)
    stream.draw(
        lambda case: found.append(dict(case.sizes)),
    )

    assert found == [sizes, sizes]
