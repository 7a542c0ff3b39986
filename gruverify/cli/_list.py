"""gruverify list."""

from __future__ import annotations

import click


@click.command("list")
@click.option("--markdown", is_flag=True, help="Print the invariants as a Markdown page.")
def command(markdown: bool) -> None:
    """List the invariants with their statements and sources, and the targets with whether they can run here."""
    if markdown:
        from gruverify.reporting import catalogue_page

        click.echo(catalogue_page(), nl=False)
        return
    from gruverify.reporting import console_for, print_catalogue

    print_catalogue(console_for())
