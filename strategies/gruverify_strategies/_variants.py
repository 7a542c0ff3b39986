"""Which GRU, in which format."""

from __future__ import annotations

from hypothesis import strategies as st

from gruverify.arithmetic import Format
from gruverify.cell import VARIANTS, Variant
from gruverify_strategies._validation import Formats, check_formats, check_option


@st.composite
def variants(
    draw: st.DrawFn, *, reset: str | None = None, update: str | None = None, bias: bool | None = None
) -> Variant:
    """A `Variant`; what is given is kept, None leaves it open. Shrinks to PyTorch's: reset after, keep, biases.

    Raises:
        InvalidArgument: `reset`, `update` or `bias` is none of the values that a Variant takes.
    """
    check_option("reset", reset, None, "after", "before")
    check_option("update", update, None, "keep", "replace")
    check_option("bias", bias, None, True, False)
    asked = {"reset": reset, "update": update, "bias": bias}
    fixed = {name: value for name, value in asked.items() if value is not None}
    return draw(st.sampled_from([v for v in VARIANTS if fixed.items() <= vars(v).items()]))


@st.composite
def formats(draw: st.DrawFn, *, formats: Formats = None) -> Format:
    """A floating-point `Format`, one of `formats` or of all four. Shrinks to the first of `formats`, or to float32.

    Raises:
        InvalidArgument: `formats` is empty, or not a sequence of formats.
    """
    return draw(st.sampled_from(check_formats(formats)))
