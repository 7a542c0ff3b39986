"""Stacks: layers of cells, in one direction or both."""

from __future__ import annotations

from hypothesis import strategies as st

from gruverify.cell import Cell, Stack
from gruverify_strategies._cells import cells
from gruverify_strategies._codes import shared_by
from gruverify_strategies._sizes import sizes
from gruverify_strategies._validation import Formats, Variants, check_formats, check_option, check_range, check_variants


@st.composite
def stacks(
    draw: st.DrawFn,
    *,
    min_layers: int = 1,
    max_layers: int = 3,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    bidirectional: bool | None = None,
    formats: Formats = None,
    variants: Variants = None,
) -> Stack:
    """A `Stack` of layers, each of one cell or, if bidirectional, of two; all cells as `cells` draws them.

    The first layer's inputs have size I, those of the others H for each direction. `bidirectional=None` draws either.
    Shrinks to one layer in one direction, few units and inputs, then to weights 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `bidirectional`,
            `formats` or `variants` is wrong.
    """
    check_range("layers", min_layers, max_layers)
    check_option("bidirectional", bidirectional, None, True, False)
    format = draw(st.sampled_from(check_formats(formats)))
    variant = draw(st.sampled_from(check_variants(variants)))
    layers = draw(st.integers(min_layers, max_layers))
    directions = 1 + draw(st.booleans() if bidirectional is None else st.just(bidirectional))
    size = draw(sizes(min_H=min_H, max_H=max_H, min_I=min_I, max_I=max_I, max_B=1, max_T=1))

    def layer(I: int) -> st.SearchStrategy[tuple[Cell, ...]]:
        one = cells(min_H=size.H, max_H=size.H, min_I=I, max_I=I, formats=(format,), variants=(variant,))
        return st.tuples(*[one] * directions)

    widths = [size.I] + [directions * size.H] * (layers - 1)
    with shared_by(layers * directions):
        return Stack(tuple(draw(layer(I)) for I in widths))
