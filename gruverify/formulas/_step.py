"""One step of a GRU, its Jacobians and its pullback: theory.md 2, written once for every
arithmetic.

Rows are the members of the batch: x (B, I), h (B, H), so a product W x of the paper is x @ W.T
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any

from gruverify.arithmetic import (
    USUAL,
    Array,
    Functions,
    Steps,
    blend,
    combined_rows,
    each_by_itself,
    steps_of,
)
from gruverify.cell import Parameters, Variant


@dataclass(frozen=True, slots=True)
class Activations:
    """What a step computes on its way: everything that its derivatives need. All (B, H), but x (B,
    I).

    r, z, c are the reset gate, the update gate and the candidate, a_r, a_z, a_c their
    pre-activations; q = W_hc h' + b_hc is the recurrent part of the candidate that is reset (reset
    after the product only). `keep` and `take` are what h' and c are multiplied with. `functions`
    are those of the gates and of the candidate, `slopes` what was derived of them already.
    """

    x: Array
    h: Array
    r: Array
    z: Array
    c: Array
    q: Array
    keep: Array
    take: Array
    a_r: Array
    a_z: Array
    a_c: Array
    functions: Functions = field(default=USUAL, kw_only=True)
    slopes: dict[Any, Array] = field(default_factory=dict, init=False, compare=False, repr=False)


#: What a step computes on its way, in order.
ACTIVATIONS = tuple(f.name for f in fields(Activations) if f.init and not f.kw_only)


def members_of(a: Activations, some: slice) -> Activations:
    """The activations of some of the members."""
    each = [getattr(a, name)[some] for name in ACTIVATIONS]
    return Activations(*each, functions=a.functions)


def activations(v: Variant, p: Parameters, x: Array, h: Array, f: Functions = USUAL) -> Activations:
    """(2.1): gates and candidate of one step from x (B, I) and the previous state h (B, H), where
    σ and tanh are f's unless they are themselves.
    """
    # One sum of four: balls allow every order and every fusion of it, so none is prescribed here.
    a_r = x @ p.W_xr.T + p.b_xr + h @ p.W_hr.T + p.b_hr
    a_z = x @ p.W_xz.T + p.b_xz + h @ p.W_hz.T + p.b_hz
    r, z = f.gate(a_r), f.gate(a_z)
    if v.reset == "after":
        q = h @ p.W_hc.T + p.b_hc
        a_c = x @ p.W_xc.T + p.b_xc + r * q
    else:
        # Before the product the reset gate multiplies h' itself: so q is what is reset in both
        # conventions.
        q = h
        a_c = x @ p.W_xc.T + p.b_xc + (r * h) @ p.W_hc.T + p.b_hc
    c = f.candidate(a_c)
    if v.update == "keep":
        keep, take = z, 1 - z
    else:
        keep, take = 1 - z, z
    return Activations(x, h, r, z, c, q, keep, take, a_r, a_z, a_c, functions=f)


def next_state(v: Variant, a: Activations) -> Array:
    """The next state, h = keep∘h' + take∘c, (B, H)."""
    if v.update == "keep":
        # Not keep∘h' + take∘c: a blend of balls holds every form, and meets the gate's error once.
        return blend(a.z, a.h, a.c)
    return blend(a.z, a.c, a.h)


def step(v: Variant, p: Parameters, x: Array, h: Array, f: Functions = USUAL) -> Array:
    """The state after one step: x (B, I), h (B, H) -> (B, H)."""
    return next_state(v, activations(v, p, x, h, f))


def _once(slope: Callable[..., Array]) -> Callable[..., Array]:
    """A slope that is found once for each step: every cotangent that comes back to the step meets
    it again.
    """

    @wraps(slope)
    def found(*given: Any) -> Array:
        # Kept with the activations, and so for as long as they are: no cache to empty.
        slopes, of = given[-1].slopes, (slope.__name__, *given[:-1])
        if of not in slopes:
            slopes[of] = slope(*given)
        return slopes[of]

    return found


@_once
def update_slope(v: Variant, a: Activations) -> Array:
    """∂h/∂a_z = ±(h'-c) z(1-z), (B, H): what the update gate's pre-activation does to its own
    unit. `keep` and `take` are z and 1-z, or the other way round.
    """
    if v.update == "keep":
        # Three factors, kept apart: an implementation may multiply them in any order.
        return a.functions.gate.times_slope(a.h - a.c, a.a_z, a.keep, a.take)
    return a.functions.gate.times_slope(a.c - a.h, a.a_z, a.take, a.keep)


