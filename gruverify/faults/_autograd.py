"""Faults that autograd is led into: tensors that are detached, overwritten, or differentiated by a
wrong rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gruverify.arithmetic import Array, Format, float32, float64, sigmoid
from gruverify.backends import Backend, torch_formulas
from gruverify.cell import Parameters, Variant
from gruverify.faults._fault import RIGHT, Build, Kind, fault
from gruverify.faults._faulty import AFTER, BIASED
from gruverify.faults._stepping import Lines, StepOf, candidate, update

_FORMATS: tuple[Format, ...] = (float32, float64)


def _of_autograd(
    kind: Kind, mathematics: str, *, touches: str, thread: str = ""
) -> Callable[[Build], Build]:
    return fault(kind, mathematics, touches=touches, thread=thread, needs="torch")


def _tensors(
    step: StepOf | None = None,
    *,
    variants: Sequence[Variant] | None = None,
    **lines: Callable[..., Array],
) -> Backend:
    if variants is None:
        options = {}
    else:
        options = {"variants": variants}
    return torch_formulas(step or Lines(**lines), formats=_FORMATS, **options)


# -- detached --------------------------------------------------------------------------------------


@_of_autograd("gradient", "∂h/∂a_r = 0", touches="JAC dθ dx dh0")
def reset_gate_detached() -> Backend:
    """The reset gate is a constant to autograd."""
    return _tensors(candidate=lambda v, p, x, h, r: candidate(v, p, x, h, r.detach()))


@_of_autograd("gradient", "∂h/∂a_z = 0", touches="JAC dθ dx dh0")
def update_gate_detached() -> Backend:
    """The update gate is a constant to autograd."""
    return _tensors(σ_z=lambda a: a.sigmoid().detach())


@_of_autograd("gradient", "J = 0", touches="JAC dθ dx dh0", thread="FluxML/Flux.jl#2185")
def state_detached_at_every_step() -> Backend:
    """Carried state that autograd does not follow: no gradient crosses a step."""
    right = Lines()
    # Values are right and so are the gradients of a single step's weights: it takes two steps, or
    # J.
    return _tensors(lambda v, p, x, h: right(v, p, x, h.detach()))


@_of_autograd("gradient", "J = D(keep) + the gates' part", touches="JAC dθ dx dh0")
def state_detached_in_the_candidate() -> Backend:
    """The recurrent product of the candidate does not pass gradients to the state."""
    return _tensors(candidate=lambda v, p, x, h, r: candidate(v, p, x, h.detach(), r))


@_of_autograd("gradient", "dL/dW_hz = 0", touches="dθ", thread="facebookresearch/higher#27")
def weights_read_through_data() -> Backend:
    """A block of weights read in a way that autograd does not see."""
    return _tensors(update=lambda p, x, h: update(replace(p, W_hz=p.W_hz.detach()), x, h))


@_of_autograd("gradient", "dL/db_hc = α_c for r∘α_c", touches="dθ")
def recurrent_bias_gradient_not_reset() -> Backend:
    """The bias takes its gradient past the reset gate."""

    def past(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        fixed = replace(p, b_hc=p.b_hc.detach())
        # 0 in value, 1 in derivative: the bias enters once, and its gradient misses the factor r.
        return candidate(v, fixed, x, h, r) + (p.b_hc - p.b_hc.detach())

    return _tensors(candidate=past, variants=[v for v in BIASED if v in AFTER])


# -- differentiated literally ----------------------------------------------------------------------


@_of_autograd(
    "saturated",
    "σ'(a) by the quotient rule of 1/(1 + e⁻ᵃ)",
    touches="NAN dθ dx dh0",
    thread="tracel-ai/burn#1139",
)
def sigmoid_differentiated_literally() -> Backend:
    """Finite values, and 0·∞ in the gradient of a shut gate."""

    def literal(a: Array) -> Array:
        return 1 / (1 + (-a).exp())

    return _tensors(σ_r=literal, σ_z=literal)


@_of_autograd(
    "saturated", "both branches of a case distinction differentiated", touches="NAN dθ dx dh0"
)
def both_branches_differentiated() -> Backend:
    """A safe σ whose unsafe branch is not chosen, and differentiated all the same."""

    def either(a: Array) -> Array:
        e = a.exp()
        # Beyond ±88.7 in float32 the branch that is not chosen meets ∞, and its cotangent 0 makes
        # 0·∞ = NaN.
        return (1 / (1 + (-a).exp())).where(a > 0, e / (1 + e))

    return _tensors(σ_z=either)


@_of_autograd("saturated", "σ'(a) = 0 for |a| > 16", touches="dθ dx dh0")
def slope_lost_by_a_clamp() -> Backend:
    """Pre-activations clamped: beyond the clamp there is no gradient."""
    return _tensors(σ_z=lambda a: a.clamp(-16, 16).sigmoid())


# -- rules of our own ------------------------------------------------------------------------------


def _with_rule(
    forward: Callable[[Array], Array], backward: Callable[[Array, Array, Array], Array]
) -> Callable[[Array], Array]:
    """An autograd.Function of one argument: `backward` is given the cotangent, the argument and the
    value.
    """
    import torch

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Array) -> Array:
            value = forward(a)
            ctx.save_for_backward(a, value)
            return value

        @staticmethod
        def backward(ctx: Any, *cotangents: Array) -> Array:
            return backward(cotangents[0], *ctx.saved_tensors)

    apply: Callable[[Array], Array] = Rule.apply
    return apply


@_of_autograd("gradient", "∂c/∂a_c = 1 - a_c²", touches="JAC dθ dx dh0")
def rule_of_tanh_at_its_argument() -> Backend:
    """A backward rule that saved the wrong tensor."""
    return _tensors(tanh=_with_rule(lambda a: a.tanh(), lambda g, a, c: g * (1 - a * a)))


@_of_autograd("gradient", "∂z/∂a_z = 1", touches="JAC dθ dx dh0")
def straight_through_gate() -> Backend:
    """A straight-through estimator, left on a gate that is not discrete."""
    return _tensors(σ_z=_with_rule(lambda a: a.sigmoid(), lambda g, a, z: g))


@_of_autograd("gradient", "∂r/∂a_r = 1/4", touches="JAC dθ dx dh0")
def rule_of_sigmoid_at_zero() -> Backend:
    """The slope of σ where it is largest, everywhere."""
    return _tensors(σ_r=_with_rule(lambda a: a.sigmoid(), lambda g, a, r: g / 4))


@_of_autograd("gradient", "clip(g, -1/2, 1/2)", touches="JAC dθ dx dh0")
def gradient_clipped_by_a_hook() -> Backend:
    """A rule that clips what passes, meant for one layer and left in the cell."""
    return _tensors(
        tanh=_with_rule(lambda a: a.tanh(), lambda g, a, c: g.clamp(-0.5, 0.5) * (1 - c * c))
    )


@_of_autograd("sequence", "∂c_t/∂a_c at c_T", touches="dθ dx dh0", thread="ooples/AiDotNet#1455")
def rule_that_saves_in_one_buffer() -> Backend:
    """The backward rule reads what the last call of its forward saved."""
    saved: dict[tuple[int, ...], Array] = {}

    def forward(a: Array) -> Array:
        # One buffer for each shape, so that a batch of another size does not crash instead.
        saved[a.shape] = a.tanh()
        return saved[a.shape].clone()

    return _tensors(tanh=_with_rule(forward, lambda g, a, c: g * (1 - saved[a.shape] ** 2)))


@_of_autograd(
    "gradient",
    "r := r/2 in place, after it was saved",
    touches="dθ dx dh0",
    thread="pytorch/rl#1742",
)
def gate_overwritten_in_place() -> Backend:
    """A tensor that the backward pass needs is written to: autograd refuses."""

    def overwritten(v: Variant, p: Parameters, x: Array, h: Array, r: Array) -> Array:
        used = candidate(v, p, x, h, r)
        # After `candidate` saved r for the product rule: its version counter no longer fits.
        r.mul_(0.5)
        return used

    return _tensors(candidate=overwritten)


@_of_autograd("gradient", "σ in float16, rest in the format", touches="FWD JAC dθ dx dh0")
def gates_under_autocast() -> Backend:
    """Mixed precision that reached the gates."""

    def narrow(a: Array) -> Array:
        return sigmoid(a.half()).to(a.dtype)

    return _tensors(σ_r=narrow, σ_z=narrow)


# -- right -----------------------------------------------------------------------------------------


@fault(
    "gradient",
    "h = zero + z∘(one - zero), differentiated by autograd",
    touches="",
    needs="torch",
    into=RIGHT,
)
def interpolation_over_tensors() -> Backend:
    """What fused cells compute, with the derivatives that autograd finds."""

    def lerp(v: Variant, z: Array, h: Array, c: Array) -> Array:
        if v.update == "keep":
            one, zero = h, c
        else:
            one, zero = c, h
        return zero + z * (one - zero)

    return _tensors(blend=lerp)


@fault(
    "gradient",
    "tanh a = 2σ(2a) - 1, differentiated by autograd",
    touches="",
    needs="torch",
    into=RIGHT,
)
def tanh_by_sigmoid_over_tensors() -> Backend:
    """One function for both activations, under autograd."""
    made: Any = _tensors(tanh=lambda a: 2 * (2 * a).sigmoid() - 1)
    # 2σ(2a) - 1 cancels near 0: its error is relative to 1 there, which must be declared.
    declared: Backend = replace(made, tanh="absolute")
    return declared
