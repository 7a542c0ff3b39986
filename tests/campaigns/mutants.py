"""Mutants of a GRU written by hand (_mutations.py): how many the default profile catches.

    python tests/campaigns/mutants.py --results mutants.jsonl

Each mutant is first run over the cells that the default profile draws in float32. Where it returns
the same bits as the right one on all of them it is equivalent there, and not counted. Else it is
judged on those cases where it does not, by the invariants that the profile asks of each case, until
one fails: what fails there fails in the whole run, which is made of what is left alone. A line of
the results is a mutant; who begins again goes on. At the end it prints what they come to.
"""

from __future__ import annotations

import argparse
import json
import time
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gruverify
from gruverify import float32
from gruverify.backends import completed
from gruverify.cell import Case
from gruverify.engine import Plan, draw, judge_trial, trial_of
from gruverify.engine._asked import selected_invariants
from gruverify.engine._plan import streams_of
from gruverify.invariants import Invariant
from tests.campaigns._mutations import Mutant, mutants

SOURCE = Path(__file__).with_name("_plain_gru.py").read_text(encoding="utf-8")
PLAN = Plan(profile="default", formats=(float32,))
WHOLE = {"profile": "default", "formats": "f32", "max_failures": 1, "shrink": False}


def built(source: str) -> Any:
    """The backend that a source is."""
    module = types.ModuleType("mutant")
    exec(compile(source, "mutant", "exec"), module.__dict__)
    return completed(module)


def answer(backend: Any, case: Case) -> list[bytes]:
    """Every number that it returns on a case; what it raises is an answer, too."""
    whole = case.cell, case.inputs, case.state
    try:
        with np.errstate(all="ignore"):
            outputs = *backend.sequence(*whole), *backend.sequence(*whole[:2], None)
            gradients = (
                backend.sequence_vjp(*whole, case.d_outputs, case.d_last),
                backend.sequence_vjp(*whole[:2], None, case.d_outputs, None),
                backend.sequence_vjp(*whole, None, case.d_last),
            )
    except Exception as error:  # whatever a mutant does
        return [type(error).__name__.encode()]
    found = list(outputs)
    for each in gradients:
        found += vars(each).values()
    return [np.asarray(array).tobytes() for array in found]


@dataclass
class Sieve:
    """The cases of the default profile, what the right GRU answers on each, and what is asked of
    each.
    """

    cases: list[Case]
    expected: list[list[bytes]]
    asked: list[Invariant]

    def differing(self, mutant: Any) -> Iterator[tuple[int, Case]]:
        """The cases on which a mutant differs from the right one."""
        for number, case in enumerate(self.cases):
            if answer(mutant, case) != self.expected[number]:
                yield number, case

    def fate(self, mutant: Mutant) -> dict[str, Any]:
        """What becomes of a mutant."""
        try:
            backend = built(mutant.source)
        except Exception as error:  # it cannot even be imported
            return {"fate": "caught", "by": type(error).__name__}
        differs = 0
        for number, case in self.differing(backend):
            differs += 1
            for judgement in judge_trial(trial_of(case, backend), self.asked):
                if judgement.failed:
                    return {"fate": "caught", "by": judgement.invariant.id, "case": number}
        if not differs:
            return {"fate": "equivalent"}
        whole = gruverify.check(backend, **WHOLE)
        if whole.verdict == "conforms":
            return {"fate": "survives", "differs": differs}
        failed = [key[0] for key, tally in whole.tallies.items() if tally.falsified or tally.error]
        return {"fate": "caught", "by": (failed or [whole.verdict])[0], "whole": True}


def sieve(right: Any) -> Sieve:
    """The cells of the default profile; those of the survey of gates and sizes are among them."""
    cases = list[Case]()
    for stream in streams_of(PLAN, right, float32):
        if stream.kind == "cells":
            draw(stream.strategy, stream.count, stream.seed, cases.append, stream.first)
    every = [
        invariant
        for invariant in selected_invariants(PLAN.selection)
        if all(PLAN.asks(invariant, number) for number in range(1000))
    ]
    expected = [answer(right, case) for case in cases]
    assert all(len(each) > 1 for each in expected), "the right one raises"
    return Sieve(cases, expected, every)


def summary(results: Path) -> str:
    """What the results come to."""
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    fates = Counter(row["fate"] for row in rows)
    caught = [row for row in rows if row["fate"] == "caught"]
    by = Counter(row["by"] for row in caught)
    families = Counter(row["by"].partition("/")[0] for row in caught)
    first = sum(row.get("case", -1) == 0 for row in caught)
    lines = [
        f"{len(rows)} mutants: {fates['equivalent']} equivalent, {fates['caught']} of "
        f"{len(rows) - fates['equivalent']} others caught, {first} of them on the first case, "
        f"{sum(row.get('whole', False) for row in caught)} by the whole run alone",
        f"{sum(row['cpu'] for row in rows):.0f} CPU s",
        "by family: " + ", ".join(f"{name} {count}" for name, count in families.most_common()),
        "by invariant: " + ", ".join(f"{name} {count}" for name, count in by.most_common(12)),
    ]
    lines += [f"survives: {row['words']}" for row in rows if row["fate"] == "survives"]
    return "\n".join(lines)


def main() -> None:
    """Put every mutant to the checks, and say what became of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no mutant after these")
    options = parser.parse_args()
    options.results.touch()
    done = set[str]()
    for line in options.results.read_text(encoding="utf-8").splitlines():
        done.add(json.loads(line)["key"])
    sieved = sieve(built(SOURCE))
    print(f"{len(sieved.cases)} cases, {len(sieved.asked)} invariants", flush=True)
    # In the order of their digests, so that the first thousand are like the others.
    everything = sorted(mutants(SOURCE), key=lambda mutant: mutant.key)
    deadline = time.monotonic() + 60 * options.minutes
    with options.results.open("a", encoding="utf-8") as results:
        for mutant in everything:
            if mutant.key in done:
                continue
            if time.monotonic() > deadline:
                break
            began = time.process_time()
            row = {"key": mutant.key, "words": mutant.words, **sieved.fate(mutant)}
            row["cpu"] = round(time.process_time() - began, 3)
            print(json.dumps(row), file=results, flush=True)
    print(f"of {len(everything)}:\n{summary(options.results)}")


if __name__ == "__main__":
    main()
