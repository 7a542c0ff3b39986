"""The same GRU in the conventions of another library: z turned round, biases where it has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.cell._cell import Cell
from gruverify.cell._layouts import Layout
from gruverify.cell._variant import Biases, Update, Variant


@dataclass(frozen=True, eq=False)
class Fitted:
    """A cell that a layout can hold.

    folded: how many recurrent biases that are not 0 were added to the other one; losses (3H,): by
    how much each sum was rounded, at most.
    """

    cell: Cell
    folded: int
    losses: npt.NDArray[np.float64]

    @property
    def rounded(self) -> int:
        """How many of the sums were rounded."""
        return int(np.count_nonzero(self.losses))


def with_update(cell: Cell, update: Update) -> Cell:
    """The same function where z multiplies the other one of old state and candidate: σ(-a) is
    1-σ(a), so what makes up a_z changes its sign, and nothing is rounded.
    """
    if cell.variant.update == update:
        return cell
    H, v = cell.hidden_size, cell.variant
    arrays = dict[str, NDArray]()
    for name, array in cell.packed().items():
        turned = array.copy()
        if v.mask(name)[1]:
            turned[H : 2 * H] = -turned[H : 2 * H]
        arrays[name] = turned
    return Cell(Variant(v.reset, update, biases=v.biases), **arrays)


def fitted(cell: Cell, layout: Layout) -> Fitted:
    """The same function in a variant that the layout has.

    A bias that the layout lacks is added to the other one where that is the same function
    (theory.md 2); what the cell lacks and the layout has is 0.

    Raises:
        ValueError: the layout resets on the other side of the product, or has no place for the
            recurrent bias of the candidate, which the reset gate multiplies.
    """
    # Exact, and so done unasked; the other side of the product is another function (theory.md 2).
    cell = with_update(cell, layout.variants[0].update)
    v = cell.variant
    if v.reset not in {one.reset for one in layout.variants}:
        [other] = {"before", "after"} - {v.reset}
        raise ValueError(
            f"{layout.name} resets {other} the product, and "
            f"this GRU {v.reset} it: no weights of the one compute the other"
        )
    nothing = np.zeros(3 * cell.hidden_size)
    if not v.bias and v in layout.variants:
        return Fitted(cell, 0, nothing)
    lacking = layout.one_bias(Variant(v.reset, v.update))
    zeros = np.zeros(3 * cell.hidden_size, cell.weight_hh.dtype)
    bias_ih = zeros if cell.bias_ih is None else cell.bias_ih
    bias_hh = zeros if cell.bias_hh is None else cell.bias_hh
    # A bias of 0 is nowhere missed: such a cell fits even where the reset gate would multiply it.
    moved = np.repeat(lacking, cell.hidden_size) & (bias_hh != 0)
    if v.reset == "after":
        _require_no_bias_inside(layout, moved, bias_hh)
    # Refused below, by a message of its own, instead of a warning.
    with np.errstate(over="ignore"):
        total = np.where(moved, bias_ih + bias_hh, bias_ih)
    if not np.isfinite(total).all():
        row = int(np.flatnonzero(~np.isfinite(total))[0])
        raise ValueError(
            f"{layout.name} has one bias where this GRU has two, and {bias_ih[row]} + "
            f"{bias_hh[row]}, of row {row}, is more than {cell.format.name} holds: convert it in a "
            "wider format"
        )
    if all(lacking):
        # As the layout has them, so that reading its parameters back gives an equal cell.
        biases: Biases = "input"
    elif any(lacking):
        biases = "input+candidate"
    else:
        biases = "both"
    found = replace(
        cell,
        variant=Variant(v.reset, v.update, biases=biases),
        bias_ih=total,
        bias_hh=np.where(np.repeat(lacking, cell.hidden_size), zeros, bias_hh),
    )
    losses = np.where(moved, _losses(bias_ih, bias_hh, total), nothing)
    return Fitted(found, int(moved.sum()), losses)


def _require_no_bias_inside(layout: Layout, moved: npt.NDArray[np.bool_], bias_hh: NDArray) -> None:
    """Raise ValueError if a bias of the candidate that the reset gate multiplies would be moved
    out of its reach.
    """
    H = len(moved) // 3
    if (units := np.flatnonzero(moved[2 * H :])).size:
        unit = int(units[0])
        raise ValueError(
            f"{layout.name} has no recurrent bias of the candidate (b_hn), and this GRU has: "
            f"bias_hh[{2 * H + unit}] of unit {unit} is {bias_hh[2 * H + unit]}. The reset gate "
            "multiplies it, so that it cannot be added to bias_ih: train without it, or set it to "
            "0"
        )


def _losses(one: NDArray, other: NDArray, total: NDArray) -> npt.NDArray[np.float64]:
    """At most how far sums are off, from the exact sum in two numbers of float64 (Knuth)."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    high = a + b
    # Knuth's TwoSum: high + low is a + b exactly, whichever is larger.
    back = high - a
    low = (a - (high - back)) + (b - back)
    off = np.abs(high - total.astype(np.float64)) + np.abs(low)
    # The addition of both parts rounds once.
    return np.where(off > 0, np.nextafter(off, np.inf), 0.0)
