"""A model of a campaign on a thousand workers, from costs that are measured here.

    python tests/campaigns/scheduler_model.py --measure --only agreement  # some minutes
    python tests/campaigns/scheduler_model.py --costs costs.json

It is a simulation of discrete events. Workers are of unequal speed, some are stragglers, all die
now and then and are started again by their nanny, and what they were at is begun again. Dask's
scheduler and the campaign's command serve one unit after the other: the one hands out, the other
submits, keeps and adds up, and so there is a size of unit below which a thousand workers wait for
them. A guided campaign hands out in rounds, each of which waits for the one before.

`--measure` takes the costs from units that are worked on here, and from a scheduler that has
nothing to do; then the model says what campaigns of 1, 2, 4 and 8 local workers come to, and
campaign_figures.py measures the same. Where there are more workers than processors they take turns:
a unit takes as many times as long, and all that time each worker and its nanny report to Dask.
"""

from __future__ import annotations

import argparse
import ctypes
import heapq
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gruverify.campaigning import rounds_of


@dataclass(frozen=True)
class Costs:
    """Processor seconds, and counts, of one core.

    begin: of the command, until it hands out; worker: of starting one, and of ending it; start:
    of a unit, in the worker, beside judging: a process of the target; case: of judging a case;
    keep: of the command, for a unit that came in; hand: of scheduler and command, for handing one
    out; judgements: of a case; stored, stored_case: bytes of a unit, and of each of its cases;
    idle: of a worker and all that reports of it, for each second that it is there.
    """

    begin: float
    worker: float
    start: float
    case: float
    keep: float
    hand: float
    judgements: float
    stored: float
    stored_case: float
    idle: float = 0.0


@dataclass(frozen=True)
class Cluster:
    """Workers: how many, the share that is slow and how many times, the hours until one dies, the
    seconds until it is there again, and the processors, one each unless fewer are given.
    """

    workers: int
    slow: float = 0.02
    times: float = 5.0
    hours: float = 24.0
    restart: float = 30.0
    processors: float = math.inf

    @property
    def turns(self) -> float:
        """How many workers share a processor."""
        return max(1.0, self.workers / self.processors)

    def speeds(self, source: random.Random) -> list[float]:
        """How many times as long as the model's core each takes."""
        found = list[float]()
        for _ in range(self.workers):
            ordinary = source.lognormvariate(0, 0.1)
            found.append(ordinary * (self.times if source.random() < self.slow else 1))
        return found


#: What prctl(2) calls it: processes without a parent become ours, so that we can wait for them.
SUBREAPER = 36
#: Units that wait at the scheduler, so that no worker waits, as in a campaign.
AHEAD = 2


@dataclass(frozen=True)
class Outcome:
    """What a campaign comes to: units, judgements, seconds; processor seconds of judging, of what
    workers do beside it, of the command, and of reporting to Dask; units that were begun in vain;
    bytes of the store.
    """

    units: int
    judgements: float
    seconds: float
    judging: float
    starting: float
    command: float
    reporting: float
    lost: int
    stored: float

    def use(self, workers: int) -> float:
        """The share of the workers' time in which they judge."""
        return self.judging / (workers * self.seconds)


