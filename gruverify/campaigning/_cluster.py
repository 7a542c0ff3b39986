"""Workers of dask.distributed: processes of this machine, or of whatever a scheduler has."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import queue
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing import current_process
from typing import Any

from gruverify._visible import error_line, visible
from gruverify.backends import (
    TargetDied,
    TargetUnavailable,
    UnknownTarget,
    interrupts_blocked,
)
from gruverify.campaigning._subject import Subject, subject_of
from gruverify.campaigning._unit import Task, Unit, work
from gruverify.campaigning._workers import Done, Failed, NoWorkers, OtherWorker, Report
from gruverify.engine import NOTHING_SAVED
from gruverify.store import KeptUnit

#: Seconds that a scheduler has to answer, and to have a worker.
_ANSWER, _WAIT = 10.0, 30.0
#: So often a unit is handed out that no worker can work on. Dask itself hands it out again where
#: its worker ends, until it has ended some.
_TRIES = 3
#: For processes of this machine: a nanny gives its own configuration to its worker. What they have
#: to say of their own ends is said here in a line of ours. Nobody looks at profiles of them, taken
#: a hundred times a second, or at how soon their event loops answer, fifty times: with both, a
#: worker and this command take a tenth of a processor while a unit is judged.
_SETTINGS = {
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
_INSTALL = "pip install 'gruverify[campaign]'"


def require_dask() -> None:
    """Raise NoWorkers if dask.distributed is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise NoWorkers(f"a campaign needs dask.distributed: {_INSTALL}")


