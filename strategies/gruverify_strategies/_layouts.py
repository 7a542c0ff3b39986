"""A cell as the parameters of another library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import NDArray
from gruverify.cell import LAYOUTS, PARTLY_BIASED, VARIANTS, Cell
from gruverify_strategies._cells import cells
from gruverify_strategies._validation import Formats, Variants, check_names, check_variants


@dataclass(frozen=True)
class LaidOut:
    """A cell, and the name of a layout that can hold it.

    Attributes:
        layout: The name of the layout, such as "keras": one of `gruverify.cell.LAYOUTS`.
        cell: The cell, packed as PyTorch packs it.
    """

    layout: str
    cell: Cell

    @property
    def parameters(self) -> dict[str, NDArray]:
        """The cell's parameters as the layout has them."""
        return LAYOUTS[self.layout].parameters(self.cell)


@st.composite
def layouts(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    layouts: Sequence[str] | None = None,
    formats: Formats = None,
    variants: Variants = None,
) -> LaidOut:
    """A `LaidOut`: one of `layouts`, a cell that it can hold, and its parameters.

    They are "pytorch", "keras", "onnx", "flax", "nnx", "equinox", "mlx" and "haiku". Cells are as
    `cells` draws them; recurrent biases that a library has no place for are added to the input's
    biases. Shrinks to the first of `layouts`, or to "pytorch", and as `cells` does.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum,
            `layouts`, `formats` or `variants` is wrong, or no layout has any of the variants.
    """
    asked = check_variants(VARIANTS + PARTLY_BIASED if variants is None else variants)
    named = check_names("layouts", layouts, tuple(LAYOUTS))
    options = {name: [v for v in asked if v in LAYOUTS[name].variants] for name in named}
    possible = [name for name, held in options.items() if held]
    if not possible:
        raise InvalidArgument(
            f"variants={variants!r} must have one that layouts={list(options)!r} can hold"
        )
    layout = draw(st.sampled_from(possible))
    cell = draw(
        cells(
            min_H=min_H,
            max_H=max_H,
            min_I=min_I,
            max_I=max_I,
            formats=formats,
            variants=options[layout],
        )
    )
    # Merged here, and the sum rounded once: cell and parameters are then the same numbers.
    return LaidOut(layout, LAYOUTS[layout].merged(cell))
