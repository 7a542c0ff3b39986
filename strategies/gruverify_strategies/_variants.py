"""Which GRU, in which format."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format
from gruverify.cell import BIAS_FORMS, PARTLY_BIASED, VARIANTS, Variant
from gruverify_strategies._validation import Formats, check_formats, check_option


@st.composite
def variants(
    draw: st.DrawFn,
    *,
    reset: str | None = None,
    update: str | None = None,
    bias: bool | None = None,
    biases: str | None = None,
) -> Variant:
    """A `Variant`; what is given is kept, None leaves it open. Shrinks to PyTorch's: reset after,
    keep, both biases.

    bias: whether there are any; biases: which of the two, as `Variant` has them; unless given, both
    or none.

    Raises:
        InvalidArgument: an argument is none of the values that a Variant takes, or `bias`
        contradicts `biases`.
    """
    check_option("reset", reset, None, "after", "before")
    check_option("update", update, None, "keep", "replace")
    check_option("bias", bias, None, True, False)
    check_option("biases", biases, None, *BIAS_FORMS, "merged")
    asked = {
        "reset": reset,
        "update": update,
        "bias": bias,
        "biases": "input" if biases == "merged" else biases,
    }
    fixed = {name: value for name, value in asked.items() if value is not None}
    # Partly biased variants are those of few libraries: they are drawn where they are named.
    if biases is None:
        known = VARIANTS
    else:
        known = VARIANTS + PARTLY_BIASED
    fitting = [v for v in known if all(getattr(v, name) == fixed[name] for name in fixed)]
    if not fitting:
        raise InvalidArgument(f"Cannot have bias={bias!r} with biases={biases!r}")
    return draw(st.sampled_from(fitting))


@st.composite
def formats(draw: st.DrawFn, *, formats: Formats = None) -> Format:
    """A floating-point `Format`, one of `formats` or of all four. Shrinks to the first of
    `formats`, or to float32.

    Raises:
        InvalidArgument: `formats` is empty, or not a sequence of formats.
    """
    return draw(st.sampled_from(check_formats(formats)))
