"""gruverify list."""

from __future__ import annotations

import click


@click.command("list")
def command() -> None:
    """List the invariants with their statements and sources, and the targets with whether they can run here."""
    from rich.console import Console

    from gruverify.backends import TARGETS
    from gruverify.invariants import INVARIANTS

    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold]invariants[/]")
    for invariant in INVARIANTS.values():
        console.print(
            f"\n{invariant.id}  [dim]since {invariant.since}, needs {', '.join(invariant.needs) or 'nothing'}[/]"
        )
        console.print(f"  {invariant.statement}", markup=False)
        console.print(f"  source: {invariant.source}", markup=False, style="dim")
    console.print("\n[bold]targets[/]\n")
    for target in TARGETS:
        state = (
            "[green]can run here[/]"
            if target.available
            else f"[yellow]not here:[/] {target.remedy}".replace("[torch]", r"\[torch]")
        )
        console.print(f"{target.name:15} {state}  {target.description}")
    console.print("pkg.module:object  your own: a function step(cell, x, h), an nn.Module, a backend", markup=False)
    console.print("\nnext: [bold]gruverify check numpy[/]")
