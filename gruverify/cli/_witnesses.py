"""Witnesses into a folder, for `gruverify replay` to run again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gruverify.cli._options import Fail

if TYPE_CHECKING:
    from gruverify.engine import Witness


def save_witnesses(
    witnesses: Iterable[Witness], folder: Path, refused: list[Fail]
) -> dict[tuple[str, str], Path]:
    """Save each; where, by invariant and format. What cannot be written is one line of those that
    are told at the end.
    """
    from gruverify.engine import save_witness, witness_file

    saved: dict[tuple[str, str], Path] = {}
    for witness in witnesses:
        path = witness_file(folder, witness)
        try:
            save_witness(witness, path)
        except OSError as why:
            refused.append(Fail(f"witness not saved to {path}: {why.strerror}"))
            # A folder that takes one witness no more takes no other: one line is enough.
            break
        saved[witness.invariant, witness.case.format.name] = path
    return saved