class Cluster:
    """The workers of a scheduler: of the one at an address, or of one made here, with that many
    processes.

    Raises:
        NoWorkers: there is no scheduler at the address, or it has no worker.
    """

    def __init__(self, *, address: str = "", processes: int = 1) -> None:
        require_dask()
        dask, distributed = _imported("dask"), _imported("distributed")
        # Loggers of distributed are there once it is imported, and only then.
        _silence()
        self.address = address
        self._reports: queue.SimpleQueue[tuple[Task, Any]] = queue.SimpleQueue()
        self._futures = dict[Unit, Any]()
        self._tries = Counter[Unit]()
        self._local: Any = None
        self._client: Any = None
        dask.config.set(_SETTINGS)
        try:
            with interrupts_blocked():  # the threads and processes of Dask inherit it
                if not address:
                    self._local = _local(processes)
                self._client = distributed.Client(address or self._local, timeout=_ANSWER)
                self._client.wait_for_workers(1, timeout=_WAIT)
        except (OSError, RuntimeError, ValueError) as refused:  # a TimeoutError is an OSError
            self.close()
            raise NoWorkers(_why_not(address, refused)) from None

    @property
    def dashboard(self) -> str:
        """The address of Dask's dashboard; empty if it has none."""
        if _has_dashboard():
            return str(self._client.dashboard_link)
        return ""

    @property
    def at_once(self) -> int:
        """On how many units they can work at once."""
        threads: dict[str, int] = self._client.nthreads()
        # While all workers are gone for a moment, one unit waits for those that come.
        return max(1, sum(threads.values()))

    def require_same(self, tasks: Iterable[Task]) -> None:
        """See that each worker has the same targets and versions as are here."""
        for task in tasks:
            answers = self._client.run(_difference, task, on_error="return")
            for worker, answer in answers.items():
                if isinstance(answer, BaseException):
                    answer = f"cannot work ({error_line(answer)})"
                if answer:
                    raise OtherWorker(f"worker {worker} {answer}")

    def submit(self, task: Task) -> None:
        """Have a unit worked on."""
        future = self._client.submit(_work, task, pure=False, retries=0)
        # Dask forgets work of which nobody holds the future.
        self._futures[task.unit] = future
        future.add_done_callback(lambda done: self._reports.put((task, done)))

    def reports(self, timeout: float) -> Iterator[Report]:
        """What has come in, after that many seconds at most."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                task, future = self._reports.get(timeout=max(0.0, left))
            except queue.Empty:
                self._require_scheduler()
                return
            if (report := self._report_of(task, future)) is not None:
                yield report

    def _report_of(self, task: Task, future: Any) -> Report | None:
        """What became of a unit; None where it is handed out again."""
        closed: type[Exception] = _imported("distributed.comm.core").CommClosedError
        try:
            found, worker = future.result(timeout=_ANSWER)
        except (closed, TimeoutError):
            return self._tried_again(task, "what it found did not arrive")
        except (OtherWorker, KeyboardInterrupt):
            raise
        except Exception as failed:  # a worker's trouble, whatever it is, is not a finding
            return self._tried_again(task, error_line(failed))
        except BaseException:  # asyncio's CancelledError: nobody waits for it any more
            raise self._gone() from None
        self._futures.pop(task.unit, None)
        return Done(task.unit, found, worker)

    def _tried_again(self, task: Task, why: str) -> Failed | None:
        self._require_scheduler()
        self._tries[task.unit] += 1
        if self._tries[task.unit] >= _TRIES:
            self._futures.pop(task.unit, None)
            return Failed(task.unit, why)
        self.submit(task)
        return None

    def _require_scheduler(self) -> None:
        if self._client.status != "running":
            raise self._gone()

    def _gone(self) -> NoWorkers:
        name = self.address or "of this machine"
        return NoWorkers(
            f"the scheduler {visible(name)} is gone; what was found is kept, and the same command "
            "goes on"
        )

    def close(self) -> None:
        """Leave no process behind, and nothing at a scheduler of others."""
        for closing in (self._client, self._local):
            if closing is not None:
                with suppress(Exception):
                    closing.close(timeout=_ANSWER)


def _local(processes: int) -> Any:
    """A scheduler of this machine, and that many processes as its workers."""
    return _imported("distributed").LocalCluster(
        n_workers=processes,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        dashboard_address=":0",  # there may be another campaign
    )


def _why_not(address: str, refused: Exception) -> str:
    """Why there are no workers, in words."""
    if not address:
        return f"workers cannot be started here: {error_line(refused)}"
    if isinstance(refused, TimeoutError):
        return f"the scheduler {visible(address)} has no worker"
    return f"there is no scheduler at {visible(address)}: {error_line(refused)}"


def _imported(name: str) -> Any:
    """A module of Dask, which is not there where types are checked."""
    return importlib.import_module(name)


def _silence() -> None:
    """What Dask has to say of its own troubles is said here in a line of ours."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # A worker with other versions is refused by name; a table of them would stand before that.
    mismatch: type[Warning] = _imported("distributed.versions").VersionMismatchWarning
    warnings.filterwarnings("ignore", category=mismatch)


def _has_dashboard() -> bool:
    return importlib.util.find_spec("bokeh") is not None


# -- on a worker -----------------------------------------------------------------------------------


def _work(task: Task) -> tuple[KeptUnit, str]:
    """What a unit finds here, and the name of the worker."""
    worker = _imported("distributed").get_worker()
    if difference := _difference(task):
        raise OtherWorker(f"worker {worker.address} {difference}")
    return work(task), str(worker.address)


def _difference(task: Task) -> str:
    """In what this worker differs from where the campaign was begun, in words; empty if in
    nothing.
    """
    # A daemon may have no children, and a unit is judged in one.
    current_process().daemon = False
    try:
        mine = _here(task.unit.target, task)
    except (UnknownTarget, TargetUnavailable, TargetDied) as wrong:
        return f"cannot have {visible(task.unit.target)}: {visible(str(wrong))}"
    differences = list(task.subject.differences(mine))
    if differences:
        return f"has {'; '.join(differences)}"
    return ""


def _here(target: str, task: Task) -> Subject:
    # Saved cases, which only some units have, do not change what a target is.
    asked = target, replace(task.plan, saved=NOTHING_SAVED), task.patience
    wanted = repr((asked, task.subject))  # another campaign may be about other files
    if wanted not in _SEEN:
        _SEEN[wanted] = subject_of(*asked)
    return _SEEN[wanted]


#: The targets as this worker sees them: it looks once for each campaign.
_SEEN: dict[str, Subject] = {}
