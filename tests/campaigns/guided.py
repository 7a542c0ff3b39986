"""How often a guided campaign is at gates that are rare at random, at as many judgements.

    python tests/campaigns/guided.py --cases 3200 --unit 39

A right GRU is put through the same campaign drawn at random and guided. A bin of z × r × c is rare
if fewer than one in a thousand unit-evaluations drawn at random is there. Units of at least 100
cases have the survey of gates with them, as runs of `gruverify check` do; smaller ones do not.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import format_named
from gruverify.campaigning import RARE, Campaign, Done, Task, Total, subject_of, work
from gruverify.coverage import GATES
from gruverify.engine import Plan, selection
from gruverify.store import File, KeptCampaign, KeptUnit


@dataclass
class Here:
    """Workers that are this process."""

    at_once: int = 1
    _waiting: list[Task] = field(default_factory=list)

    def require_same(self, tasks: Iterable[Task]) -> None:
        """They are the same."""

    def submit(self, task: Task) -> None:
        """Work on it later."""
        self._waiting.append(task)

    def reports(self, timeout: float) -> Iterator[Done]:
        """What one unit found."""
        task = self._waiting.pop(0)
        yield Done(task.unit, self.found(task), "here")

    def found(self, task: Task) -> KeptUnit:
        """What it finds of a task."""
        return work(task)


def total_of(plan: Plan, cases: int, size: int, *, guided: bool) -> Total:
    """What a campaign finds."""
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptCampaign(File(Path(folder) / "runs.db", writable=True), {}, {})
        subjects = {"numpy": subject_of("numpy", plan, 60.0)}
        campaign = Campaign(subjects, plan, cases, size, guided, Here(), kept, 60.0)
        return campaign.run().total


def main() -> None:
    """Run both, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=3200)
    parser.add_argument("--unit", type=int, default=39)
    parser.add_argument("--format", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fmt = format_named(options.format)
    only = selection(only=["agreement/step", "contract/shape-step"])
    plan = Plan(formats=(fmt,), max_cases=options.cases, seed=options.seed, selection=only)
    hits = dict[str, npt.NDArray[np.int64]]()
    for name, guided in (("random", False), ("guided", True)):
        total = total_of(plan, options.cases, options.unit, guided=guided)
        hits[name] = total.visited("numpy", fmt.name).hits_of(GATES).ravel()
        shares = hits[name] / hits[name].sum()
        print(
            f"{name}: {total.judgements:,} judgements, {hits[name].sum():,} unit-evaluations, "
            f"{total.cpu:.0f} CPU s, {np.count_nonzero(hits[name])} of {GATES.size} bins hit, "
            f"{np.count_nonzero(shares < 1 / RARE)} of them rarer than 1 in {RARE}, largest margin "
            f"{max(tally.largest for tally in total.results['numpy'].tallies.values()):.3f}",
            flush=True,
        )
    rare = hits["random"] < hits["random"].sum() / RARE
    at_random, aimed = hits["random"][rare].sum(), hits["guided"][rare].sum()
    print(f"{np.count_nonzero(rare)} bins that are rare at random: {at_random:,} hits at random,")
    print(f"{aimed:,} guided, {aimed / max(1, at_random):.1f} times as many")
    least = [int(hits[name].min()) for name in hits]
    print(f"the bin that is hit least: {least[0]} hits at random, {least[1]} guided")


if __name__ == "__main__":
    main()