@dataclass
class _Simulation:
    """The state of a campaign: what happens when, who waits, until when the command is busy."""

    costs: Costs
    cluster: Cluster
    size: int
    source: random.Random
    events: list[tuple[float, str, int]] = field(default_factory=list)
    idle: deque[int] = field(default_factory=deque)
    ready: int = 0
    left: int = 0
    at_work: int = 0
    busy_until: float = 0.0
    judging: float = 0.0
    lost: int = 0

    def __post_init__(self) -> None:
        self.speeds = self.cluster.speeds(self.source)
        self.busy_until = self.costs.begin
        for worker in range(self.cluster.workers):
            self._at(self.costs.begin + self.costs.worker, "free", worker)

    def round(self, units: int) -> None:
        """Work on so many units, and wait for all of them."""
        self.left, done = units, 0
        for _ in range(min(units, self.cluster.workers + AHEAD)):
            self._submit()
        while done < units:
            now, what, worker = heapq.heappop(self.events)
            if what == "found":
                done += 1
                self.busy_until = max(self.busy_until, now) + self.costs.keep
                if self.left:
                    self._submit()
                self.idle.append(worker)
            elif what == "free":
                self.idle.append(worker)
            else:
                self.ready += 1
            while self.ready and self.idle:
                self._begin(now, self.idle.popleft())

    def _submit(self) -> None:
        self.left -= 1
        self.busy_until += self.costs.hand
        self._at(self.busy_until, "ready", 0)

    def _begin(self, now: float, worker: int) -> None:
        self.ready -= 1
        judging = self.size * self.costs.case * self.speeds[worker]
        takes = self.cluster.turns * (self.costs.start * self.speeds[worker] + judging)
        dies = 3600 * self.cluster.hours * self.source.expovariate(1.0)
        if dies < takes:  # the unit is handed out again, and the worker started again
            self.lost += 1
            self._at(now + dies, "ready", worker)
            self._at(now + dies + self.cluster.restart, "free", worker)
            return
        self.judging += judging
        self._at(now + takes, "found", worker)

    def _at(self, time: float, what: str, worker: int) -> None:
        heapq.heappush(self.events, (time, what, worker))


def simulate(
    costs: Costs, cluster: Cluster, rounds: Sequence[int], size: int, seed: int = 0
) -> Outcome:
    """A campaign of so many units of `size` cases in each round."""
    campaign = _Simulation(costs, cluster, size, random.Random(seed))
    for units in rounds:
        campaign.round(units)
    units = sum(rounds)
    cases = units * size
    return Outcome(
        units=units,
        judgements=cases * costs.judgements,
        seconds=campaign.busy_until,
        judging=campaign.judging,
        starting=units * costs.start + cluster.workers * costs.worker,
        command=costs.begin + units * (costs.keep + costs.hand),
        reporting=cluster.workers * costs.idle * campaign.busy_until,
        lost=campaign.lost,
        stored=units * costs.stored + cases * costs.stored_case,
    )


# -- what costs what -------------------------------------------------------------------------------


#: What a process of its own does: see a target, work on units, and print what each came to.
_UNITS = """
import json, sys, tempfile, time
from pathlib import Path
from gruverify.arithmetic import float32
from gruverify.campaigning import Task, Total, Unit, subject_of, work
from gruverify.engine import Plan, selection
from gruverify.store import File, KeptCampaign
def main():
    target, only, sizes = json.loads(sys.argv[1])
    plan = Plan(formats=(float32,), selection=selection(only=only), max_cases=sum(sizes))
    subject = subject_of(target, plan, 600.0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptCampaign(File(Path(folder) / "runs.db", writable=True), {}, {})
        total = Total({target: subject})
        for block, size in enumerate(sizes):
            unit, judged = Unit(target, float32, block, size), total.judgements
            found = work(Task(unit, plan, subject, 600.0, 1 << 34))
            began = time.process_time()
            kept.keep(*unit.key, unit.aim_text, found)
            total.add(unit, found.content, found.cpu)
            keep = time.process_time() - began
            rows.append([found.cpu, keep, total.judgements - judged, len(found.content)])
    print(json.dumps(rows))
if __name__ == "__main__":
    main()
"""
#: And what another one does: have so many workers, and hand out so much that takes nothing.
_NOTHING = """
import sys, time
from gruverify.campaigning import Cluster
if __name__ == "__main__":
    cluster = Cluster(address="", processes=int(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        cluster._client.submit(len, bytes(number), pure=False).result()
    time.sleep(int(sys.argv[3]))
    cluster.close()
"""


#: Seconds for which two workers wait.
_WAITED = 60


