"""Controls: cases in which resetting before the recurrent product and after it must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Cell, Reset
from gruverify_strategies._cases import cases
from gruverify_strategies._validation import Formats, Variants, check_names, limits


@dataclass(frozen=True)
class Control:
    """A case that two variants must agree on, and why.

    `case` and its `twin` have, up to rounding, the same outputs and the same gradients of inputs
    and state; those of parameters may differ. why: a name of those that `controls` draws.
    """

    why: str
    case: Case

    @property
    def twin(self) -> Case:
        """The same case with the reset on the other side of the recurrent product."""
        cell = self.case.cell
        if cell.variant.reset == "after":
            other: Reset = "before"
        else:
            other = "after"
        return replace(self.case, cell=replace(cell, variant=replace(cell.variant, reset=other)))


def _without_recurrent_bias(cell: Cell) -> Cell:
    """b_hc is 0: the only bias that a reset may reach."""
    if cell.bias_hh is None:
        return cell
    return replace(cell, bias_hh=_with_block(cell.bias_hh, 2, 0))


def _diagonal(cell: Cell) -> Cell:
    W_hc = cell.weight_hh[2 * cell.hidden_size :]
    # By `where`, which keeps the format; a product with np.eye would be float64.
    diagonal = np.where(np.eye(len(W_hc), dtype=bool), W_hc, W_hc.dtype.type(0))
    return _without_recurrent_bias(
        replace(cell, weight_hh=_with_block(cell.weight_hh, 2, diagonal))
    )


def _equal_resets(cell: Cell) -> Cell:
    # Equal rows of weights and biases make equal gates at every step, whatever x and h are.
    rows = {name: _with_block(array, 0, array[0]) for name, array in cell.packed().items()}
    return _without_recurrent_bias(Cell(cell.variant, **rows))


def _with_block(array: NDArray, gate: int, block: npt.ArrayLike) -> NDArray:
    """A copy in which a gate's block, or each row of it, is `block`."""
    H, array = len(array) // 3, array.copy()
    array[gate * H : (gate + 1) * H] = block
    return array


@dataclass(frozen=True)
class _Reason:
    """What is done to a drawn cell, and the regimes that it is drawn in."""

    change: Callable[[Cell], Cell]
    regimes: tuple[str, ...] | None = None


_REASONS = {
    "one-unit": _Reason(_without_recurrent_bias),
    "diagonal": _Reason(_diagonal),
    "reset-open": _Reason(lambda cell: cell, ("reset-open",)),
    "equal-resets": _Reason(_equal_resets),
    "reset-shut": _Reason(_without_recurrent_bias, ("reset-shut",)),
}


@st.composite
def controls(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_T: int = 1,
    max_T: int | None = None,
    formats: Formats = None,
    variants: Variants = None,
    reasons: Sequence[str] | None = None,
) -> Control:
    """A `Control`: a case as `cases` draws it, changed so that reset before and reset after must
    agree on it.

    reasons: names of those to choose from (theory.md 2, last lines). "one-unit": H = 1 (which the
        bounds need not allow); "diagonal": the candidate's recurrent matrix is; "reset-open": r is
        1; "equal-resets": the reset gates of all units are equal; "reset-shut": r is 0. In all but
        "reset-open" the candidate's recurrent bias is 0.

    Shrinks to the first of `reasons`, or to "one-unit", and as `cases` does.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or
            `formats`, `variants` or `reasons` is wrong.
    """
    limits(H=(min_H, max_H))
    why = draw(st.sampled_from(check_names("reasons", reasons, tuple(_REASONS))))
    if why == "one-unit":
        min_H = max_H = 1
    case = draw(
        cases(
            min_H=min_H,
            max_H=max_H,
            min_I=min_I,
            max_I=max_I,
            min_B=min_B,
            max_B=max_B,
            min_T=min_T,
            max_T=max_T,
            formats=formats,
            variants=variants,
            regimes=_REASONS[why].regimes,
        )
    )
    return Control(why, _changed(case, why))


def _changed(case: Case, why: str) -> Case:
    changed = replace(case, cell=_REASONS[why].change(case.cell))
    if why == "equal-resets":
        # Labels must be true of the cell that is handed out: it has the first unit's reset gate
        # throughout.
        return replace(changed, regimes=_reset_as_the_first(case.regimes))
    return changed


def _reset_as_the_first(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of units whose reset gates are placed where that of the first is."""
    reset = [part for part in labels[0].split() if part.startswith("r=")]
    return tuple(
        " ".join([*reset, *(part for part in label.split() if not part.startswith("r="))])
        for label in labels
    )
