"""Is a fault caught as plainly behind the protocol of programs as without it?

    python tests/campaigns/exec_faults.py --faults 30 --cases 6

takes that many faults of the bank that a program can have, evenly from all kinds, and puts the same
cases to each as it is and as a program (tests/backends/exec/served.py). Prints for each how
many invariants fail in each way, and exits with 1 if there is a fault that fails in one alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gruverify import float32
from gruverify.backends import Backend, completed, resolve
from gruverify.cell import AnyCase
from gruverify.engine import judge, streams_for
from gruverify.faults import FAULTS, Fault
from gruverify.invariants import INVARIANTS

FAMILIES = ("agreement", "regimes", "sequence", "gradient", "stack")
SERVED = Path(__file__).parents[1] / "backends/exec/served.py"


def sample(count: int) -> list[Fault]:
    """Faults of numbers, not of manners: a program cannot write to our arrays."""
    fit = [f for f in FAULTS.values() if f.kind != "contract" and f.needs is None]
    return [fit[number * len(fit) // count] for number in range(min(count, len(fit)))]


def cases_for(backend: Backend, count: int) -> list[AnyCase]:
    """The first cases of a run, of cells and of stacks."""
    found: list[AnyCase] = []
    for stream in streams_for(backend, float32, 0, count):
        stream.draw(found.append)
    return found


def failing(backend: Backend, cases: list[AnyCase]) -> set[str]:
    """The ids of what fails, the contract's manners left out."""
    asked = [invariant for invariant in INVARIANTS.values() if invariant.family in FAMILIES]
    judged = (judgement for case in cases for judgement in judge(case, backend, asked))
    return {judgement.invariant.id for judgement in judged if judgement.failed}


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--cases", type=int, default=6)
    options = parser.parse_args()
    unlike = 0
    for fault in sample(options.faults):
        cases = cases_for(completed(fault.build()), options.cases)
        plain = failing(completed(fault.build()), cases)
        behind = failing(resolve(f"exec:{sys.executable} {SERVED} {fault.target}"), cases)
        unlike += bool(plain) != bool(behind)
        more = "".join(f" +{id}" for id in sorted(behind - plain))
        less = "".join(f" -{id}" for id in sorted(plain - behind))
        print(f"{fault.id:50} {len(plain):4} {len(behind):4}{more}{less}", flush=True)
    print(f"{unlike} of {options.faults} are caught in one way alone")
    return int(unlike > 0)


if __name__ == "__main__":
    sys.exit(main())
