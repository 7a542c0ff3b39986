"""gruverify replay FILE."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gruverify.cli._options import EXIT_FALSIFIED, EXIT_UNAVAILABLE, Fail


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", help="Another target than the one the witness was found with.")
def command(file: Path, target: str | None) -> None:
    """Run the case of a witness FILE again.

    Exit codes: 0 the invariant holds now, 1 it is falsified again, 2 the file or target is wrong, 3 target unavailable.
    """
    from rich.console import Console

    from gruverify.backends import TargetUnavailable, UnknownTarget
    from gruverify.engine import BadWitness, assert_holds, load_witness

    console = Console(highlight=False, soft_wrap=True)
    try:
        witness = load_witness(file)
    except BadWitness as wrong:
        raise Fail(str(wrong)) from None
    try:
        assert_holds(witness.invariant, target or witness.target, witness.case)
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except (UnknownTarget, ValueError) as wrong:
        raise Fail(str(wrong)) from None
    except AssertionError as falsified:
        console.print(str(falsified), markup=False)
        console.print("[bold red]falsified[/]")
        console.print("\nThe case, to paste into Python:\n")
        console.print(witness.snippet, markup=False)
        sys.exit(EXIT_FALSIFIED)
    console.print(f"{witness.invariant} [bold green]holds[/] on this case")
