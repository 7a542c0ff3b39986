"""The bank put to the invariants, entry by entry, in processes."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from typing import TypeAlias

from gruverify._named import JsonObject
from gruverify.backends import NumpyBackend, kill_all, processes, quiet
from gruverify.engine import Plan, header_of
from gruverify.faults import EQUIVALENTS, FAULTS
from gruverify.matrix._fate import Fate, entry_of, fate, variants_of
from gruverify.matrix._matrix import Matrix

Entry: TypeAlias = tuple[str, str]
Task: TypeAlias = Callable[[str, str], Fate]

#: Cases of each format that all invariants are put to, unless told otherwise.
COLUMNS = 12


def entries(only: Sequence[str] = ()) -> list[Entry]:
    """Fault or rewrite, and side of the reset gate; those that share their variants stand together.

    Raises:
        ValueError: `only` names one that there is not.
    """
    bank = {**FAULTS, **EQUIVALENTS}
    for id in only:
        if id not in bank:
            near = difflib.get_close_matches(id, [*FAULTS, *EQUIVALENTS])
            if near:
                hint = f"did you mean {' or '.join(near)}? "
            else:
                hint = ""
            raise ValueError(f"fault {id!r} is unknown: {hint}`gruverify faults --list` names them")
    wanted = [bank[id] for id in only or bank if bank[id].available]
    pairs = [
        (entry.id, reset)
        for entry in wanted
        for reset in ("after", "before")
        if variants_of(entry, reset)
    ]
    # Neighbours share `_trials`, which a process keeps six of.
    return sorted(
        pairs, key=lambda pair: (pair[0] in EQUIVALENTS, variants_of(entry_of(pair[0]), pair[1]))
    )


def kill_matrix(
    wanted: Sequence[Entry],
    plan: Plan,
    jobs: int,
    listener: Callable[[Fate], None] = lambda fate: None,
    columns: int = COLUMNS,
) -> Matrix:
    """The matrix of these entries, with up to `jobs` processes; the listener gets every fate as it
    is known.

    columns: cases of each format that all invariants are put to, those that take turns in every
    third; a fault is looked for in all cases of the plan. Interrupted, it has the fates that are
    known, if there are any.
    """
    started, fates = time.monotonic(), list[Fate]()
    task = partial(fate, plan=plan, columns=columns)
    complete = True
    try:
        for found in _in_turn(task, wanted) if jobs == 1 else _side_by_side(task, wanted, jobs):
            fates.append(found)
            listener(found)
    except KeyboardInterrupt:
        if not fates:
            raise
        complete = False
    # Processes finish in any order: the matrix is the same whatever they do.
    fates.sort(key=lambda f: (f.fault, f.reset))
    return Matrix(
        _header(plan) | {"columns": columns}, tuple(fates), time.monotonic() - started, complete
    )


def _in_turn(task: Task, wanted: Sequence[Entry]) -> Iterator[Fate]:
    return (task(*entry) for entry in wanted)


def _side_by_side(task: Task, wanted: Sequence[Entry], jobs: int) -> Iterator[Fate]:
    context = processes("gruverify.faults")
    pool = ProcessPoolExecutor(min(jobs, len(wanted)), mp_context=context)
    try:
        with quiet():
            futures = [pool.submit(task, *entry) for entry in wanted]
        yield from (future.result() for future in as_completed(futures))
    except BaseException:  # Ctrl-C, here or where the fates are read
        # Workers do not hear Ctrl-C, and would go on with what they were given.
        pool.shutdown(wait=False, cancel_futures=True)
        kill_all()
        raise
    pool.shutdown()


def _header(plan: Plan) -> JsonObject:
    header = header_of(NumpyBackend(), plan, "gruverify.faults")
    return {name: header[name] for name in ("seed", "profile", "cases", "versions")}
