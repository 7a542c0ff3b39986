"""Campaigns with 1, 2 and 4 workers, with workers that are killed twice, and with the command
itself killed once: the same digest each time, and what the scheduler and the store cost.

    python tests/campaigns/campaign_figures.py --cases 200 --unit 20

Each is `gruverify campaign` in a folder of its own. Its processor seconds are those of all
processes that it started, whoever their parent was when they ended; those of the units are what the
processes that judged cases took. The rest is what a campaign costs: starting Python, Dask and the
workers, once, and handing out and keeping each unit.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

TARGETS = ("numpy", "gruverify.faults:inverted-update-gate")
#: What prctl(2) calls it: processes without a parent become ours, so that we can wait for them.
_SUBREAPER = 36


@dataclass(frozen=True)
class Figures:
    """What came of a campaign: its digest and counts, seconds, and processor seconds of all its
    processes, of those that judged, and of the same command once nothing was left to judge.
    """

    digest: str
    judgements: int
    seconds: float
    cpu: float
    judging: float
    begin: float = 0.0

    def __str__(self) -> str:
        return (
            f"digest {self.digest[:12]}, {self.judgements:,} judgements, {self.seconds:.0f} s, "
            f"{self.cpu:.1f} CPU s: {self.judging:.1f} judge, "
            f"{self.begin:.1f} begin and end, {self.handing:.1f} hand out, keep and add up"
        )

    @property
    def handing(self) -> float:
        """Processor seconds of handing out units, keeping and adding up what they found."""
        return self.cpu - self.judging - self.begin


def started(folder: Path, workers: int, options: list[str]) -> subprocess.Popen[bytes]:
    """A campaign in a folder, in a group of processes of its own."""
    command = [sys.executable, "-m", "gruverify", "campaign", *options]
    command += ["--store", "runs.db", "--json", "result.json", "--scheduler", f"local:{workers}"]
    out = (folder / "output").open("wb")
    return subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, start_new_session=True)


def workers_of(client: int) -> list[int]:
    """The processes of a campaign that work on units: children of its own that have children."""
    found = list[int]()
    for pid in _children(client):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"spawn_main" in command:
            found.append(pid)
    return found


def _children(pid: int) -> list[int]:
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def units_in(store: Path) -> int:
    """How many units are kept by now."""
    import sqlite3

    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)
        [(count,)] = connection.execute("SELECT count(*) FROM unit").fetchall()
        connection.close()
        return int(count)
    return 0


def wait_for_units(run: subprocess.Popen[bytes], store: Path, count: int) -> None:
    """Wait until so many units are kept, or the campaign has ended."""
    while run.poll() is None and units_in(store) < count:
        time.sleep(0.1)


def campaign(
    workers: int, options: list[str], *, kill_workers: int = 0, kill_client: bool = False
) -> Figures:
    """Run a campaign to its end; what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder, began, before = Path(name), time.monotonic(), _cpu()
        run = started(folder, workers, options)
        for number in range(kill_workers):
            wait_for_units(run, folder / "runs.db", 1 + 2 * number)
            for pid in workers_of(run.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
        if kill_client:
            wait_for_units(run, folder / "runs.db", 3)
            run.kill()
            run.wait()
            run = started(folder, workers, options)
        code = run.wait()
        _reap()
        said = (folder / "output").read_text(errors="replace")
        assert code in (0, 1, 6), said
        assert "Traceback" not in said, said
        found = json.loads((folder / "result.json").read_text())
        assert found["missing"] == 0, said
        seconds, cpu = time.monotonic() - began, _cpu() - before
        size = (folder / "runs.db").stat().st_size
        whole = Figures(found["digest"], found["judgements"], seconds, cpu, found["timing"]["cpu"])
        if kill_workers or kill_client:
            return whole
        per_million = size / found["judgements"]
        print(f"  store: {size / 1e3:.0f} kB, {per_million:.1f} MB for a million judgements")
        before = _cpu()
        started(folder, workers, options).wait()
        _reap()
        return replace(whole, begin=_cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Wait for all that lost its parent."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def main() -> None:
    """Run them, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=200, help="of each target")
    parser.add_argument("--unit", type=int, default=20)
    parser.add_argument("--only", default="agreement", help="what is checked; all: everything")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--undisturbed", action="store_true", help="kill nothing")
    chosen = parser.parse_args()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    options = [
        *chosen.targets.split(","),
        "--cases",
        str(chosen.cases),
        "--unit",
        str(chosen.unit),
        "--format",
        "f32",
    ]
    options += [] if chosen.only == "all" else ["--only", chosen.only]
    found = dict[str, Figures]()
    for workers in map(int, chosen.workers.split(",")):
        found[f"{workers} workers"] = campaign(workers, options)
        print(f"{workers} workers: {found[f'{workers} workers']}", flush=True)
    if chosen.undisturbed:
        return
    found["a worker killed twice"] = campaign(2, options, kill_workers=2)
    print(f"2 workers, one killed twice: {found['a worker killed twice']}", flush=True)
    found["killed"] = campaign(2, options, kill_client=True)
    print(f"2 workers, the command killed and started again: {found['killed']}", flush=True)
    assert len({figures.digest for figures in found.values()}) == 1, "the digests differ"
    print("one digest")


if __name__ == "__main__":
    main()
