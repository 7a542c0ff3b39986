"""gruverify campaign TARGET."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from gruverify._named import JsonObject
from gruverify._visible import error_line
from gruverify.cli._campaign_run import Output, Run
from gruverify.cli._complete import files, ids, targets
from gruverify.cli._files import writable
from gruverify.cli._look import Look, look_options
from gruverify.cli._mistakes import targets_mistakes
from gruverify.cli._options import (
    EXIT_UNAVAILABLE,
    Fail,
)
from gruverify.cli._report import failures, require
from gruverify.cli._values import FOLDER, FORMATS, MEMORY, PATIENCE, Parsed, number_within

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.campaigning import Known, Subject
    from gruverify.engine import Corpus, Plan
    from gruverify.store import KeptCampaign


@dataclass(frozen=True)
class _Scheduler:
    """The address of one, or how many processes of this machine are workers."""

    address: str = ""
    processes: int = 1


def _scheduler(text: str) -> _Scheduler:
    place, _, number = text.partition(":")
    # "local:" without a number is a mistake, and not `local`.
    if place == "local" and not number and text == "local":
        return _Scheduler(processes=os.cpu_count() or 1)
    if place == "local" and number.isdecimal() and int(number) > 0:
        return _Scheduler(processes=int(number))
    if place in ("tcp", "tls") and number.startswith("//") and len(number) > 2:
        return _Scheduler(address=text)
    raise ValueError(text)


_SCHEDULER = Parsed(_scheduler, "must be local, local:N with N processes, or tcp://HOST:PORT")

_HELP = """Verify TARGETs on many workers, for as long as you like.

The cases of each target and format are divided into units. A unit is a function of its number only:
what a campaign finds does not depend on how many workers there are, which of them end, or how often
it is started again. Each finished unit is kept in the store at once, and the same command goes on
where it was ended. What failed is shown by its cause, one row each.

\b
gruverify campaign mypkg.kernels:MyGRU --cases 100000 --store nights.db
gruverify campaign torch mypkg:GRU --cases 1000000 --hours 8 --store nights.db \\
    --scheduler tcp://head:8786 --known known.txt --on-new 'notify {}'

It needs dask.distributed: pip install 'gruverify[campaign]'. docs/campaign.md has the rest.

