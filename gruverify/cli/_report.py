"""gruverify report FILE ..."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click

from gruverify.cli._complete import files
from gruverify.cli._options import EXIT_UNAVAILABLE, Fail
from gruverify.cli._values import FOLDER


@click.command("report", short_help="Make pages of results.")
@click.argument("files", metavar="FILE...", shell_complete=files, nargs=-1, required=True)
@click.option(
    "--out",
    "-o",
    type=FOLDER,
    metavar="DIR",
    default=Path("reports/report"),
    show_default=True,
    help="The folder to write; a report that is there is replaced.",
)
def command(files: tuple[str, ...], out: Path) -> None:
    """Make a report of the results in FILE..., as `gruverify check --json` writes them and
    `gruverify campaign --json` too, of reports by their folders, or of runs of a store,
    STORE:NUMBER. Those of many targets become one, with what `gruverify accuracy --json` measured
    of them.

    \b
    index.html    margins, witnesses, gate coverage, where gradients go; or many targets in a table
    junit.xml     for a CI server
    summary.md    for the page of a CI job
    result.json   the result itself; of many targets targets.json, and the results in folders

    The page needs no network: open it from disk, or keep it as an artifact.

    \b
    gruverify check torch --json torch.json
    gruverify report torch.json --out reports/torch
    gruverify report torch.json numpy.json --out reports/both
    gruverify report reports/world-jax reports/world-onnx --out reports/world

    Exit codes: 0 done, 2 a file is not a result or the folder cannot be written, 3 a package is
    missing.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.cli._results import outcomes_named
    from gruverify.reporting import write_report, write_targets_report
    from gruverify.reporting.targets import load_accuracies, merged_outcomes, with_accuracies

    with failures("--out"):
        require(out)
        measured = {file: load_accuracies(Path(file)) for file in files}
        known = [each for each in measured.values() if each is not None]
        results = [file for file in files if measured[file] is None]
        found = list(chain.from_iterable(map(outcomes_named, results)))
        if len(found) == len(files) == 1 and found[0].document is not None:
            write_report([found[0].document], out)
        else:
            outcomes, others = with_accuracies(merged_outcomes(found), known)
            if others:
                raise Fail(f"{others[0]} was measured, and none of the results is of it")
            write_targets_report(outcomes, out)
    click.echo(how_to_read(out))


def require(folder: Path) -> None:
    """Find out before anything is computed that there can be no report."""
    from gruverify.reporting import require_folder, require_packages

    require_packages()
    require_folder(folder)


def how_to_read(folder: Path) -> str:
    """How to read the report in a folder."""
    return f"report: {folder}\nnext: open {folder / 'index.html'}"


@contextmanager
def failures(option: str = "") -> Iterator[None]:
    """What is wrong with a file, or with the folder that an option names, in one line."""
    from gruverify.reporting import BadFolder, BadResult, ReportUnavailable

    try:
        yield
    except ReportUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except BadFolder as refused:
        raise Fail(f"{option} {refused}") from None
    except BadResult as wrong:
        raise Fail(str(wrong)) from None
