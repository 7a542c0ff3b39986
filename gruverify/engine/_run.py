"""A run: format by format, and what they add up to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gruverify.arithmetic import Format
from gruverify.backends import Backend, one_thread
from gruverify.engine._events import (
    FormatFinished,
    Listener,
    RunStarted,
)
from gruverify.engine._format_run import FormatRun, seeded
from gruverify.engine._journal import CpuClock, Journal, Judged
from gruverify.engine._ledger import Ledger
from gruverify.engine._pace import Pace
from gruverify.engine._plan import Plan, formats_of, header_of, require
from gruverify.engine._result import Result


def run(
    backend: Backend,
    plan: Plan,
    target: str,
    listener: Listener,
    stopped: Callable[[], bool] = lambda: False,
    judged: Mapping[str, Judged] | None = None,
) -> Result:
    """Verify a backend as planned. Stopped, by Ctrl-C or because `stopped` says so, it returns what
    there is so far.

    judged: by format, cases that an earlier run of the same judged, which are taken over; where it
    is given, if only empty, the listener is informed of those that are judged now.
    """
    require(plan, backend)
    started, cpu, header = time.monotonic(), CpuClock(), header_of(backend, plan, target)
    ledger, complete = Ledger(target), True
    pace = Pace(None if plan.time_budget is None else started + plan.time_budget, stopped)
    try:
        listener(RunStarted(header))
        # Small matrices gain nothing from more, and processes side by side fight over the cores.
        with one_thread():
            formats = formats_of(plan, backend)
            for number, fmt in enumerate(formats):
                # What a format leaves of its share is there for those after it.
                share = pace.part(1 / (len(formats) - number))
                began, before = time.monotonic(), cpu.seconds
                # Every format meets the target as if it were the only one: what is found in it must
                # not depend on how formats were spread over processes.
                seeded(backend, plan.seed)
                journal = _journal(backend, fmt, listener, judged, cpu)
                FormatRun(backend, fmt, plan, ledger, listener, share, share, journal).run()
                part = replace(
                    ledger.part(fmt, header),
                    seconds=time.monotonic() - began,
                    cpu=cpu.seconds - before,
                )
                listener(FormatFinished(fmt.name, part))
    except KeyboardInterrupt:
        # What there is by now is worth having: it is returned, and `complete` keeps it from
        # conforming.
        complete = False
    finally:
        _close(backend)
    whole = ledger.result(header)
    return replace(whole, complete=complete, seconds=time.monotonic() - started, cpu=cpu.seconds)


def _close(backend: Any) -> None:
    """Close the backend, if it wants that."""
    if callable(getattr(backend, "close", None)):
        backend.close()


def _journal(
    backend: Backend,
    fmt: Format,
    listener: Listener,
    judged: Mapping[str, Judged] | None,
    cpu: CpuClock,
) -> Journal | None:
    """That of a format, where there is to be one. What a seeded target answers depends on all that
    it was asked.
    """
    if judged is None or callable(getattr(backend, "seed", None)):
        return None
    return Journal(fmt.name, judged.get(fmt.name, {}), listener, cpu)
