"""Mutants of a GRU written by hand (_mutations.py): how many the default profile catches.

    python tests/campaigns/mutants.py --results mutants.jsonl
    python tests/campaigns/mutants.py --results f16.jsonl --profile quick --format f16 --first 500

Each mutant is first run over the cells that the profile draws in the format. Where it returns
the same bits as the right one on all of them it is equivalent there, and not counted. Else it is
judged on those cases where it does not, by the invariants that the profile asks of each case, until
one fails: what fails there fails in the whole run, which is made of what is left alone. A line of
the results is a mutant; who begins again goes on. At the end it prints what they come to. Each
profile and format has a file of results of its own.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import gruverify
from gruverify.arithmetic import Format, format_named
from gruverify.backends import completed
from gruverify.cell import Case
from gruverify.engine import Plan, judge_trial, trial_of
from gruverify.engine._asked import selected_invariants
from gruverify.engine._plan import streams_of
from gruverify.invariants import Invariant
from tests.campaigns._mutations import Mutant, mutants

SOURCE = Path(__file__).with_name("_plain_gru.py").read_text(encoding="utf-8")
#: What NumPy calls the numbers of a format.
_NUMBERS = {"float16": "f2", "bfloat16": "bfloat16", "float32": "f4", "float64": "f8"}


class _Rounded(ast.NodeTransformer):
    """Matrix products whose numbers are of the format: NumPy's of bfloat16 are float32."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """A product as a call."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        return ast.Call(ast.Name("rounded", ast.Load()), [node], [])


def _rounded(product: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return product.astype("bfloat16")


def built(source: str, fmt: str = "float32") -> Any:
    """The backend that a source is, in a format: the source is one of float32."""
    text = source.replace("float32", fmt)
    for quote in "'\"":
        text = text.replace(f"{quote}f4{quote}", f"{quote}{_NUMBERS[fmt]}{quote}")
    module = types.ModuleType("mutant")
    tree = ast.parse(text)
    if fmt == "bfloat16":
        _Rounded().visit(tree)
        ast.fix_missing_locations(tree)
        module.__dict__["rounded"] = _rounded
    exec(compile(tree, "mutant", "exec"), module.__dict__)
    module.accumulates = fmt  # type: ignore[attr-defined]  # NumPy adds up a batch entry by entry
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
    """The cases of a profile in a format, what the right GRU answers on each, and what is asked of
    each.
    """

    plan: Plan
    format: Format
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
            backend = built(mutant.source, self.format.name)
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
        whole = gruverify.check(
            backend,
            profile=self.plan.profile,
            formats=self.format.name,
            max_failures=1,
            shrink=False,
        )
        failed = [key[0] for key, tally in whole.tallies.items() if tally.falsified or tally.error]
        if failed:
            return {"fate": "caught", "by": failed[0], "whole": True}
        return {"fate": "survives", "differs": differs, "verdict": whole.verdict}


def sieve(profile: str, fmt: Format) -> Sieve:
    """The cells of a profile; those of the survey of gates and sizes are among them."""
    plan, right, cases = (
        Plan(profile=profile, formats=(fmt,)),
        built(SOURCE, fmt.name),
        list[Case](),
    )
    for stream in streams_of(plan, right, fmt):
        if stream.kind == "cells":
            stream.draw(cases.append)
    every = [
        invariant
        for invariant in selected_invariants(plan.selection)
        if all(plan.asks(invariant, number) for number in range(1000))
    ]
    expected = [answer(right, case) for case in cases]
    assert all(len(each) > 1 for each in expected), "the right one raises"
    # A format in which it fails would have every mutant caught.
    for case in cases[:8]:
        failed = [each for each in judge_trial(trial_of(case, right), every) if each.failed]
        assert not failed, f"the right one fails {failed[0].invariant.id}: {failed[0].residual}"
    return Sieve(plan, fmt, cases, expected, every)


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
        *by_kind(rows),
    ]
    lines += [
        f"survives: {row['words']} ({row['key']})" for row in rows if row["fate"] == "survives"
    ]
    return "\n".join(lines)


def by_kind(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A row of a table for each kind of change: mutants, equivalents, caught, survivors."""
    kinds = {mutant.key: mutant.kind for mutant in mutants(SOURCE)}
    fates = Counter((kinds[row["key"]], row["fate"]) for row in rows)
    for kind in dict.fromkeys(kinds.values()):
        each = [fates[kind, fate] for fate in ("equivalent", "caught", "survives")]
        yield f"| {kind} | {sum(each)} | {' | '.join(map(str, each))} |"


def main() -> None:
    """Put every mutant to the checks, and say what became of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--profile", default="default")
    parser.add_argument("--format", default="float32")
    parser.add_argument("--first", type=int, help="only so many, in the order of their digests")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no mutant after these")
    options = parser.parse_args()
    options.results.touch()
    done = set[str]()
    for line in options.results.read_text(encoding="utf-8").splitlines():
        done.add(json.loads(line)["key"])
    sieved = sieve(options.profile, format_named(options.format))
    print(f"{len(sieved.cases)} cases, {len(sieved.asked)} invariants", flush=True)
    # In the order of their digests, so that the first thousand are like the others.
    everything = sorted(mutants(SOURCE), key=lambda mutant: mutant.key)[: options.first]
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