def measured(target: str, only: Sequence[str], small: int, large: int) -> Costs:
    """The costs of a target's units here: of units of two sizes, of workers, of handing out."""
    asked = target, list(only)
    one, _ = _apart(_UNITS, json.dumps([*asked, [small]]))
    three, said = _apart(_UNITS, json.dumps([*asked, [small, small, large]]))
    (first, *_), (less, keep, few, light), (more, _, many, heavy) = json.loads(said)
    start = max(0.0, three - one - less - more) / 2
    seeing = one - first - start  # Python, what it imports, and what the target is
    alone, _ = _apart(_NOTHING, "1", "0", "0")
    both, _ = _apart(_NOTHING, "2", "0", "0")
    busy, _ = _apart(_NOTHING, "1", "300", "0")
    waiting, _ = _apart(_NOTHING, "2", "0", str(_WAITED))
    case = (more - less) / (large - small)
    stored_case = (heavy - light) / (large - small)
    return Costs(
        begin=seeing + alone - (both - alone),
        worker=both - alone + seeing,
        start=start + max(0.0, less - small * case),
        case=case,
        keep=keep,
        hand=max(0.0, busy - alone) / 300,
        judgements=(many - few) / (large - small),
        stored=max(0.0, light - small * stored_case),
        stored_case=stored_case,
        idle=max(0.0, waiting - both) / 2 / _WAITED,
    )


def _apart(program: str, *arguments: str) -> tuple[float, str]:
    """The processor seconds of a program with all its processes, and what it prints."""
    before = _processors()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "measured.py"  # Dask starts its workers from a file
        file.write_text(program, encoding="utf-8")
        said = subprocess.run(
            [sys.executable, str(file), *arguments], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    with suppress(ChildProcessError):  # processes without a parent are ours
        while True:
            os.waitpid(-1, 0)
    return _processors() - before, said


def _processors() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# -- what is said ----------------------------------------------------------------------------------


def rounds(units: int, places: int, *, guided: bool) -> list[int]:
    """How many units each round has, of so many targets and formats."""
    if not guided:
        return [units]
    return [places * len(blocks) for blocks in rounds_of(units // places)]


def thousand(costs: Costs) -> None:
    """A billion judgements with a thousand workers, by size of the units and how they are drawn."""
    print("  size  guided   hours  judging  command   lost     GB")
    for size in (10, 30, 100, 300, 1000, 3000):
        units = math.ceil(1e9 / costs.judgements / size)
        for guided in (False, True):
            cluster = Cluster(1000)
            end = simulate(costs, cluster, rounds(units, 4, guided=guided), size)
            print(
                f"{size:6} {'yes' if guided else 'no':>7} {end.seconds / 3600:7.2f} "
                f"{100 * end.use(1000):6.0f} % {100 * end.command / end.seconds:6.0f} % "
                f"{end.lost:6} {end.stored / 1e9:6.2f}"
            )


def local(costs: Costs, units: int, size: int) -> None:
    """What 1, 2, 4 and 8 workers of this machine come to: campaign_figures.py measures it."""
    for workers in (1, 2, 4, 8):
        here = Cluster(workers, slow=0.0, hours=math.inf, processors=os.cpu_count() or 1)
        end = simulate(costs, here, [units], size)
        total = end.judging + end.starting + end.command + end.reporting
        print(
            f"{workers} workers: {end.judgements:,.0f} judgements, {total:.1f} CPU s: "
            f"{end.judging:.1f} judge, {end.reporting:.1f} report; {end.seconds:.0f} s on an idle "
            f"machine; store {end.stored / 1e3:.0f} kB"
        )


def main() -> None:
    """Measure, or read what was measured, and predict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--costs", type=Path, default=Path("costs.json"))
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--target", default="numpy")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--sizes", default="10,40", help="of the two units that are worked on")
    parser.add_argument(
        "--local", metavar="UNITS,SIZE", help="predict 1, 2, 4 and 8 workers instead"
    )
    options = parser.parse_args()
    if options.measure:
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        costs = measured(options.target, options.only, *map(int, options.sizes.split(",")))
        options.costs.write_text(json.dumps(asdict(costs), indent=1) + "\n", encoding="utf-8")
    costs = Costs(**json.loads(options.costs.read_text(encoding="utf-8")))
    print(costs)
    if options.local:
        local(costs, *map(int, options.local.split(",")))
    else:
        thousand(costs)


if __name__ == "__main__":
    main()
