"""A campaign on a terminal."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from gruverify._named import JsonObject
from gruverify.coverage import SIZES
from gruverify.reporting.compare._words import visible

if TYPE_CHECKING:
    from gruverify.campaigning import Cause, Progress

#: Seconds between two lines where there is no terminal.
_SELDOM = 30.0
_VERDICTS = {"conforms": "bold green", "falsified": "bold red", "died": "bold red"}
#: How many targets of a row are named.
_NAMED = 3


class CampaignView:
    """What is going on: a line that changes on a terminal, elsewhere one every half a minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._began = time.monotonic()
        self._told = self._began

    def __enter__(self) -> CampaignView:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if self._status is not None:
            self._status.update(escape("\n".join([_line(progress), *_workers(progress)])))
        # Redirected output is read later, as a log: a line for each unit would bury what matters.
        elif now > self._told + _SELDOM:
            self._told = now
            self._console.print(_line(progress), markup=False, soft_wrap=True)


def _line(progress: Progress) -> str:
    total = progress.total
    gates, sizes = _covered(progress)
    count = len(progress.workers)
    workers = "1 worker" if count == 1 else f"{count} workers"
    return (
        f"{progress.done} of {progress.planned} units, {total.cases:,} cases, "
        f"{total.judgements:,} judgements, {total.failures:,} failures, gates {gates:.1f} %, "
        f"sizes {sizes:.1f} %, {total.cpu:,.0f} CPU s, {workers}"
    )


def _covered(progress: Progress) -> tuple[float, float]:
    """The least share of the gates, and of the sizes, over targets and formats."""
    found = [
        (of.percent(), of.share(SIZES))
        for result in progress.total.results.values()
        for of in result.coverage.values()
    ]
    # A unit that died at its first case counted nothing.
    gates = min((gates for gates, _ in found), default=0.0)
    return gates, min((sizes for _, sizes in found), default=0.0)


def _workers(progress: Progress) -> list[str]:
    """A line for each worker."""
    return [
        f"  {worker}: {units} units, {cpu:,.1f} CPU s"
        for worker, (units, cpu) in sorted(progress.workers.items())
    ]


def print_causes(
    console: Console, causes: Sequence[Cause], saved: Mapping[str, Path], seen: Mapping[str, str]
) -> None:
    """A row for each cause. saved: the file of its witness, and seen: when it was first, by
    cause.
    """
    for row in causes:
        colour, said = "bold red", ""
        if row.known is not None:
            colour, said = "dim", f" (known: {row.known})"
        console.print(f"\n[{colour}]{escape(visible(row.cause))}[/]{escape(said)}", soft_wrap=True)
        targets = list(dict.fromkeys(target for target, _, _ in row.places))
        formats = list(dict.fromkeys(fmt for _, _, fmt in row.places))
        more = f" and {len(targets) - _NAMED} more" if len(targets) > _NAMED else ""
        target, fmt, block = row.first_unit
        lines = [
            f"failures: {row.cases:,}, of invariants: {len({id for _, id, _ in row.places})}, in "
            f"{', '.join(formats)}",
            f"targets: {', '.join(targets[:_NAMED])}{more}",
            f"first: {target} {fmt} unit {block}, {seen.get(row.cause, '')}",
        ]
        if row.cause in saved:
            lines.append(f"replay: gruverify replay {shlex.quote(str(saved[row.cause]))}")
        for line in lines:
            console.print(f"  {visible(line)}", markup=False, soft_wrap=True)


def print_campaign(console: Console, document: JsonObject) -> None:
    """The verdict of a campaign, what it comes to, and its digest."""
    verdict, causes = document["verdict"], document["causes"]
    new = sum(row["known"] is None for row in causes)
    said = "nothing failed"
    if causes:
        said = f"{len(causes)} {'cause' if len(causes) == 1 else 'causes'} of failures, {new} new"
    colour = _VERDICTS.get(verdict, "bold yellow")
    console.print(
        f"\n[{colour}]campaign: {verdict}[/] ({said}; {document['cases']:,} cases, "
        f"{document['judgements']:,} judgements, {document['timing']['cpu']:,.0f} CPU s)",
        soft_wrap=True,
    )
    for each in document["failed"]:
        line = f"unit {' '.join(map(str, each['unit']))} could not be worked on: {each['why']}"
        console.print(visible(line), markup=False, soft_wrap=True)
    if document["missing"]:
        console.print(f"{document['missing']} units are missing: {document['ending']}")
    console.print(f"digest: {document['digest']}")
