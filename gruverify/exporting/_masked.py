"""Cases of which members skip steps, or start some from zeros, one layer in one direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import Format
from gruverify.cell import Case, Stack, StackCase, Variant, masks_of
from gruverify.exporting._cases import Exported, exported_cases
from gruverify.invariants import with_every_mask

#: How many members further on a pattern says which steps start from zeros.
_APART = 3


def masked_cases(
    fmt: Format,
    variant: Variant,
    count: int,
    *,
    masks: bool = True,
    restarts: bool = False,
    **options: Any,
) -> Iterator[Exported]:
    """The boundary cases of one layer in one direction, then `count` drawn ones, each with a member
    for every pattern of steps that are skipped (masks), that start from zeros (restarts), or both.
    A skipped step's output is the state that was kept.

    options: of `exported_cases`.

    Raises:
        BadDeclaration: as there.
    """
    options |= {"min_layers": 1, "max_layers": 1, "bidirectional": False, "padded": False}
    for one in exported_cases(fmt, variant, count, **options):
        stack = one.case.stack
        # Boundary cases are of every shape.
        if stack.layers == stack.directions == 1 and one.case.lengths is None:
            yield _marked(one, {"masks": masks, "restarts": restarts})


def _marked(one: Exported, wanted: dict[str, bool]) -> Exported:
    c = one.case
    cell = c.stack.cells[0][0]
    every = with_every_mask(Case(cell, c.inputs, c.states[0], c.d_outputs, c.d_last[0]))
    # Of int8, which all kinds of files have.
    keep = masks_of(every).astype("int8")
    both = {"masks": ("keep", keep), "restarts": ("restart", np.roll(keep, _APART, axis=1))}
    said = [name for name in both if wanted[name]]
    marks: Keywords = dict(both[name] for name in said)
    case = StackCase(
        Stack(((cell,),)),
        inputs=every.inputs,
        states=every.state[None],
        d_outputs=every.d_outputs,
        d_last=every.d_last[None],
    )
    words = {"masks": "masked", "restarts": "restarted"}
    name = "-".join([*(words[name] for name in said), one.name])
    about = "; ".join([one.about, " and ".join(said)])
    return replace(one, name=name, about=about, case=case, **marks)
