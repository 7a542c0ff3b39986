"""After how many judgements faults fall in a campaign, drawn at random and guided.

    python tests/campaigns/guided_faults.py gates --faults 500

bank: every fault of the bank. grammar: mutants of a GRU written by hand (_mutations.py), in the
order of their digests. gates: changes of its step by the same grammar, each made only where the
gates of a unit are at one bin of z × r × c, which is chosen by chance.

Each is put through the same campaign twice, until something fails. What holds in both to the end is
told and not counted; of gates, only those are taken that fail on some of a few cells all of whose
units are at the bin.
Units of at least 40 cases have the survey of gates with them; smaller ones do not.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify import float32
from gruverify.arithmetic import candidate_bands, gate_bands
from gruverify.campaigning import Campaign, Progress, Subject, Task
from gruverify.campaigning._subject import surveys
from gruverify.campaigning._unit import packed
from gruverify.coverage import GATES
from gruverify.engine import (
    Aim,
    Event,
    FirstFailure,
    Plan,
    Result,
    encode_part,
    formats_of,
    header_of,
    run,
    selection,
)
from gruverify.faults import FAULTS
from gruverify.store import File, KeptCampaign, KeptUnit
from tests.campaigns import _plain_gru
from tests.campaigns._mutations import Mutant, mutants
from tests.campaigns.guided import Here
from tests.campaigns.mutants import SOURCE, built

PLAN = Plan(formats=(float32,), shrink=False)
STEP = selection(only=["agreement/step", "contract/shape-step"])
#: Of the faults of gates: so many cases at the bin are judged before one is said to hold.
_TRIED = 12


@dataclass(frozen=True)
class Fault:
    """Something wrong: its name, how it is built, what is asked of it, and what a unit finds where
    that is known without asking it.
    """

    name: str
    build: Callable[[], Any]
    plan: Plan
    known: Callable[[Task], KeptUnit | None] = lambda task: None


# -- the three sets --------------------------------------------------------------------------------


def of_bank() -> Iterator[Fault]:
    """Every fault of the bank that can run here, in its first format."""
    for id, entry in FAULTS.items():
        if entry.available:
            formats = entry.build().formats
            fmt = float32 if float32 in formats else formats[0]
            yield Fault(id, entry.build, replace(PLAN, formats=(fmt,)))


def of_grammar() -> Iterator[Fault]:
    """Mutants, in the order of their digests; those that cannot be told from the right one, too."""
    for mutant in sorted(mutants(SOURCE), key=lambda each: each.key):
        yield Fault(mutant.words, lambda mutant=mutant: built(mutant.source), PLAN)


def of_gates() -> Iterator[Fault]:
    """Changes of a step at one bin each, by chance, that can be seen there."""
    source, right = random.Random(0), Right()
    everywhere = [mutant for mutant in mutants(SOURCE) if _is_of_step(mutant)]
    while True:
        mutant, place = source.choice(everywhere), source.randrange(GATES.size)
        z, r, c = list(GATES.bins())[place]
        fault = Fault(
            f"{mutant.words}, at {GATES.spelled((z, r, c))}",
            lambda mutant=mutant, place=place: at_bin(mutant, place),
            replace(PLAN, selection=STEP),
            lambda task, place=place: right.found(task, place),
        )
        there = replace(fault.plan, max_cases=_TRIED, aim=Aim(levels=((r, z, c),) * 8))
        tallies = judged(fault.build(), there).tallies.values()
        if any(tally.falsified or tally.error for tally in tallies):
            yield fault


def _is_of_step(mutant: Mutant) -> bool:
    """Whether it is a change of the formulas of a step, at all sizes and times."""
    line = SOURCE.splitlines()[int(mutant.words.partition(":")[0].removeprefix("line ")) - 1]
    return ", if " not in mutant.words and line.startswith(
        ("    a_", "    b_", "    r, z = ", "    return r, z, ", "    return n + z ")
    )


def at_bin(mutant: Mutant, place: int) -> Any:
    """A step that is that of a mutant for the units that are at a bin, and else the right one."""
    try:
        wrong = built(mutant.source)
    except Exception:  # it cannot even be imported
        wrong = SimpleNamespace()

    def step(cell: Any, x: Any, h: Any) -> Any:
        right, there = _plain_gru.step(cell, x, h), bins_of(cell, x, h) == place
        if not there.any():
            return right
        return np.where(there, wrong.step(cell, x, h), right)

    return of_one_step(step)


def of_one_step(step: Callable[..., Any]) -> Any:
    """A backend that has a step alone."""
    variants, formats = _plain_gru.variants, _plain_gru.formats
    return SimpleNamespace(name="plain", variants=variants, formats=formats, step=step)


def bins_of(cell: Any, x: Any, h: Any) -> npt.NDArray[np.intp]:
    """At which bin of z × r × c each unit of each member is, by its pre-activations, (B, H)."""
    with np.errstate(all="ignore"):
        wide = [array.astype(np.float64) for array in (x, cell.weight_ih, h, cell.weight_hh)]
        a_r, a_z, a_n = np.split(wide[0] @ wide[1].T + cell.bias_ih, 3, axis=1)
        b_r, b_z, b_n = np.split(wide[2] @ wide[3].T + cell.bias_hh, 3, axis=1)
        candidate = a_n + b_n / (1 + np.exp(-(a_r + b_r)))
    levels = tuple(
        np.digitize(values, [low for low, _ in bands(float32).values()][1:])
        for values, bands in (
            (a_z + b_z, gate_bands),
            (a_r + b_r, gate_bands),
            (candidate, candidate_bands),
        )
    )
    return np.ravel_multi_index(levels, GATES.shape)


@dataclass
class Right:
    """The units of the right one, and at which bins the units of its cells were in each.

    A fault at one bin answers all that the right one was asked in a unit alike if nothing was at
    that bin. Then it finds the same, and need not be asked: a unit is a function of the answers.
    """

    _units: dict[tuple[int, str], tuple[KeptUnit, set[int]]] = field(default_factory=dict)

    def found(self, task: Task, place: int) -> KeptUnit | None:
        """What a fault at a bin finds in a unit, unless it has to be asked."""
        key = task.unit.block, task.unit.aim_text
        if key not in self._units:
            visited = set[int]()

            def step(cell: Any, x: Any, h: Any) -> Any:
                visited.update(bins_of(cell, x, h).ravel().tolist())
                return _plain_gru.step(cell, x, h)

            self._units[key] = kept(of_one_step(step), task), visited
        unit, visited = self._units[key]
        if place in visited:
            return None
        return unit


# -- campaigns -------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class OfFault(Here):
    """Workers that are this process, and put a fault to each task. `known` has what units found
    before.
    """

    fault: Fault
    known: dict[tuple[int, str], KeptUnit]

    def found(self, task: Task) -> KeptUnit:
        """What it finds of a task."""
        place = task.unit.block, task.unit.aim_text
        # Units that are drawn at random are the same, guided or not.
        if place not in self.known:
            # Built anew, as a process of its own would: some faults remember what they were asked.
            self.known[place] = self.fault.known(task) or kept(self.fault.build(), task)
        return self.known[place]


def kept(backend: Any, task: Task) -> KeptUnit:
    """What a unit finds of a backend, as a store has it."""
    part = encode_part(judged(backend, task.unit.plan(task.plan)))
    return KeptUnit(packed({"part": part, "crashes": [], "deaths": []}), 0.0)


def judged(backend: Any, plan: Plan) -> Result:
    """What a plan finds, in this process, up to the first case on which something fails: what is
    counted are the judgements until then, and what explains a failure is of no interest here.
    """
    failures = list[Event]()

    def note(event: Event) -> None:
        if isinstance(event, FirstFailure):
            failures.append(event)

    return run(backend, plan, "fault", note, lambda: bool(failures))


def stop_at_failure(progress: Progress) -> None:
    """End a campaign, as Ctrl-C does, once something failed."""
    if progress.total.failures:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Fall:
    """Whether a fault fell, and the judgements until then."""

    fell: bool
    judgements: int
    by: str = ""


def fall(fault: Fault, plan: Plan, size: int, known: Any, *, guided: bool) -> Fall:
    """Put a fault through a campaign until it falls."""
    backend = fault.build()
    header = header_of(backend, plan, "fault")
    about = header, {}, *surveys(backend, plan)
    subjects = {"fault": Subject("fault", formats_of(plan, backend), *about)}
    with tempfile.TemporaryDirectory() as folder:
        store = KeptCampaign(File(Path(folder) / "runs.db", writable=True), {}, {})
        workers = OfFault(fault=fault, known=known)
        campaign = Campaign(
            subjects, plan, plan.cases, size, guided, workers, store, 60.0, say=stop_at_failure
        )
        total = campaign.run().total
    failed = [id for _, id, _ in total.first]
    return Fall(bool(failed), total.judgements, min(failed, default=""))


def both(fault: Fault, cases: int, size: int) -> tuple[Fall, Fall]:
    """How it falls at random, and guided."""
    known, plan = dict[tuple[int, str], KeptUnit](), replace(fault.plan, max_cases=cases)
    at_random = fall(fault, plan, size, known, guided=False)
    return at_random, fall(fault, plan, size, known, guided=True)


def said(rows: list[tuple[Fall, Fall]]) -> Iterator[str]:
    """What they come to: those that fell in both, by whom it was found out, and the last."""
    late = [row for row in rows if row[0].judgements != row[1].judgements]
    yield f"{len(rows)} faults; {len(rows) - len(late)} fall at the same judgement"
    for number, name in enumerate(("at random", "guided")):
        falls = [row[number] for row in rows]
        fell = np.array([each.judgements for each in falls if each.fell])
        half, most, last = np.quantile(fell, [0.5, 0.99, 1.0])
        yield (
            f"{name}: {len(fell)} fall, the median after {half:,.0f} judgements, 99 % after "
            f"{most:,.0f}, the last after {last:,.0f}; mean {fell.mean():,.0f}"
        )
    if late:
        earlier = sum(guided.judgements < random.judgements for random, guided in late)
        yield f"of the other {len(late)}, guided is earlier for {earlier}"


def main() -> None:
    """Put faults through, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", choices=("bank", "grammar", "gates"))
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--cases", type=int, default=1600, help="of a campaign, at most")
    parser.add_argument("--unit", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no fault after these")
    options = parser.parse_args()
    faults = {"bank": of_bank, "grammar": of_grammar, "gates": of_gates}[options.which]()
    rows, held, began = list[tuple[Fall, Fall]](), 0, time.process_time()
    for fault in faults:
        if len(rows) == options.faults or time.process_time() - began > 60 * options.minutes:
            break
        at_random, guided = both(fault, options.cases, options.unit)
        if not (at_random.fell or guided.fell):
            held += 1
            print(f"holds: {fault.name}", flush=True)
            continue
        rows.append((at_random, guided))
        print(
            f"{len(rows)}: {at_random.judgements} at random ({at_random.by or 'holds'}), "
            f"{guided.judgements} guided ({guided.by or 'holds'}): {fault.name}",
            flush=True,
        )
    print("\n".join(said(rows)))
    print(f"{held} others hold in both; {time.process_time() - began:.0f} processor seconds")


if __name__ == "__main__":
    main()
