"""What is checked on a GRU that declares other activation functions than σ and tanh, or a clip."""

from __future__ import annotations

from gruverify.backends import DIRECTIONAL_METHODS, Declarations
from gruverify.invariants.core._registry import Invariant

#: Families whose statements are those of any functions: they compare with the mathematics, which
#: has the functions that are declared, or an answer with another of the same target.
_OF_ANY = ("contract", "agreement", "sequence", "masks")
#: Statements of another family that hold of any functions: a clip, too, passes a NaN on.
_NAN = ("numerics/nan", "numerics/nan-in-time")
#: A statement of such a family that is about σ and tanh all the same: it compares with gradients
#: that our own backend finds of those.
_OF_USUAL = ("agreement/analytic-gradient",)


def ruled_out_by_functions(invariant: Invariant, declared: Declarations) -> str:
    """Why an invariant is not checked on a GRU with such functions; empty if it is."""
    if not declared.other_functions:
        return ""
    what = f"declared activations={declared.activations!r}"
    if declared.clip is not None:
        what += f", clip={declared.clip:g}"
    if invariant.of_stacks:
        return f"{what}: of stacks σ and tanh alone are modelled"
    of_any = invariant.family in _OF_ANY or invariant.id in _NAN
    if not of_any or invariant.id in _OF_USUAL:
        return f"{what}: it speaks of σ and tanh"
    if any(method in DIRECTIONAL_METHODS for method in invariant.needs):
        return f"{what}: derivatives along a direction are modelled of σ and tanh alone"
    pulled = any(method.endswith("_vjp") for method in invariant.needs)
    if pulled or "step_jacobian" in invariant.needs:
        if declared.clip is not None:
            return f"{what}: at a clip there is no derivative"
        if declared.functions.jump:
            return f"{what}: where a function jumps there is no derivative"
    return ""
