"""A campaign of the command line, from what it says first to its exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify._named import JsonObject
from gruverify._visible import visible
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import kept_in, tell, write_aside
from gruverify.cli._interrupt import undisturbed
from gruverify.cli._look import Look
from gruverify.cli._options import EXIT_CODES, EXIT_INTERRUPTED, Fail
from gruverify.cli._report import failures, how_to_read

if TYPE_CHECKING:
    from gruverify.campaigning import Campaign, Cause, Ending, Known, Progress
    from gruverify.engine import Result
    from gruverify.store import KeptCampaign

#: Seconds between two looks whether what failed has a new cause.
_OFTEN = 10.0


@dataclass(frozen=True)
class Output:
    """Where the result goes: JSON, to a file unless it is "-", the folders of the report and of
    the witnesses, and the console.
    """

    json: str | None
    json_file: Path | None
    report: Path | None
    witnesses: Path
    look: Look

    def console(self, *, stderr: bool = False) -> Any:
        """For people: standard error, where JSON goes to standard output."""
        from gruverify.reporting import console_for

        return console_for(stderr=stderr or self.json == "-", color=self.look.color)


@dataclass
class Run:
    """One campaign from its begin to its exit code."""

    asked: JsonObject
    kept: KeptCampaign
    entries: tuple[Known, ...]
    words: tuple[str, ...]
    out: Output
    store: Path
    _told: int = 0
    _began: float = field(default_factory=time.monotonic)
    _next: float = field(default_factory=lambda: time.monotonic() + _OFTEN)

    def __call__(self, campaign: Campaign) -> int:
        """Run it; the exit code."""
        from gruverify.reporting.campaign import CampaignView

        # Progress goes to standard error: the result, perhaps JSON, may go down a pipe.
        console = self.out.console(stderr=True)
        if not self.out.look.silent:
            self._say_what_begins(campaign, console)
        try:
            with CampaignView(console) as view:
                campaign.say = self._listener(campaign, view)
                # Before the first unit: a worker with another version would find something else,
                # and no one would know whose it is.
                campaign.workers.require_same(campaign.tasks())
                ending = campaign.run()
            return self._end(campaign, ending)
        except KeyboardInterrupt:
            raise self._interrupted(campaign) from None

    def _interrupted(self, campaign: Campaign) -> Fail:
        return Fail(
            f"interrupted: {len(campaign.done)} units are in {self.store}; the same command goes "
            "on",
            EXIT_INTERRUPTED,
        )

    def _say_what_begins(self, campaign: Campaign, console: Any) -> None:
        planned = campaign.blocks * sum(len(each.formats) for each in campaign.subjects.values())
        lines = [f"campaign of {planned:,} units of {campaign.size} cases: {self.store}"]
        if self.kept.said:
            lines.append(f"store: {self.kept.said}")
        for target, saved in campaign.saved.items():
            if saved.witnesses:
                count = len(saved.witnesses)
                lines.append(
                    f"database: {count} saved cases of {target}, which its first unit tries"
                )
            lines += saved.left_out
        if dashboard := getattr(campaign.workers, "dashboard", ""):
            lines.append(f"dashboard: {dashboard}")
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)

    def _listener(
        self, campaign: Campaign, view: Callable[[Progress], None]
    ) -> Callable[[Progress], None]:
        def say(progress: Progress) -> None:
            if not self.out.look.silent:
                view(progress)
            # Only where something failed that had not: concluding takes a process of each target.
            places = len(progress.total.first) + len(progress.total.deaths)
            if self.words and places > self._told and time.monotonic() > self._next:
                self._told, self._next = places, time.monotonic() + _OFTEN
                self._tell(self._causes(self._results(campaign, progress.total, ()), campaign))

        return say

    def _results(self, campaign: Campaign, total: Any, missing: Any) -> list[Result]:
        """The result of each target, with what explains it."""
        from gruverify.engine import concluded_apart

        found: list[Result] = []
        for target in campaign.subjects:
            seconds = time.monotonic() - self._began
            result = total.result(target, missing=missing, seconds=seconds)
            found.append(concluded_apart(result, target, campaign.patience))
        return found

    def _causes(self, results: Sequence[Result], campaign: Campaign) -> list[Cause]:
        from gruverify.campaigning import causes_of, marked

        return marked(causes_of(results, campaign.total), self.entries)

    def _tell(self, causes: Sequence[Cause]) -> None:
        """Call the command for what is new."""
        from gruverify.campaigning import News

        if self.words:
            News(self.words, self.kept, self._save, _complain).tell(causes)

    def _save(self, cause: Cause) -> Path | None:
        """Write the witness of a row; the file, None if it has none or it cannot be written."""
        from gruverify.engine import save_witness, witness_file

        if cause.witness is None:
            return None
        path = witness_file(self.out.witnesses, cause.witness)
        try:
            save_witness(cause.witness, path)
        except OSError as refused:
            _complain(f"witness not saved to {path}: {refused.strerror}")
            return None
        return path

    def _end(self, campaign: Campaign, ending: Ending) -> int:
        """Conclude, write, print; the exit code."""
        if ending.how == "interrupted":
            raise self._interrupted(campaign)
        from gruverify.campaigning import stale, verdict_of
        from gruverify.reporting.campaign import campaign_document

        results = self._results(campaign, ending.total, ending.missing)
        causes = self._causes(results, campaign)
        verdict = verdict_of(results, causes)
        with undisturbed():
            saved = {row.cause: path for row in causes if (path := self._save(row)) is not None}
            seen = self.kept.first_seen()
            found = campaign_document(self.asked, verdict, ending, causes, results, seen)
            self.kept.end(verdict, found)
        self._tell(causes)
        if campaign.unwritten:
            _complain(f"--database: some cases were not kept: {campaign.unwritten}")
        for entry in stale(causes, self.entries):
            _complain(f"{entry.place}: {entry.pattern} is stale: nothing failed of that cause")
        self._put_out(found, results, causes, saved, seen)
        return EXIT_CODES[verdict]

    def _put_out(
        self,
        found: JsonObject,
        results: Sequence[Result],
        causes: Sequence[Cause],
        saved: Mapping[str, Path],
        seen: Mapping[tuple[str, str, int], str],
    ) -> None:
        from gruverify.reporting import as_text
        from gruverify.reporting.campaign import first_seen, print_campaign, print_causes
        from gruverify.reporting.targets import outcome_of, print_row

        text = as_text(found)
        outcomes = [outcome_of(document) for document in found["results"]]
        # What cannot be written keeps neither the rest from being written nor the verdict back.
        refused = list[Fail]()
        if self.out.json_file is not None:
            with kept_in(refused):
                write_aside("--json", self.out.json_file, text)
        how = ""
        if self.out.report is not None:
            with kept_in(refused):
                _write_report(found["results"], outcomes, self.out.report)
                how = how_to_read(self.out.report)
        with whatever_becomes_of_the_console():
            console = self.out.console()
            if self.out.json == "-":
                print_json(text)
            if not self.out.look.silent:
                for outcome in outcomes:
                    print_row(console, outcome.row)
                _say_what_was_tried(results, console)
                times = {row.cause: first_seen(row, seen) for row in causes}
                print_causes(console, causes, saved, times)
            print_campaign(console, found)
            if how:
                click.echo(how, err=self.out.json == "-")
        tell(refused)


def _say_what_was_tried(results: Sequence[Result], console: Any) -> None:
    """What became of saved cases, by target."""
    for result in results:
        for line in result.replay_lines:
            console.print(f"{result.header['target']}: {line}", markup=False, soft_wrap=True)


def _complain(line: str) -> None:
    click.echo(visible(line), err=True)


def _write_report(documents: Sequence[JsonObject], outcomes: Sequence[Any], folder: Path) -> None:
    from gruverify.reporting import write_report, write_targets_report

    with failures("--report"):
        if len(documents) == 1:
            write_report(list(documents), folder)
        else:
            write_targets_report(outcomes, folder)
