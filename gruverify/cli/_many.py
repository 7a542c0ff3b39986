"""gruverify check TARGET TARGET...: each target in a process of its own, and one account of all."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gruverify._visible import visible
from gruverify.cli._check_model import names_a_model
from gruverify.cli._configured import environment_without, options_but
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._interrupt import undisturbed
from gruverify.cli._look import Look
from gruverify.cli._member import Member
from gruverify.cli._options import EXIT_DIED, EXIT_INTERRUPTED, Fail, worst_exit
from gruverify.cli._report import failures, how_to_read

if TYPE_CHECKING:
    from rich.console import Console

    from gruverify.reporting.targets import Outcome

#: Seconds between two looks at the processes.
_TICK = 0.1
#: Parameters that are about the run of all, and not about the check of one.
_OF_THE_RUN = (
    *("targets", "json_path", "events", "report", "jobs", "verbose", "quiet", "color"),
    *("list_only", "keep_going"),
)
#: So many processes, unless it is said.
_MOST = 4


@dataclass(frozen=True)
class Together:
    """What is said of the run of all targets: how many processes there are at once, where the
    account goes as JSON and as a report, and how much is printed.
    """

    jobs: int | None
    json: str | None
    report: Path | None
    look: Look

    @property
    def console(self) -> Console:
        """For people: standard error, where JSON goes to standard output."""
        from gruverify.reporting import console_for

        return console_for(stderr=self.json == "-", color=self.look.color)


def require_many(events: str | None, update_xfails: str | None) -> None:
    """Raise Fail if an option is about one target."""
    if events is not None:
        raise Fail("--events is about one target: leave it out, or name one target")
    if update_xfails is not None and not (update_xfails and Path(update_xfails).is_dir()):
        raise Fail(
            f"--update-xfails {update_xfails}: with several targets, name a folder that is there: "
            "it gets a file for each"
        )


def check_each(targets: Sequence[str], to: Together) -> int:
    """Check every target, write and print; the exit code."""
    file = writable("--json", to.json)
    jobs = to.jobs or min(os.cpu_count() or 1, _MOST)
    at_once = min(jobs, len(targets))
    # What members print goes to files, and is shown in colours of the run of all.
    options = [*options_but(_OF_THE_RUN), "--color=never"]
    console = to.console
    if not to.look.silent:
        console.print(f"{len(targets)} targets, {at_once} at once\n")

    def show(outcome: Outcome, member: Member) -> None:
        from gruverify.reporting.targets import print_row

        if to.look.verbose:
            click.echo(member.output, err=to.json == "-")
        if not to.look.silent:
            print_row(console, outcome.row)

    with (
        tempfile.TemporaryDirectory(prefix="gruverify-") as folder,
        _watched(console, to.look) as say,
    ):
        # GRUVERIFY_CHECK_REPORT would have every member write the one report of all.
        environment = environment_without(_OF_THE_RUN)
        environment.pop("GITHUB_ACTIONS", None)  # what failed is marked by the run of all
        # So many processes in all, not that many for each of the targets.
        start = Start(options, environment, Path(folder), jobs=max(1, jobs // at_once))
        outcomes = Crew(start, at_once, show, say).check(targets)
    _put_out(outcomes, to, file)
    return worst_exit(outcome.row.exit or 0 for outcome in outcomes)


def _watched(console: Console, look: Look) -> AbstractContextManager[Callable[[str], None]]:
    """On a terminal, a line that says what is going on."""
    if look.silent or not console.is_terminal:
        return nullcontext(lambda _: None)
    return _Status(console)


class _Status:
    def __init__(self, console: Console) -> None:
        self._status = console.status("")

    def __enter__(self) -> Callable[[str], None]:
        from rich.markup import escape

        self._status.start()
        return lambda text: self._status.update(escape(text))

    def __exit__(self, *_: object) -> None:
        self._status.stop()


@dataclass(frozen=True)
class Start:
    """How a check is started: its options and environment, where its files go, and how many
    processes it may have, which is nothing to a model in a runtime.
    """

    options: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    jobs: int = 1

    def __call__(self, target: str, number: int) -> Member:
        """Start one."""
        options = [*self.options]
        if not names_a_model(target):
            options.append(f"--jobs={self.jobs}")
        return Member(target, options, self.environment, self.folder / str(number))


@dataclass
class Crew:
    """The checks at work, up to `at_once` of them. Each outcome is shown as it comes, with what its
    process printed; interrupted, the crew keeps what there is.
    """

    start: Start
    at_once: int
    show: Callable[[Outcome, Member], None]
    say: Callable[[str], Any]
    at_work: list[Member] = field(default_factory=list)
    found: dict[str, Outcome] = field(default_factory=dict)
    interrupted: bool = False

    def check(self, targets: Sequence[str]) -> list[Outcome]:
        """What came of each target, in their order."""
        # The number names a member's folder: names of targets may be no names of files.
        waiting = list(enumerate(targets))
        try:
            while waiting or self.at_work:
                try:
                    self._fill(waiting)
                    self._tend()
                    # Looked at now and then, and not waited for: a member may hang in any state.
                    time.sleep(_TICK)
                except KeyboardInterrupt:
                    self.interrupted = True
                    for member in self.at_work:
                        member.interrupt()
        finally:
            for member in self.at_work:
                member.kill()
        return [self.found[target] for target in targets]

    def _fill(self, waiting: list[tuple[int, str]]) -> None:
        """Begin with those that wait, as there is room; none of them once it is interrupted."""
        from gruverify.reporting.targets import unasked

        while waiting and self.interrupted:
            _, target = waiting.pop(0)
            self.found[target] = unasked(
                target, "interrupted", "the run was interrupted", exit=EXIT_INTERRUPTED
            )
        while waiting and len(self.at_work) < self.at_once:
            number, target = waiting[0]
            try:
                self.at_work.append(self.start(target, number))
            # A NUL in a target is a ValueError of the system's call.
            except (OSError, ValueError) as refused:
                reason = f"its process cannot be started: {refused}"
                self.found[target] = unasked(target, "died", reason, exit=EXIT_DIED)
            waiting.pop(0)
            self._say_what_is_going_on()

    def _tend(self) -> None:
        """Take what is done, and see to the limits of the others."""
        from gruverify.backends import limits

        for member in [*self.at_work]:
            if member.ended:
                outcome = member.outcome()
                self.found[member.target] = outcome
                self.at_work.remove(member)
                with suppress(OSError):
                    self.show(outcome, member)
                self._say_what_is_going_on()
            else:
                member.tend(limits().memory)

    def _say_what_is_going_on(self) -> None:
        names = ", ".join(visible(member.target) for member in self.at_work)
        self.say(f"{len(self.found)} done; at work: {names}")


def _put_out(outcomes: list[Outcome], to: Together, file: Path | None) -> None:
    """Write every file and then print, so that nothing is lost with a console."""
    from gruverify.reporting import as_text, marked
    from gruverify.reporting.targets import print_rows, rows_in_words, targets_document

    rows = [outcome.row for outcome in outcomes]
    text = as_text(targets_document(rows))
    refused, how = list[Fail](), ""
    with undisturbed():
        if to.report is not None:
            with kept_in(refused):
                _write_report(outcomes, to.report)
                how = how_to_read(to.report)
        if file is not None:
            with kept_in(refused):
                write_aside("--json", file, text)
    with whatever_becomes_of_the_console():
        console = to.console
        if to.json == "-":
            print_json(text)
        if not to.look.silent:
            console.print()
            print_rows(console, rows)
            console.print()
        console.print(rows_in_words(rows), soft_wrap=True, markup=False)
        for row in rows:
            if annotation := marked(row.target, row.verdict, row.said):
                click.echo(annotation, err=True)
        if how:
            click.echo(how, err=to.json == "-")
    tell(refused)


def _write_report(outcomes: list[Outcome], folder: Path) -> None:
    from gruverify.reporting import write_targets_report

    with failures("--report"):
        write_targets_report(outcomes, folder)
