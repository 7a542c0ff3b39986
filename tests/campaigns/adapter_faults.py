"""Is a fault caught behind an adapter in as many cases as without it?

    python tests/campaigns/adapter_faults.py --behind exec jax jax-any onnx --faults 30 --cases 6

takes that many faults, evenly from those of the bank that such a target can have and that fail
plainly in these cases, and puts the same cases to each as it is, as it is with the declarations of
the adapter, and behind it: the protocol of programs (tests/backends/exec/served.py), the adapter
of JAX, which declares few shapes, or is asked for any, or that of ONNX (tests/world/_behind.py).
Prints for each in how many cases it fails in the three ways, and which invariants do in the second
or the third alone. Exits with 1 if a fault is caught in fewer cases behind an adapter than with its
declarations, or if a right GRU fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from gruverify.backends import Backend, completed, resolve
from gruverify.cell import AnyCase
from gruverify.engine import judge
from gruverify.faults import EQUIVALENTS, FAULTS, Fault
from gruverify.invariants import INVARIANTS
from tests.world._behind import Pair, cases_for, pair_of_jax, pair_of_onnx

SERVED = Path(__file__).parents[1] / "backends/exec/served.py"
#: What is asked: numbers, and not manners, for neither a program nor JAX can write to our arrays.
ASKED = [invariant for invariant in INVARIANTS.values() if invariant.family != "contract"]
RIGHT = EQUIVALENTS["slope-of-tanh-by-factors"]
#: Of a fault, and of which one it is: the ways, or None if such a target cannot have it.
PairOf: TypeAlias = Callable[[Fault, int], Pair | None]


def pair_of_exec(fault: Fault) -> Pair:
    """As a program, which declares what is true of the fault."""

    def plain() -> Backend:
        return completed(fault.build())

    def behind() -> Backend:
        return resolve(f"exec:{sys.executable} {SERVED} {fault.target}")

    return Pair("exec", plain(), plain, plain, behind)


BEHIND: dict[str, PairOf] = {
    "exec": lambda fault, turn: pair_of_exec(fault),
    "jax": lambda fault, turn: pair_of_jax(fault.build, turn),
    "jax-any": lambda fault, turn: pair_of_jax(fault.build, turn, "any"),
    "onnx": lambda fault, turn: pair_of_onnx(fault.build),
}


def falsified(backend: Backend, case: AnyCase) -> Iterator[str]:
    """The ids of what fails; what raises is no wrong number."""
    for judgement in judge(case, backend, ASKED):
        if judgement.tally.falsified:
            yield judgement.invariant.id


def pairs_for(pair_of: PairOf, cases: int) -> list[tuple[Fault, Pair]]:
    """The faults of numbers that such a target can have and that fail plainly."""
    numbers = [f for f in FAULTS.values() if f.kind != "contract" and f.needs is None]
    found = []
    for turn, fault in enumerate(numbers):
        pair = pair_of(fault, turn)
        if pair is not None:
            drawn, plain = cases_for(pair.drawn_for, cases), pair.plain()
            if any(next(falsified(plain, case), "") for case in drawn):
                found.append((fault, pair))
    print(f"{len(found)} of {len(numbers)} faults fail plainly in {cases} cases and their stacks")
    return found


def compared(name: str, pair: Pair, number: int) -> tuple[int, int, int]:
    """In how many cases it fails plainly, as declared, and behind; prints that."""
    cases, found = cases_for(pair.drawn_for, number), list[list[set[str]]]()
    for build in (pair.plain, pair.declared, pair.behind):
        way: Any = build()
        found.append([set(falsified(way, case)) for case in cases])
        if hasattr(way, "close"):  # a program
            way.close()
    plain, declared, adapted = (sum(map(bool, each)) for each in found)
    lost = set[str]().union(*found[1]) - set[str]().union(*found[2])
    won = set[str]().union(*found[2]) - set[str]().union(*found[1])
    apart = [f" -{id}" for id in sorted(lost)] + [f" +{id}" for id in sorted(won)]
    counts = f"{plain:2} {declared:2} {adapted:2} of {len(cases)}"
    print(f"{name:50} {counts}  {pair.place}", *apart, sep="", flush=True)
    return plain, declared, adapted


def places_of(pair_of: PairOf) -> Iterator[Pair]:
    """A right GRU in each way in which an adapter arranges one."""
    seen = set[str]()
    for turn in count(0):
        pair = pair_of(RIGHT, turn)
        if pair is None or pair.place in seen:
            return
        seen.add(pair.place)
        yield pair


def put_behind(name: str, faults: int, cases: int) -> int:
    """How many faults are caught in fewer cases behind it, and right GRUs in any."""
    pair_of, wrong = BEHIND[name], 0
    for pair in places_of(pair_of):
        wrong += any(compared(RIGHT.id, pair, cases))
    found = pairs_for(pair_of, cases)
    several = min(faults, len(found))
    chosen = [found[number * len(found) // several] for number in range(several)]
    fewer, by_declarations = 0, 0
    for fault, pair in chosen:
        plain, declared, behind = compared(fault.id, pair, cases)
        fewer += behind < declared
        by_declarations += declared < plain
    print(
        f"{name}: of {len(chosen)} faults {by_declarations} are caught in fewer cases as it "
        f"declares, {fewer} in fewer behind it"
    )
    return wrong + fewer


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--behind", nargs="+", choices=BEHIND, default=list(BEHIND))
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--cases", type=int, default=6)
    options = parser.parse_args()
    return int(sum(put_behind(name, options.faults, options.cases) for name in options.behind) > 0)


if __name__ == "__main__":
    sys.exit(main())
