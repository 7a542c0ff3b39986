"""gruverify list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gruverify.cli._complete import ids
from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.invariants import Invariant


@click.command("list")
@click.argument("ids", metavar="[ID]...", shell_complete=ids, nargs=-1)
@click.option("--markdown", is_flag=True, help="Print the invariants as a Markdown page.")
def command(ids: tuple[str, ...], markdown: bool) -> None:
    """List what is checked, and which targets can run here.

    With ID, those invariants alone: ids, families, globs, beginnings of ids, as `check --only`
    takes them.

    \b
    gruverify list
    gruverify list agreement/step 'sequence/*'
    gruverify list --markdown masks
    """  # noqa: D301  # click reads the backspaces
    from gruverify.reporting import catalogue_page, console_for, print_catalogue, print_invariants

    if markdown:
        click.echo(catalogue_page(_named(ids)), nl=False)
    elif ids:
        print_invariants(console_for(), _named(ids))
    else:
        print_catalogue(console_for())


def _named(ids: tuple[str, ...]) -> list[Invariant]:
    from gruverify.engine import BadSelection, selection
    from gruverify.invariants import INVARIANTS

    try:
        chosen = selection(only=ids)
    except BadSelection as wrong:
        raise Fail(str(wrong)) from None
    return [invariant for invariant in INVARIANTS.values() if chosen.wants(invariant.id)]