@_once
def candidate_slope(a: Activations) -> Array:
    """∂h/∂a_c = take (1-c²), (B, H): the diagonal of A."""
    return a.functions.candidate.times_slope(a.take, a.a_c, a.c)


@_once
def reset_slope(a: Activations) -> Array:
    """What the reset gate's pre-activation does to what it resets: q r(1-r) after the product, h'
    r(1-r) before it, (B, H).
    """
    return a.functions.gate.times_slope(a.q, a.a_r, a.r)


def jacobian(v: Variant, p: Parameters, a: Activations) -> tuple[Array, Array]:
    """(2.2) and (2.3): J = ∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I)."""
    return jacobian_of_state(v, p, a), jacobian_of_input(v, p, a)


def jacobian_of_input(v: Variant, p: Parameters, a: Activations) -> Array:
    """(2.3): ∂h/∂x alone, (B, H, I)."""
    s_z, s_c, s_r = update_slope(v, a), candidate_slope(a), reset_slope(a)
    if v.reset == "after":
        return combined_rows((s_z, p.W_xz), (s_c, p.W_xc), (s_c * s_r, p.W_xr))
    # (2.3), RB: the order is W_hc D(h')S_r W_xr, for the reset gate stands before the matrix.
    into_x = p.W_xc + p.W_hc @ combined_rows((s_r, p.W_xr))
    return combined_rows((s_z, p.W_xz), (s_c, into_x))


@dataclass(frozen=True, slots=True)
class Paths:
    """The ways from h' to h through a gate or the candidate: pairs (d, W) that stand for D(d) W, d
    (B, H) and W (H, H) or (B, H, H). What is left of J is the direct way, D(keep).
    """

    update: tuple[Array, Array]
    candidate: tuple[Array, Array]
    reset: tuple[Array, Array]


def recurrent_paths(v: Variant, p: Parameters, a: Activations) -> Paths:
    """(2.2) summand by summand: through the update gate, the candidate and the reset gate."""
    s_z, s_c, s_r = update_slope(v, a), candidate_slope(a), reset_slope(a)
    if v.reset == "after":
        return Paths((s_z, p.W_hz), (s_c * a.r, p.W_hc), (s_c * s_r, p.W_hr))
    into_reset = p.W_hc @ combined_rows((s_r, p.W_hr))
    # W_hc D(r): before the product r scales columns, after it rows.
    return Paths((s_z, p.W_hz), (s_c, p.W_hc * a.r[..., None, :]), (s_c, into_reset))


def jacobian_of_state(v: Variant, p: Parameters, a: Activations) -> Array:
    """(2.2): J = ∂h/∂h' alone, (B, H, H)."""
    paths = recurrent_paths(v, p, a)
    if v.reset == "after":
        return combined_rows(paths.update, paths.candidate, paths.reset, on_diagonal=a.keep)
    s_c, into_candidate = paths.candidate
    # A·{W_hc D(r) + W_hc D(h')S_r W_hr}: both ways meet the slope of the candidate, so they are
    # added first, as the braces of (2.2) are.
    into_h = into_candidate + paths.reset[1]
    return combined_rows(paths.update, (s_c, into_h), on_diagonal=a.keep)


@dataclass(frozen=True, slots=True)
class Summands:
    """J = D(carry) + elman + gates: what h' becomes by the direct way, (B, H), through the
    candidate and through the gates' own pre-activations, (B, H, H) each.
    """

    carry: Array
    elman: Array
    gates: Array


def summands(v: Variant, p: Parameters, a: Activations) -> Summands:
    """The three summands of (2.2): what z keeps, the Elman part, and the gates' own terms."""
    paths = recurrent_paths(v, p, a)
    return Summands(
        a.keep, combined_rows(paths.candidate), combined_rows(paths.update, paths.reset)
    )


@dataclass(frozen=True, slots=True)
class Pullback:
    """What a cotangent of h becomes: immediate parameter derivatives, and cotangents of x (B, I)
    and h' (B, H).
    """

    parameters: Parameters
    x: Array
    h: Array


@dataclass(frozen=True, slots=True)
class GateCotangents:
    """Cotangents of the pre-activations a_r, a_z, a_c, and of q, which the reset gate multiplies.
    All (B, H).
    """

    r: Array
    z: Array
    c: Array
    q: Array


def gate_cotangents(v: Variant, p: Parameters, a: Activations, g: Array) -> GateCotangents:
    """What a cotangent g (B, H) of the step's state becomes on its way to the parameters."""
    α_c = g * candidate_slope(a)
    of_reset = reset_cotangent(v, p, α_c)
    # Note what α_z lacks: no factor 1-c², so that a saturated candidate leaves the update gate its
    # gradient (4.1).
    return GateCotangents(of_reset * reset_slope(a), g * update_slope(v, a), α_c, of_reset * a.r)


