"""A live line per format while a run goes on; nothing where there is no terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from gruverify.engine import CaseJudged, Compiling, Event, FormatFinished, FormatStarted, Shrinking


class LiveProgress:
    """Listens to a run and shows how far it is."""

    def __init__(self, console: Console) -> None:
        columns: tuple[ProgressColumn, ...] = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        columns = (*columns, TextColumn("{task.fields[note]}"))
        # What the target prints meanwhile appears above the bars, unless standard error goes
        # elsewhere.
        above = sys.stderr.isatty()
        self._progress = Progress(*columns, console=console, transient=True, redirect_stderr=above)
        self._tasks: dict[str, TaskID] = {}
        #: By format, which invariant failed last: formats run side by side.
        self._notes: dict[str, str] = {}
        self._shown = console.is_terminal

    def __enter__(self) -> LiveProgress:
        if self._shown:
            self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._shown:
            self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case FormatStarted(fmt, cases):
                self._tasks[fmt] = self._progress.add_task(fmt, total=cases, note="")
            case CaseJudged(fmt, number, falsified):
                if falsified:
                    self._notes[fmt] = f"falsified: {falsified[0]}"
                self._update(fmt, completed=number, note=self._notes.get(fmt, ""))
            case Compiling(fmt, sizes):
                self._update(fmt, note=f"compiling for {sizes}")
            case Shrinking(fmt, invariant):
                self._update(fmt, note=f"shrinking {invariant}")
            case FormatFinished(fmt):
                self._update(fmt, note="done")
            case _:
                pass

    def _update(self, fmt: str, **changes: object) -> None:
        self._progress.update(self._tasks[fmt], **changes)  # type: ignore[arg-type]  # fields of our own columns
