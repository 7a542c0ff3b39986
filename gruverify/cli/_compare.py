"""gruverify compare OLD NEW, and gruverify compare STORE."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gruverify.cli._complete import files
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import exit_code_of, kept_in, tell, writable, write_aside
from gruverify.cli._options import EXIT_INCONCLUSIVE, EXIT_WORSE, Fail
from gruverify.cli._results import is_store, open_store, result_named
from gruverify.cli._values import number_within

if TYPE_CHECKING:
    from gruverify.reporting.compare import Comparison, Threshold, Trigger

_FACTOR = number_within("a number above 1", lambda value: 1 < value < float("inf"))
_MARGIN = number_within("a margin of at least 0", lambda value: 0 <= value < float("inf"))


@click.command(
    "compare", short_help="Show what got worse between two results; list the runs of a store."
)
@click.argument("old", metavar="OLD|STORE", shell_complete=files)
@click.argument("new", metavar="[NEW]", shell_complete=files, required=False)
@click.option(
    "--fail-on",
    "triggers",
    type=click.Choice(["worse-margin", "new-failure"]),
    multiple=True,
    help="Exit with 1 if there is one; may be given twice.",
)
@click.option(
    "--worse-by",
    type=_FACTOR,
    default="2",
    show_default=True,
    metavar="FACTOR",
    help="A margin is worse if it rose to FACTOR times what it was: 2 is one bit of accuracy.",
)
@click.option(
    "--worse-above",
    type=_MARGIN,
    metavar="MARGIN",
    help="And if it is above MARGIN now (default: 1/FACTOR; 0 counts every such rise).",
)
@click.option("--verbose", "-v", is_flag=True, help="List every change.")
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the comparison as JSON; - is standard output.",
)
@click.option(
    "--markdown",
    "markdown_path",
    metavar="PATH",
    shell_complete=files,
    help="Write it as Markdown, for the page of a CI job; - is standard output.",
)
def command(
    old: str,
    new: str | None,
    triggers: tuple[Trigger, ...],
    worse_by: float,
    worse_above: float | None,
    verbose: bool,
    json_path: str | None,
    markdown_path: str | None,
) -> None:
    """Show what changed from the result OLD to the result NEW, or list the runs of a STORE.

    \b
    gruverify check mypkg.kernels:MyGRU --json new.json
    gruverify compare old.json new.json --fail-on new-failure --fail-on worse-margin

    \b
    gruverify check mypkg.kernels:MyGRU --store runs.db
    gruverify compare runs.db               its runs: verdict, cases, margins, gates, CPU time
    gruverify compare runs.db:3 runs.db:-1  its third run, and its newest

    A result is a file that `gruverify check --json` wrote, or a run of a store, STORE:NUMBER.

    Compared are the largest margins (error / bound) of each invariant in each format. A margin is
    worse if it rose to at least FACTOR times what it was and is above 1/FACTOR now, so that the
    same rise once more would pass the bound; or if it passed the bound, 1. Runs with the same seed,
    profile and declarations draw the same cases, so that margins tell of the target alone. Where
    they do not, margins differ by chance too, and it is said.

    A new failure is what is falsified, or raises, in NEW, and neither was nor was expected to be in
    OLD; or a target that dies. What its xfails file expects is not one. A failure is gone only if
    the invariant passes now: what NEW leaves open, such as blocked, nothing claimed or not asked,
    is listed as no longer judged.

    \b
    Exit codes:
      0  done, and there is nothing of --fail-on (without it: whatever changed)
      1  there is something of --fail-on
      2  a file is not a result or store, or, without --fail-on, cannot be written
      3  a package is missing
      6  nothing of --fail-on, but NEW leaves open what OLD judged, or has no verdict
    """  # noqa: D301  # click reads the backspaces
    from gruverify.reporting.compare import Threshold

    if new is None:
        return _list(old)
    threshold = Threshold(worse_by, worse_above)
    triggers = tuple(dict.fromkeys(triggers))
    sys.exit(_compare(old, new, threshold, triggers, json_path, markdown_path, verbose))


def _compare(
    old: str,
    new: str,
    threshold: Threshold,
    triggers: tuple[Trigger, ...],
    json_path: str | None,
    markdown_path: str | None,
    verbose: bool,
) -> int:
    """Compare, write and print; the exit code."""
    from gruverify.reporting.compare import compared

    if json_path == markdown_path == "-":
        raise Fail(
            "--json - and --markdown - both ask for standard output: name a file for one of them"
        )
    json_file, markdown_file = writable("--json", json_path), writable("--markdown", markdown_path)
    # Before either is read: writing over OLD would make the comparison unrepeatable.
    _keep_apart(
        {"OLD": Path(old), "NEW": Path(new), "--json": json_file, "--markdown": markdown_file}
    )
    found = compared(result_named(old), result_named(new), threshold)
    outputs = _Outputs(json_path, json_file, markdown_path, markdown_file)
    refused = _put_out(found, triggers, outputs, verbose)
    with whatever_becomes_of_the_console():
        _tell_why(found, triggers)
    tell(refused)
    # Without --fail-on nobody asked for a verdict: whatever changed, it was shown.
    if not triggers:
        return exit_code_of(refused)
    return _exit_code(found, triggers)


def _list(name: str) -> None:
    """The runs of a store; any option is about two results."""
    from gruverify.reporting import console_for, print_runs
    from gruverify.store import BadStore, campaigns_of, runs_of

    context = click.get_current_context()
    options = [p for p in context.command.params if isinstance(p, click.Option)]
    given = [
        p.opts[0]
        for p in options
        if context.get_parameter_source(str(p.name)) is ParameterSource.COMMANDLINE
    ]
    store = Path(name)
    if given:
        raise Fail(f"{given[0]} is about two results: name both, such as {name}:1 {name}:2")
    if store.exists() and not is_store(store):
        raise Fail(
            f"{name} is not a store, and a result is compared with another one: gruverify compare "
            "OLD NEW"
        )
    try:
        file = open_store(store)
        runs, campaigns = runs_of(file), campaigns_of(file)
    except BadStore as refused:
        raise Fail(f"{store} {refused}") from None
    with whatever_becomes_of_the_console():
        if runs:
            print_runs(console_for(), runs)
        for campaign in campaigns:
            click.echo(str(campaign))
        if not runs and not campaigns:
            click.echo(f"{store} has no runs")


@dataclass(frozen=True)
class _Outputs:
    """Where the comparison goes: JSON and Markdown, each to a file or, as "-", to standard output;
    else text.
    """

    json: str | None
    json_file: Path | None
    markdown: str | None
    markdown_file: Path | None


def _keep_apart(files: dict[str, Path | None]) -> None:
    """Refuse to write a file over one that is compared, or over the other output. OLD and NEW may
    be the same.
    """
    named = [(name, file) for name, file in files.items() if file is not None]
    for i, (name, file) in enumerate(named):
        for other, taken in named[:i]:
            # Only what is written can spoil anything.
            if name.startswith("--") and file.resolve() == taken.resolve():
                raise Fail(f"{name} {file}: is {other}, too; name another file")


def _put_out(
    found: Comparison, triggers: tuple[Trigger, ...], to: _Outputs, in_full: bool
) -> list[Fail]:
    """Write the files first, so that nothing is lost with a console; what could not be written."""
    from gruverify.reporting import console_for
    from gruverify.reporting.compare import (
        comparison_document,
        comparison_markdown,
        comparison_text,
        print_comparison,
    )

    as_json = comparison_text(comparison_document(found, triggers))
    as_markdown = comparison_markdown(found)
    refused = list[Fail]()
    if to.json_file is not None:
        with kept_in(refused):
            write_aside("--json", to.json_file, as_json)
    if to.markdown_file is not None:
        with kept_in(refused):
            write_aside("--markdown", to.markdown_file, as_markdown)
    quiet = "-" in (to.json, to.markdown)
    with whatever_becomes_of_the_console():
        if to.json == "-":
            print_json(as_json)
        elif quiet:
            click.echo(as_markdown, nl=False)
        else:
            print_comparison(console_for(), found, in_full=in_full)
    return refused


def _tell_why(found: Comparison, triggers: tuple[Trigger, ...]) -> None:
    """Why the exit code is not 0."""
    for trigger in triggers:
        for reason in found.reasons(trigger):
            click.echo(f"--fail-on {trigger}: {reason}", err=True)
    if triggers and not _fires(found, triggers):
        for gap in found.gaps:
            click.echo(f"inconclusive: {gap}", err=True)


def _fires(found: Comparison, triggers: tuple[Trigger, ...]) -> bool:
    return any(found.reasons(trigger) for trigger in triggers)


def _exit_code(found: Comparison, triggers: tuple[Trigger, ...]) -> int:
    if _fires(found, triggers):
        return EXIT_WORSE
    if found.gaps:
        return EXIT_INCONCLUSIVE
    return 0