def known_cotangents(
    v: Variant, p: Parameters, a: Activations, r: Array, z: Array, c: Array
) -> GateCotangents:
    """The gates' cotangents where those of the pre-activations (B, H) are known: only that of q is
    made of them.
    """
    return GateCotangents(r, z, c, reset_cotangent(v, p, c) * a.r)


def reset_cotangent(v: Variant, p: Parameters, α_c: Array) -> Array:
    """The cotangent (B, H) of what r multiplies its part of, r∘q or r∘h', from that of a_c."""
    if v.reset == "after":
        return α_c
    return α_c @ p.W_hc


def pullback(v: Variant, p: Parameters, a: Activations, g: Array) -> Pullback:
    """(2.4): the step's vector-Jacobian product at g (B, H), summed over the batch for the
    parameters.
    """
    return pullback_through(v, p, a, g, gate_cotangents(v, p, a, g))


def pullback_through(
    v: Variant, p: Parameters, a: Activations, g: Array, α: GateCotangents
) -> Pullback:
    """(2.4) from the gates on: g (B, H) itself takes the direct path to h' alone, by keep."""
    return Pullback(
        into_parameters(v, [a], [α]), into_inputs(p, [α])[0], back_to_state(v, p, a, g, α)
    )


#: What is kept of a number.
Kept = Callable[[Array], Array]


def whole(number: Array) -> Array:
    """All of it."""
    return number


def into_parameters(
    v: Variant,
    steps: Sequence[Activations],
    gates: Sequence[GateCotangents],
    within: int = 1,
    kept: Kept = whole,
) -> Parameters:
    """(2.4), the derivatives of the parameters, added up over the steps and their batches (2.5).

    within: how many steps each batch has the members of, one step after the other; kept: what is
    kept of each derivative, before the next is found: they are as large as the weights.
    """

    def over_time(arrays: Sequence[Array]) -> Steps:
        return steps_of(arrays, within)

    r, z, c = map(over_time, _by_gate(gates))
    x, h = over_time([a.x for a in steps]), over_time([a.h for a in steps])
    if v.reset == "after":
        q = over_time([α.q for α in gates])
        # RA: b_hc is inside the reset product, so r is a factor of its gradient, as of that of
        # W_hc.
        into_W_hc, into_b_hc = q.products(h), q.sum()
    else:
        into_W_hc, into_b_hc = c.products(over_time([a.r * a.h for a in steps])), c.sum()
    # Both biases of r and z are added to the same sum: one gradient for two (theory.md 7).
    b_r, b_z = kept(r.sum()), kept(z.sum())
    return Parameters(
        W_xr=kept(r.products(x)),
        W_xz=kept(z.products(x)),
        W_xc=kept(c.products(x)),
        W_hr=kept(r.products(h)),
        W_hz=kept(z.products(h)),
        W_hc=kept(into_W_hc),
        b_xr=b_r,
        b_xz=b_z,
        b_xc=kept(c.sum()),
        b_hr=b_r,
        b_hz=b_z,
        b_hc=kept(into_b_hc),
    )


def _by_gate(gates: Sequence[GateCotangents]) -> tuple[list[Array], list[Array], list[Array]]:
    """The cotangents of a_r, of a_z and of a_c, step by step."""
    return [α.r for α in gates], [α.z for α in gates], [α.c for α in gates]


def into_inputs(p: Parameters, gates: Sequence[GateCotangents]) -> list[Array]:
    """(2.4), the cotangent of x (B, I) at each step."""
    r, z, c = map(steps_of, _by_gate(gates))
    return each_by_itself(lambda z, r, c: z @ p.W_xz + r @ p.W_xr + c @ p.W_xc, z, r, c)


def back_to_state(v: Variant, p: Parameters, a: Activations, g: Array, α: GateCotangents) -> Array:
    """(2.4), the cotangent of h' (B, H): the direct path, and those through the gates."""
    return through_gates(v, p, α, g * a.keep)


def through_gates(v: Variant, p: Parameters, α: GateCotangents, direct: Array | int = 0) -> Array:
    """What comes to h' (B, H) through the gates, added to what comes by the direct path."""
    if v.reset == "after":
        # RA: W_hcᵀ(α_c∘r); RB: r∘(W_hcᵀα_c), which α.q already is.
        through_candidate = α.q @ p.W_hc
    else:
        through_candidate = α.q
    return direct + α.z @ p.W_hz + α.r @ p.W_hr + through_candidate