Exit codes: 0 conforms, or all that failed is known, 1 falsified, 2 usage error, 3 a target, Dask or
the workers cannot be had, 4 a target died or hung, 6 inconclusive (time was up, or too little was
claimed), 130 interrupted. Of several targets: the first of 130, 4, 1, 6, 0.
"""


@click.command("campaign", help=_HELP, short_help="Verify on many workers, for hours.")
@click.argument("targets", metavar="TARGET...", shell_complete=targets, nargs=-1, required=True)
@click.option(
    "--cases",
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    help="Cases of each target and format.",
)
@click.option(
    "--store",
    metavar="FILE",
    shell_complete=files,
    required=True,
    help="The SQLite file that keeps the units.",
)
@click.option(
    "--scheduler",
    type=_SCHEDULER,
    metavar="local[:N]|tcp://HOST:PORT",
    default="local",
    show_default=True,
    help="Whose workers: local or local:N, processes of this machine, or Dask's at tcp://HOST:PORT.",
)
@click.option(
    "--hours",
    type=number_within("a number of hours above 0", lambda value: value > 0),
    metavar="H",
    help="Begin no further unit after H hours.",
)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f32,...",
    help="Formats: f16, bf16, f32, f64 (default: all).",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all units."
)
@click.option(
    "--unit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Cases of a unit.",
)
@click.option("--max-size", type=click.IntRange(min=1), help="No case with a larger size.")
@click.option(
    "--guided/--no-guided",
    default=True,
    show_default=True,
    help="Aim units at rare gates and sizes, and ascend from close cases; or draw all at random.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    shell_complete=ids,
    help="Check only these, as check does.",
)
@click.option("--skip", multiple=True, metavar="ID", shell_complete=ids, help="Do not check these.")
@click.option(
    "--database",
    metavar="DIR|FILE.db|redis://HOST",
    shell_complete=files,
    help="Keep failing and close cases in this Hypothesis database, and try those in it first.",
)
@click.option(
    "--known",
    metavar="FILE",
    shell_complete=files,
    help="Causes of failures that are known, one per line.",
)
@click.option(
    "--on-new",
    metavar="COMMAND",
    help="Call this for each new cause; {} stands for the file of its witness. No shell reads it.",
)
@click.option("--patience", **PATIENCE)
@click.option("--memory", **MEMORY)
@look_options
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the result as JSON; - is standard output.",
)
@click.option(
    "--report",
    type=FOLDER,
    metavar="DIR",
    help="Write a page, JUnit XML and a summary there, too.",
)
@click.option(
    "--witnesses",
    type=FOLDER,
    metavar="DIR",
    default=Path("reports/witnesses"),
    show_default=True,
    help="Where the smallest falsifying case of each cause is saved.",
)
def command(
    targets: tuple[str, ...],
    cases: int,
    store: str,
    scheduler: _Scheduler,
    hours: float | None,
    formats: tuple[Format, ...] | None,
    seed: int,
    unit: int,
    max_size: int | None,
    guided: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    database: str | None,
    known: str | None,
    on_new: str | None,
    patience: float,
    look: Look,
    json_path: str | None,
    report: Path | None,
    witnesses: Path,
) -> None:
    """Verify targets on many workers, as the options say."""
    from gruverify.campaigning import NoWorkers, require_dask
    from gruverify.engine import Plan

    try:
        # Before anything of the target is imported, which may take minutes.
        require_dask()
    except NoWorkers as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    out = _output(json_path, store, report, witnesses, look)
    entries, words, corpus = _entries(known), _words(on_new), _corpus(database)
    plan = Plan(formats=formats, seed=seed, max_cases=cases, max_size=max_size)
    plan = replace(plan, selection=_selection(only, skip))
    with targets_mistakes():
        subjects = _subjects(tuple(dict.fromkeys(targets)), plan, patience)
    asked = {
        "targets": list(subjects),
        "formats": {name: subject.header["formats"] for name, subject in subjects.items()},
        "cases": cases,
        "unit": min(unit, cases),
        "seed": seed,
        "max_size": max_size,
        "selection": plan.selection.values(),
        "guided": guided,
    }
    with _stored(store):
        kept = _kept_campaign(store, asked, subjects)
        run = Run(asked, kept, entries, words, out, Path(store))
        with _workers(scheduler) as workers:
            from gruverify.campaigning import Campaign

            about = subjects, plan, cases, min(unit, cases), guided, workers, kept, patience
            # The corpus is read here, for the first time.
            with _read(database):
                campaign = Campaign(*about, hours, corpus)
            sys.exit(run(campaign))


# -- what is given ---------------------------------------------------------------------------------


def _output(
    json_path: str | None, store: str, report: Path | None, witnesses: Path, look: Look
) -> Output:
    if json_path and Path(json_path).resolve() == Path(store).resolve():
        raise Fail(f"--store {store}: is --json, too; name another file")
    out = Output(json_path, writable("--json", json_path), report, witnesses, look)
    if report is not None:
        with failures("--report"):
            require(report)
    return out


def _selection(only: tuple[str, ...], skip: tuple[str, ...]) -> Any:
    from gruverify.engine import BadSelection, selection

    try:
        return selection(only=only, skip=skip)
    except BadSelection as wrong:
        raise Fail(str(wrong)) from None


def _entries(known: str | None) -> tuple[Known, ...]:
    from gruverify.campaigning import BadKnown, known_causes

    if known is None:
        return ()
    try:
        return known_causes(known)
    except BadKnown as wrong:
        raise Fail(f"--known {wrong}") from None


def _corpus(database: str | None) -> Corpus | None:
    from gruverify.campaigning import BadDatabase, database_at
    from gruverify.engine import Corpus

    if database is None:
        return None
    if not database:
        raise Fail("--database '': name a folder, a store or a Redis server")
    try:
        return Corpus(database_at(database))
    except BadDatabase as wrong:
        raise Fail(f"--database {database}: {wrong}", EXIT_UNAVAILABLE) from None


@contextmanager
def _read(database: str | None) -> Iterator[None]:
    """What a database refuses, in a line."""
    try:
        yield
    except Exception as refused:  # of whatever database it is
        line = f"--database {database}: cannot be read: {error_line(refused)}"
        raise Fail(line, EXIT_UNAVAILABLE) from None


def _words(on_new: str | None) -> tuple[str, ...]:
    from gruverify.campaigning import BadCommand, command_of

    if on_new is None:
        return ()
    try:
        return command_of(on_new)
    except BadCommand as wrong:
        raise Fail(f"--on-new {wrong}") from None


def _subjects(targets: Sequence[str], plan: Plan, patience: float) -> dict[str, Subject]:
    from gruverify.backends import require_installed
    from gruverify.campaigning import subject_of

    found: dict[str, Subject] = {}
    for target in targets:
        require_installed(target)
        # In a process of its own: this one has to outlive whatever targets do.
        found[target] = subject_of(target, plan, patience)
    return found


def _kept_campaign(store: str, asked: JsonObject, subjects: Mapping[str, Subject]) -> KeptCampaign:
    """The campaign in the store: begun now, or gone on with."""
    from gruverify.store import File, KeptCampaign

    if store in ("", "-"):
        raise Fail(f"--store {store!r}: name a file")
    file = cast(Path, writable("--store", store))
    if file.exists() and not file.is_file():  # a device or a pipe might never answer
        raise Fail(f"--store {store}: is not a regular file")
    # What is asked tells campaigns apart; what targets are must be the same to go on with one.
    about = {
        name: {
            **{key: subject.header[key] for key in ("backend", "methods", "declarations")},
            "variants": subject.header["variants"],
            "versions": subject.header["versions"],
            "sources": dict(subject.sources),
        }
        for name, subject in subjects.items()
    }
    return KeptCampaign(File(file, writable=True), asked, about)


@contextmanager
def _stored(store: str) -> Iterator[None]:
    """What is wrong with the store, in a line."""
    from gruverify.store import BadStore

    try:
        yield
    except BadStore as refused:
        raise Fail(f"--store {store}: {refused}") from None


@contextmanager
def _workers(scheduler: _Scheduler) -> Iterator[Any]:
    """The workers of a scheduler. That there are none, or others, is reported in one line."""
    from gruverify.campaigning import Cluster, NoWorkers, OtherWorker

    try:
        cluster = Cluster(address=scheduler.address, processes=scheduler.processes)
        try:
            yield cluster
        finally:
            cluster.close()
    except (NoWorkers, OtherWorker) as refused:
        raise Fail(str(refused), EXIT_UNAVAILABLE) from None
