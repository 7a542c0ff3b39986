"""Does any invariant fall for a GRU that is right?

    python tests/campaigns/false_alarms.py --evaluations 10000000 --json reports/false_alarms.json

puts the shipped targets and every right rewrite of the bank to all invariants, seed after seed,
until so many evaluations are made: one unit of one member at one step, judged by one invariant.
Then the shipped targets go on alone until each format has --shipped of them. Cases are drawn as a
run draws them, with larger ones beside them, and by turns those of the survey of sizes, up to 256
units and 300 steps, which are asked what a run asks of them. Prints every alarm, and exits with 1
if there is any.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gruverify.arithmetic import FORMATS, Format
from gruverify.backends import TARGETS, Backend, NumpyBackend, resolve
from gruverify.cell import AnyCase
from gruverify.engine import Stream, judge_trial, sizes_survey, streams_for, trial_of
from gruverify.engine._search import seed_for, strategy_for
from gruverify.faults import EQUIVALENTS
from gruverify.invariants import INVARIANTS, Invariant

#: All but what is compiled again for every size and format, which takes minutes; what PyTorch's
#: scripting gets wrong (findings/torch-script-*.sh); and other libraries, which have faults.
SHIPPED = {
    target.name
    for target in TARGETS
    if target.name not in ("torch:compile", "torch:script") and not target.install
}
#: Cases of a cell for each seed, format and set of variants, and large ones beside them.
CASES, LARGE = 6, 4
#: The survey of sizes is parted into so many, of which each seed has one.
_TURNS = 8
#: What counts as large, by the largest of H, I, B and T.
_SIZES = (5, 24, 300)


@dataclass
class Tally:
    """What was judged so far: evaluations by target and by format, and the margins of the shipped
    targets.

    invariants, sizes: evaluations by invariant, and by the largest of H, I, B and T; margins: by
    family and bound, "gradient, ball", of the worst entry of each judgement.
    """

    evaluations: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    invariants: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    margins: dict[str, list[float]] = field(default_factory=dict)
    cases: int = 0
    alarms: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Evaluations of all targets."""
        return sum(self.evaluations.values())


def right_ones() -> Iterator[Any]:
    """The shipped targets that can run here, and the rewrites."""
    yield from (
        resolve(target.name) for target in TARGETS if target.available and target.name in SHIPPED
    )
    yield from (entry.build() for entry in EQUIVALENTS.values() if entry.available)


def judge_all(backends: list[Backend], fmt: Format, seed: int, tally: Tally) -> None:
    """Every backend of these variants on the same cases, with one set of balls."""
    trials = list[tuple[Any, list[Invariant]]]()
    for stream in streams(backends, fmt, seed):

        def keep(case: AnyCase, stream: Stream = stream) -> None:
            asked = list(INVARIANTS.values())
            if stream.sizes is not None:  # as a run has it: the rest says as much of small cases
                asked = [each for each in asked if case.sizes["T"] in each.lengths]
            trials.append((trial_of(case, NumpyBackend()), asked))

        stream.draw(keep)
    for trial, asked in trials:
        units = trial.case.sizes["H"] * trial.case.sizes["B"] * trial.case.sizes["T"]
        largest = max(trial.case.sizes[letter] for letter in "HIBT")
        size = f"up to {next(most for most in _SIZES if largest <= most)}"
        for backend in backends:
            if takes(backend, trial.case, fmt):
                tally.cases += 1
                for judgement in judge_trial(trial.with_backend(backend), asked):
                    name = backend.name
                    tally.evaluations[name] += units
                    tally.invariants[judgement.invariant.id] += units
                    tally.sizes[size] += units
                    if name in SHIPPED:
                        tally.formats[fmt.name] += units
                        kind = f"{judgement.invariant.family}, {judgement.invariant.bound}"
                        tally.margins.setdefault(kind, []).append(judgement.residual.margin)
                    if judgement.failed:
                        tally.alarms.append(
                            f"{name} {fmt.name} seed {seed}: {judgement.invariant.id} "
                            f"{judgement.residual}"
                        )
                        print(tally.alarms[-1], flush=True)


