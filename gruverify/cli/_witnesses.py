"""Witnesses into a folder, for `gruverify replay` to run again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gruverify.engine import Witness


def save_witnesses(witnesses: Iterable[Witness], folder: Path) -> dict[tuple[str, str], Path]:
    """Save each, and say where, by invariant and format. What cannot be written is one line."""
    from gruverify.engine import save_witness, witness_file

    saved: dict[tuple[str, str], Path] = {}
    for witness in witnesses:
        path = witness_file(folder, witness)
        try:
            save_witness(witness, path)
        except OSError as refused:
            click.echo(f"witness not saved to {path}: {refused.strerror}", err=True)
            # A folder that takes one witness no more takes no other: one line is enough.
            break
        saved[witness.invariant, witness.case.format.name] = path
    return saved
