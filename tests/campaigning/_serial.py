"""Workers that are none: units are worked on in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gruverify.arithmetic import float32
from gruverify.campaigning import Campaign, Done, Failed, Subject, Task, Unit, subject_of, work
from gruverify.engine import Plan, selection
from gruverify.store import File, KeptCampaign, KeptUnit

ONLY = ("agreement/step", "agreement/outputs", "contract/shape-step")
PLAN = Plan(formats=(float32,), seed=3, max_cases=12, selection=selection(only=ONLY))
WRONG = "gruverify.faults:inverted-update-gate"


def subjects(*targets: str) -> dict[str, Subject]:
    """What the targets are here."""
    return {target: subject_of(target, PLAN, 60.0) for target in targets}


class Serial:
    """A `Workers` in this process. `known` has what units found, so that none is worked on twice;
    `fails` the blocks that nobody can work on; `stop_after` units Ctrl-C comes.
    """

    def __init__(
        self,
        known: dict[Unit, KeptUnit] | None = None,
        *,
        fails: tuple[int, ...] = (),
        stop_after: int | None = None,
        backwards: bool = False,
    ) -> None:
        self.known = {} if known is None else known
        self.worked = list[Unit]()
        self.at_once = 3
        self._fails, self._stop_after, self._backwards = fails, stop_after, backwards
        self._waiting = list[Task]()

    def require_same(self, tasks: Iterable[Task]) -> None:
        """They are the same."""

    def submit(self, task: Task) -> None:
        """Work on it when it is asked for."""
        self._waiting.append(task)

    def reports(self, timeout: float) -> Iterator[Done | Failed]:
        """One report, of the first or the last that waits."""
        if self._stop_after is not None and len(self.worked) >= self._stop_after:
            raise KeyboardInterrupt
        task = self._waiting.pop(-1 if self._backwards else 0)
        unit = task.unit
        if unit.block in self._fails:
            yield Failed(unit, "nobody can")
            return
        if unit not in self.known:
            self.known[unit] = work(task)
        self.worked.append(unit)
        yield Done(unit, self.known[unit], "here")


def kept(folder: Path, name: str = "runs.db") -> KeptCampaign:
    """A campaign in a store of a folder."""
    return KeptCampaign(File(folder / name, writable=True), {"cases": 12}, {"numpy": {}})


def campaign(
    workers: Serial, kept: KeptCampaign, subjects: dict[str, Subject], *, guided: bool = False
) -> Campaign:
    """A campaign of 12 cases a target, in units of 3."""
    return Campaign(subjects, PLAN, 12, 3, guided, workers, kept, 60.0)
