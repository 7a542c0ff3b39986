"""Where a run may be whose states are not recorded: balls along time, held by their norms where
these are smaller.

Entry by entry a ball of a whole run grows with the sizes of the Jacobian's entries. Its Euclidean
norm grows by the spectral norm, which at usual weights is below 1. With e what is wrong with the
state before a step,

    F(h+e, x+d) - F(h, x) = J(ξ) e + [F(h, x+d) - F(h, x)],  ξ between h and h+e

so |e'| ≤ ‖J‖ |e| + what the step misses at h itself, where ‖J‖ bounds the norms of all Jacobians in
the box around h.
"""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic import Ball, spectral_norms
from gruverify.formulas import activations, jacobian_of_state, next_state, step
from gruverify.judging._walk import Floats, Known, Mask, Model, one_behind

#: How many operations the norms of Jacobians may take: H³ for each step of each member.
MOST = 2**32


def affordable(steps: int, members: int, units: int) -> bool:
    """Whether the norms of that many Jacobians are found in reasonable time."""
    return steps * members * units**3 <= MOST


def envelope(
    model: Model, layer: int, direction: int, xs: Known, first: Known, through: Known | None = None
) -> Known:
    """The states (T, B, H) of one direction, in its own order: any run that the model of rounding
    allows.

    xs: its inputs (T, B, n); first: what it starts from (1, B, H); through: the states of a run
    that was recorded, and that rounding allows step by step: then the midpoints are those, and
    every other run is within the radii.
    """
    h, lost = first.rows(model.mode, slice(None)), first.lost[0]
    if through is None:
        before = None
    else:
        before = one_behind(first, through)
    found = list[tuple[Floats, Floats, Mask]]()
    # hypot and not a root of squares: tiny radii would underflow to a norm of 0.
    norms = np.hypot.reduce(h.radius, axis=1)
    for t in range(len(xs.mid)):
        now = slice(t * len(lost), (t + 1) * len(lost))
        x, lost = xs.rows(model.mode, now), lost | xs.lost[t]
        mid, radius, grown = _step(model, layer, direction, x, h, norms)
        if through is not None and before is not None:
            # That run has missed its exact step as well.
            recorded = through.rows(model.mode, now)
            p, v, f = model.rows[layer][direction], model.variant, model.functions[direction]
            own = step(v, p, x, before.rows(model.mode, now), f).radius + recorded.radius
            mid, radius, grown = recorded.mid, radius + own, grown + np.hypot.reduce(own, axis=1)
            lost = lost | through.lost[t]
        # Both hold: entry by entry, and by the norm, than which no entry is larger.
        radius = np.where(lost[:, None], np.inf, np.minimum(radius, grown[:, None]))
        # A NaN is not a bound, and fmin takes the other one.
        norms = np.fmin(np.where(lost, np.inf, grown), np.hypot.reduce(radius, axis=1))
        found.append((mid, radius, lost))
        h = Ball(model.mode, mid, radius).carried()
        if h.rad is not radius:  # it goes on with less than it returns
            norms = norms + np.hypot.reduce(
                np.where(np.isfinite(radius), h.radius - radius, np.inf), axis=1
            )
    mids, radii, losses = zip(*found, strict=True)
    return Known(np.stack(mids), np.stack(radii), np.stack(losses))


def _step(
    model: Model, layer: int, direction: int, x: Ball, h: Ball, norms: Floats
) -> tuple[Floats, Floats, Floats]:
    """The step from the midpoint of a ball, how far that from any state in it may be off, and the
    norm of the same.
    """
    p, v, f = model.rows[layer][direction], model.variant, model.functions[direction]
    a = activations(v, p, x, h, f)
    whole: Ball = next_state(v, a)
    # Where a function is flat at the midpoint, and no longer elsewhere in the box, what is rounded
    # of its argument shows there alone: it is counted as if the function were steep everywhere.
    at_mid: Ball = step(v, p, x, Ball(h.mode, h.mid), f.loosely)
    if h.mode.clip is None and not f.jump:
        growth = spectral_norms(jacobian_of_state(v, p, a))
    else:  # at the clip there is no derivative: entries of the ball are all that holds
        growth = np.full(len(h.mid), np.inf)
    # What a step rounds elsewhere in the box differs from what it rounds in the middle by as many
    # roundings of the difference as it has on any path.
    roundings = np.expm1((4 * h.shape[1] + 32) * h.mode.u)
    grown = growth * norms + np.hypot.reduce(at_mid.radius + roundings * whole.radius, axis=1)
    return at_mid.mid, whole.radius, np.where(np.isnan(grown), np.inf, grown)
