"""gruverify identify TARGET."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import targets
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._options import EXIT_DIED, EXIT_FALSIFIED, EXIT_UNAVAILABLE, Fail
from gruverify.cli._values import FORMATS, MEMORY, PATIENCE

if TYPE_CHECKING:
    from gruverify.arithmetic import Format
    from gruverify.engine import Identity


@click.command("identify")
@click.argument("target", shell_complete=targets)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f32,...",
    help="Formats (default: the most precise it claims).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed, the same cases.",
)
@click.option("--patience", **PATIENCE)
@click.option("--memory", **MEMORY)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON, with the cases that exclude what is excluded.",
)
def command(
    target: str, formats: tuple[Format, ...] | None, seed: int, patience: float, as_json: bool
) -> None:
    """Find out which GRU TARGET is, whatever it declares.

    Every reset side, update sense, gate order and form of the biases is tried on drawn cases,
    against derived bounds. What is left is what it is; what cannot be told apart is said to be so.
    Where nothing is left, the readings are tried again as less accurate than declared: in float32,
    with sums in half, with subnormal numbers flushed to 0. Of gradients it names the term that they
    lack.

    \b
    gruverify identify mypkg.kernels:my_step
    gruverify identify mypkg.layers:MyGRU --format f32 --json

    Exit codes: 0 it is what it declares (or cannot be told from it), 1 it is another GRU than it
    declares, or less accurate, or none, or has the gradients of none, or gave no answer, 2 usage
    error, 3 target unavailable, 4 the target died or hung.
    """  # noqa: D301  # click reads the backspaces
    from gruverify.reporting import console_for, identity_document, print_identity

    found = _identified(target, formats, seed, patience)
    if as_json:
        with whatever_becomes_of_the_console():
            document = identity_document(found)
            text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
            print_json(f"{text}\n")
    else:
        print_identity(console_for(), found)
    sys.exit(
        0 if found.status in ("identified", "ambiguous") and found.as_declared else EXIT_FALSIFIED
    )


def _identified(
    target: str, formats: tuple[Format, ...] | None, seed: int, patience: float
) -> Identity:
    from gruverify.backends import TargetDied, TargetUnavailable, in_subprocess, processes

    context = processes(target)
    from gruverify.engine import identify

    try:
        return in_subprocess(
            context,
            partial(identify, formats=formats, seed=seed),
            target,
            name=target,
            patience=patience,
        )
    except TargetDied as died:
        raise Fail(f"{died} while {target} was called", EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except ValueError as wrong:  # an UnknownTarget is one
        raise Fail(str(wrong)) from None
