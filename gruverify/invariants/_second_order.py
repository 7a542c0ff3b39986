"""The Hessian of the loss: what it is, symmetric, linear, and the same in whatever order it is
found.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TypeAlias

import numpy as np

from gruverify.cell import Case, Gradients
from gruverify.invariants.core._blocks import compared
from gruverify.invariants.core._first_step import with_loss_of_first_step
from gruverify.invariants.core._registry import SHORT, Check, invariant
from gruverify.invariants.core._residual import Residual
from gruverify.invariants.core._tangent import turned_tangent
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.core._vectors import agree_within, combined, number, radii, vector


def _times_tangent(way: str) -> Check:
    def check(trial: Trial) -> Iterator[Residual]:
        yield from compared(
            trial.case.cell.variant, getattr(trial.observed, way), trial.exact.hvp, "Hv of "
        )

    return check


for _way, _order in (
    ("sequence_hvp", "forward over reverse"),
    ("sequence_hvp_reverse", "reverse over reverse"),
):
    invariant(
        f"second-order/{_way.removeprefix('sequence_').replace('_', '-')}",
        f"{_way}: the Hessian of the loss times a tangent, {_order}",
        source="theory 8; M68",
        needs=[_way],
        lengths=SHORT,
    )(_times_tangent(_way))


@invariant(
    "second-order/two-ways",
    "sequence_hvp = sequence_hvp_reverse: forward over reverse is reverse over reverse",
    source="theory 11, M68",
    needs=["sequence_hvp", "sequence_hvp_reverse"],
)
def two_ways(trial: Trial) -> Iterator[Residual]:
    variant, observed = trial.case.cell.variant, trial.observed
    one, other = (
        vector(variant, found) for found in (observed.sequence_hvp, observed.sequence_hvp_reverse)
    )
    yield from agree_within(
        "Hv:", one, other, combined(lambda radius: 2 * radius, radii(trial, trial.exact.hvp))
    )


@invariant(
    "second-order/symmetric",
    "∂²L/∂a∂b = ∂²L/∂b∂a between an entry of W_x, one of W_h and one of h_0, for a loss of h_1",
    source="theory 8; 11, M68",
    needs=["sequence_hvp"],
    unless={"state_gradient": False},
)
def symmetric(trial: Trial) -> Iterator[Residual]:
    one = with_loss_of_first_step(trial)
    entries = _entries(one.case)
    rows = {entry: _row_of_hessian(one, entry, entries) for entry in entries}
    for a, b in combinations(entries, 2):
        (name, at), (its_name, its_at) = a, b
        (found, radius), (other, its) = rows[a][b], rows[b][a]
        # Each row of the Hessian is an answer of its own: nothing that is wrong with it cancels.
        yield number(f"∂²L/∂{name}{at}∂{its_name}{its_at}", found, other, radius + its)


#: An entry of the parameters or of the state: the name of the array, and the place in it.
_Entry: TypeAlias = tuple[str, tuple[int, int]]


def _entries(case: Case) -> list[_Entry]:
    """One unit's weights of an input and of a state, and that state: gates and unit change with the
    sizes.
    """
    H, I, B = (case.sizes[letter] for letter in "HIB")
    unit, state = I % H, B % H
    one, other = (H + I) % 3, (H + B) % 3
    return [
        ("weight_ih", (one * H + unit, B % I)),
        ("weight_hh", (other * H + unit, state)),
        ("state", (0, state)),
    ]


def _row_of_hessian(
    one: Trial, entry: _Entry, columns: list[_Entry]
) -> dict[_Entry, tuple[float, float]]:
    """The row of one entry as the backend returns it, at some columns: each number and its
    radius.
    """
    name, at = entry
    zeros = {
        key: None if a is None else np.zeros_like(a)
        for key, a in vars(one.observed.tangent).items()
    }
    along = Gradients(**zeros)  # type: ignore[arg-type]  # None where there is no bias
    # A unit vector: the answer is a row of the Hessian.
    getattr(along, name)[at] = 1
    row = vector(one.case.cell.variant, one.observed.fresh_answer("sequence_hvp", tangent=along))
    radius = radii(one, one.exact.hvp_along(along))
    return {(its, place): (row[its][place], radius[its][place]) for its, place in columns}


@invariant(
    "second-order/homogeneous",
    "H(-v/2) = -Hv/2, for a loss of h_1",
    source="theory 11, M52",
    needs=["sequence_hvp"],
)
def homogeneous(trial: Trial) -> Iterator[Residual]:
    one = with_loss_of_first_step(trial)
    variant = one.case.cell.variant
    turned = turned_tangent(one.observed.tangent)
    answer = one.observed.fresh_answer("sequence_hvp", tangent=turned)
    back = combined(lambda a: -2 * a, vector(variant, answer))
    del turned, answer  # each is as large as all weights
    # Every error made at -v/2 is at most the one made at v.
    allowed = combined(lambda radius: 3 * radius, radii(one, one.exact.hvp))
    yield from agree_within(
        "-2 H(-v/2):", back, vector(variant, one.observed.sequence_hvp), allowed
    )
