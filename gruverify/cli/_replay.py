"""gruverify replay FILE."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import targets
from gruverify.cli._options import (
    EXIT_DIED,
    EXIT_FALSIFIED,
    EXIT_INCONCLUSIVE,
    EXIT_UNAVAILABLE,
    Fail,
)
from gruverify.cli._values import MEMORY, PATIENCE

if TYPE_CHECKING:
    from gruverify.backends import Backend
    from gruverify.engine import Witness


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--target",
    shell_complete=targets,
    help="Another target than the one the witness was found with.",
)
@click.option("--patience", **PATIENCE)
@click.option("--memory", **MEMORY)
def command(file: Path, target: str | None, patience: float) -> None:
    """Run the case of a witness FILE again.

    Exit codes: 0 the invariant holds now, 1 it is falsified again, 2 the file or target is wrong, 3
    target unavailable, 4 the target died or hung, 6 inconclusive: the target does not answer the
    case, or the bound claims nothing of it.
    """
    from rich.console import Console
    from rich.markup import escape

    from gruverify.backends import (
        TargetDied,
        TargetUnavailable,
        UnknownTarget,
        in_subprocess,
        processes,
        require_installed,
    )
    from gruverify.engine import BadWitness, load_witness
    from gruverify.reporting import reproducer

    console = Console(highlight=False, soft_wrap=True)
    try:
        witness = load_witness(file)
    except BadWitness as wrong:
        raise Fail(str(wrong)) from None
    name = target or witness.target
    try:
        require_installed(name)
        why = in_subprocess(processes(name), _asked, witness, name, name=name, patience=patience)
    except TargetDied as died:
        raise Fail(f"{died} under {name}", EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except (UnknownTarget, ValueError) as wrong:
        raise Fail(str(wrong)) from None
    except AssertionError as falsified:
        console.print(str(falsified), markup=False)
        console.print("[bold red]falsified[/]")
        console.print("\nThe case, to paste into Python:\n")
        console.print(reproducer(witness, file), markup=False)
        sys.exit(EXIT_FALSIFIED)
    if why:
        console.print(
            f"{witness.invariant} [bold yellow]inconclusive[/] on this case: {escape(why)}"
        )
        sys.exit(EXIT_INCONCLUSIVE)
    console.print(f"{witness.invariant} [bold green]holds[/] on this case")


def _asked(witness: Witness, target: str) -> str:
    """Why the case shows nothing of a target, empty if it does; raises AssertionError if the
    invariant fails.
    """
    from gruverify.backends import resolve
    from gruverify.engine import NotJudged, assert_holds

    backend = resolve(target)
    try:
        assert_holds(witness.invariant, backend, witness.case)
    except NotJudged as ours:
        return str(ours)
    return _nothing_shown(witness, backend)


def _nothing_shown(witness: Witness, backend: Backend) -> str:
    """Why a case on which nothing failed shows nothing; empty if it does."""
    from gruverify.engine import judge
    from gruverify.invariants import INVARIANTS

    # Asked once more: `assert_holds` says only that nothing failed.
    [judgement] = judge(witness.case, backend, [INVARIANTS[witness.invariant]])
    if judgement.tally.declined:
        return judgement.tally.reason
    if judgement.tally.unclaimed:
        return "nothing is claimed, every bound is as wide as the quantity itself"
    return ""
