"""gruverify accuracy TARGET..."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import files, targets
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import exit_code_of, kept_in, tell, writable, write_aside
from gruverify.cli._options import EXIT_DIED, EXIT_UNAVAILABLE, Fail
from gruverify.cli._plots import picture, plotted
from gruverify.cli._values import FOLDER, FORMATS, PATIENCE
from gruverify.cli._witnesses import save_witnesses

if TYPE_CHECKING:
    from gruverify.accuracy import Accuracy
    from gruverify.arithmetic import Format


@click.command("accuracy")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", shell_complete=targets)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f32,...",
    help="Formats: f16, bf16, f32, f64 (default: all).",
)
@click.option(
    "--cases",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Drawn cases per format, on which steps, Jacobians and gradients are measured.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws those cases."
)
@click.option("--patience", **PATIENCE)
@click.option(
    "--witnesses",
    type=FOLDER,
    metavar="DIR",
    help="Save there the cases with the largest errors of steps, Jacobians and gradients.",
)
@click.option(
    "--plot",
    metavar="FILE",
    shell_complete=files,
    help="Draw the errors of σ and tanh (.png, .svg, .pdf).",
)
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the figures as JSON; - is standard output.",
)
def command(
    targets: tuple[str, ...],
    formats: tuple[Format, ...] | None,
    cases: int,
    seed: int,
    patience: float,
    witnesses: Path | None,
    plot: str | None,
    json_path: str | None,
) -> None:
    """Measure how accurate a GRU is: its σ, its tanh, its steps, Jacobians and gradients.

    σ and tanh are shown by steps of cells with one gate shut: at every number of a 16-bit format,
    at 65,000 of a wide one. Errors are in units in the last place (ulp) of the exact value; "1
    from" says where a gate is first 1 and "0 to" where it is last 0. Answers are those to cases as
    `gruverify check` draws them; their errors are in units of roundoff, and shown by regime, too.
    They, and the functions of float64, are held against Arb enclosures of what is true, which need
    the extra gruverify[arb]. `gruverify replay` runs the cases that --witnesses saves.

    \b
    gruverify accuracy numpy torch --format f32
    gruverify accuracy mypkg.kernels:MyGRU --plot mine.svg

    Exit codes: 0 measured, 2 usage error, or a file cannot be written, 3 target unavailable or
    a package missing, 4 the target died or hung.
    """  # noqa: D301  # click reads the backspaces
    json_file, plot_file = writable("--json", json_path), picture(plot)
    found: list[Accuracy] = []
    failed = list[Fail]()
    for target in dict.fromkeys(targets):
        try:
            found += _measured(target, formats, cases, seed, patience)
        except Fail as failure:
            failed.append(failure)
    if witnesses is not None:
        every = (errors.worst_case for one in found for errors in one.answers.values())
        save_witnesses(filter(None, every), witnesses, failed)
    # What was measured of the others is worth as much without it.
    if found or not failed:
        failed += _put_out(found, json_path, json_file, plot_file)
    tell(failed)
    sys.exit(exit_code_of(failed))


def _measured(
    target: str, formats: tuple[Format, ...] | None, cases: int, seed: int, patience: float
) -> list[Accuracy]:
    """In a process of its own, which a target may end."""
    from gruverify.backends import (
        TargetDied,
        TargetUnavailable,
        in_subprocess,
        processes,
        require_installed,
    )
    from gruverify.reporting import console_for

    try:
        require_installed(target)
        with console_for(stderr=True).status(f"measuring {target}"):
            asked = target, formats, cases, seed
            return in_subprocess(processes(target), _answer, *asked, name=target, patience=patience)
    except TargetDied as died:
        raise Fail(f"{target}: {died}", EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except ValueError as wrong:  # an UnknownTarget is one
        raise Fail(str(wrong)) from None


def _answer(
    target: str, formats: tuple[Format, ...] | None, cases: int, seed: int
) -> list[Accuracy]:
    from gruverify.accuracy import accuracy

    return accuracy(target, formats, cases=cases, seed=seed)


def _put_out(
    found: list[Accuracy], json_path: str | None, json_file: Path | None, plot_file: Path | None
) -> list[Fail]:
    """Write every file, then print; what could not be written."""
    from gruverify.reporting import accuracy_document, console_for, print_accuracies

    text = json.dumps(accuracy_document(found), indent=1, ensure_ascii=False) + "\n"
    refused = list[Fail]()
    if json_file is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    if plot_file is not None:
        from gruverify.reporting import plot_accuracies

        with kept_in(refused):
            plotted(plot_file, partial(plot_accuracies, found))
    with whatever_becomes_of_the_console():
        if json_path == "-":
            print_json(text)
        else:
            print_accuracies(console_for(), found)
    return refused
