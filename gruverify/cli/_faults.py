"""gruverify faults."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import files
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._options import EXIT_FALSIFIED, EXIT_INTERRUPTED, EXIT_UNAVAILABLE, Fail

if TYPE_CHECKING:
    from gruverify.engine import Plan
    from gruverify.matrix import Matrix


@click.command(
    "faults", short_help="Put a bank of wrong GRUs to the invariants: why believe a pass?"
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="This fault or rewrite alone; may be given several times.",
)
@click.option("--list", "listed", is_flag=True, help="List the bank and do nothing.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="How much is tried.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed, the same cases.",
)
@click.option(
    "--max-cases",
    type=click.IntRange(min=1),
    help="Cases per format, instead of the profile's.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Cases of each format for the matrix, judged by all invariants in turns; a fault is "
    "looked for in all cases.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes (default: one per core).")
@click.option(
    "--json", "json_path", metavar="PATH", shell_complete=files, help="Write the matrix as JSON."
)
@click.option(
    "--markdown",
    "markdown_path",
    metavar="PATH",
    shell_complete=files,
    help="Write it as a Markdown page.",
)
@click.option(
    "--html",
    "html_path",
    metavar="PATH",
    shell_complete=files,
    help="Write it as a heat map in one HTML file.",
)
def command(
    only: tuple[str, ...],
    listed: bool,
    profile: str,
    seed: int,
    max_cases: int | None,
    columns: int,
    jobs: int | None,
    json_path: str | None,
    markdown_path: str | None,
    html_path: str | None,
) -> None:
    """Run a bank of wrong GRUs against the invariants: which are caught, how soon, and by what.

    Each fault is a GRU that is wrong in one way, many as reported of released implementations; each
    is tried with reset after and before the recurrent product, in float32 and float64. Besides them
    stand right GRUs that are written otherwise, tried in all formats, which must not fail. Any of
    them can be checked by itself:

    \b
    gruverify faults
    gruverify faults --only swapped-reset-and-update --only jacobian-transposed
    gruverify faults --json faults.json --html faults.html
    gruverify check gruverify.faults:swapped-reset-and-update

    Exit codes: 0 every fault was caught and no rewrite, 1 otherwise, 2 usage error, 3 Jinja2 is
    missing, 130 interrupted: the entries that were done are written.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.engine import Plan
    from gruverify.reporting import console_for
    from gruverify.reporting.matrix import print_bank, print_matrix

    if listed:
        print_bank(console_for())
        return
    if html_path is not None:
        # Before the matrix, which takes minutes.
        _require_templates()
    files = _writable({"--json": json_path, "--markdown": markdown_path, "--html": html_path})
    plan = Plan(profile=profile, seed=seed, max_cases=max_cases)
    matrix = _run(only, plan, columns, jobs or os.cpu_count() or 1)
    refused = _write(matrix, files)
    # After the files: a console may be closed.
    print_matrix(console_for(), matrix)
    tell(refused)
    if not matrix.complete:
        click.echo(f"interrupted after {len(matrix.fates)} entries", err=True)
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(EXIT_FALSIFIED if matrix.survivors or matrix.false_alarms else 0)


def _writable(wanted: dict[str, str | None]) -> dict[str, Path]:
    """The files that are asked for, each by its option."""
    files = dict[str, Path]()
    for option, path in wanted.items():
        file = writable(option, path)
        if file is not None:
            files[option] = file
    return files


def _write(matrix: Matrix, files: dict[str, Path]) -> list[Fail]:
    """Write every file; what could not be written is reported after all that could."""
    from gruverify.reporting.matrix import matrix_document, matrix_html, matrix_page

    renderings = {"--json": matrix_document, "--markdown": matrix_page, "--html": matrix_html}
    refused = list[Fail]()
    for option, file in files.items():
        with kept_in(refused):
            write_aside(option, file, renderings[option](matrix))
    return refused


def _run(only: tuple[str, ...], plan: Plan, columns: int, jobs: int) -> Matrix:
    from gruverify.matrix import entries, kill_matrix
    from gruverify.reporting import console_for
    from gruverify.reporting.matrix import MatrixProgress

    try:
        wanted = entries(only)
    except ValueError as wrong:
        raise Fail(str(wrong)) from None
    if not wanted:
        raise Fail(
            f"--only {' '.join(only)}: needs torch, which is not installed: pip install "
            "'gruverify[torch]'"
        )
    with MatrixProgress(console_for(), len(wanted)) as progress:
        return kill_matrix(wanted, plan, jobs, progress, columns)


def _require_templates() -> None:
    from gruverify.reporting import ReportUnavailable, needed

    try:
        needed("jinja2")
    except ReportUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