def streams(backends: list[Backend], fmt: Format, seed: int) -> list[Stream]:
    """What some backends are put to: those of any size to large cases and their sizes, too."""
    if len(backends) == 1:
        return streams_for(backends[0], fmt, seed, CASES)
    any_size = NumpyBackend()
    of_sizes = sizes_survey(any_size, fmt, seed, 100)[seed % _TURNS :: _TURNS]
    return [*streams_for(any_size, fmt, seed, CASES), large(fmt, seed), *of_sizes]


def large(fmt: Format, seed: int) -> Stream:
    """Cells larger than a run draws them: longer sums, and many units for what a case costs."""
    sizes = {"min_H": 8, "max_H": 24, "min_B": 4, "max_B": 8, "min_T": 4, "max_T": 8}
    return Stream(strategy_for(NumpyBackend(), fmt, **sizes), LARGE, seed_for(seed, fmt, "/large"))


def quantiles(margins: dict[str, list[float]]) -> dict[str, list[float]]:
    """How many margins were finite, how many of them not 0, and of those the median, nine tenths,
    and the largest.

    A margin is 0 where two answers have the same bits, or where there is nothing to differ: a
    gradient of zeros.
    """
    found = {}
    for kind, each in sorted(margins.items()):
        finite = np.array(each)[np.isfinite(each)]
        some = finite[finite > 0]
        quantiles = np.quantile(some, [0.5, 0.9, 1.0]) if some.size else [0.0] * 3
        found[kind] = [len(finite), len(some), *(float(f"{q:.3g}") for q in quantiles)]
    return found


def takes(backend: Any, case: Any, fmt: Format) -> bool:
    """Whether the backend claims such cases."""
    shortest = min(case.lengths) if getattr(case, "lengths", None) is not None else 1
    return (
        case.variant in backend.variants
        and fmt in backend.formats
        and shortest >= getattr(backend, "min_length", 1)
    )


def values_of(tally: Tally) -> dict[str, Any]:
    """What evidence.py reads."""
    return {
        "evaluations": tally.total,
        "cases": tally.cases,
        "alarms": tally.alarms,
        "of": tally.evaluations,
        "shipped": tally.formats,
        "invariants": tally.invariants,
        "sizes": tally.sizes,
        "margins": quantiles(tally.margins),
    }


def main() -> None:
    """Judge until there are enough evaluations."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluations", type=int, default=10_000_000)
    parser.add_argument("--shipped", type=int, default=1_000_000)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--formats", default=",".join(fmt.name for fmt in FORMATS))
    parser.add_argument("--minutes", type=float, default=1e9, help="end after these")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tally, backends = Tally(), list(right_ones())
    formats = [fmt for fmt in FORMATS if fmt.name in arguments.formats.split(",")]
    late = time.monotonic() + 60 * arguments.minutes
    for seed in count(arguments.first_seed):
        if tally.total >= arguments.evaluations:
            backends = [backend for backend in backends if backend.name in SHIPPED]
        of_one_size = [
            backend for backend in backends if getattr(backend, "hidden_size", None) is not None
        ]
        of_any_size = [backend for backend in backends if backend not in of_one_size]
        for fmt in formats:
            judge_all(of_any_size, fmt, seed, tally)
            for backend in of_one_size:
                judge_all([backend], fmt, seed, tally)
            print(
                f"seed {seed}, {fmt.name}: {tally.total:,} evaluations, {tally.cases:,} cases, "
                f"{len(tally.alarms)} alarms",
                flush=True,
            )
            if arguments.json:
                arguments.json.write_text(json.dumps(values_of(tally), indent=1) + "\n")
            if time.monotonic() > late:
                sys.exit(bool(tally.alarms))
        fewest = min(tally.formats[fmt.name] for fmt in formats)
        if tally.total >= arguments.evaluations and fewest >= arguments.shipped:
            break
    sys.exit(bool(tally.alarms))


if __name__ == "__main__":
    main()
