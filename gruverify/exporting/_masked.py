"""Cases of which members skip steps, or start some from zeros, one layer in one direction; and of
stacks of which members skip steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import Format
from gruverify.cell import Case, Stack, StackCase, Variant, masks_of, stack_masks_of
from gruverify.exporting._cases import Exported, exported_cases
from gruverify.invariants import stack_with_every_mask, with_every_mask

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


def masked_stack_cases(
    fmt: Format, variant: Variant, count: int, **options: Any
) -> Iterator[Exported]:
    """The boundary cases, then `count` drawn ones, of all layers and directions, each with a member
    for every pattern of steps, which it skips in every layer and direction. A skipped step's output
    is the state that was kept.

    options: of `exported_cases`.

    Raises:
        BadDeclaration: as there.
    """
    for one in exported_cases(fmt, variant, count, padded=False, **options):
        # Lengths are masks of another kind, and boundary cases have them.
        if one.case.lengths is None:
            case = stack_with_every_mask(one.case)
            keep = stack_masks_of(case).astype("int8")
            about = f"{one.about}; masks in every layer and direction"
            yield replace(one, name=f"masked-{one.name}", about=about, case=case, keep=keep)
