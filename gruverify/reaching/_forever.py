"""For ever: a box of states into which the stack returns, whatever the inputs in their box are.

If every run of k steps that starts in the box S is in S again after them, then by induction every
run that starts in S is there after k, 2k, 3k … steps, and in between it is within the enclosures of
these k steps. S grows from the initial box to where runs lead, until it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruverify.arithmetic import Noise, Rounding
from gruverify.reaching._boxes import Boxes, CannotReach, Floats
from gruverify.reaching._property import Property
from gruverify.reaching._run import Model, enclosed

#: How often the box may grow, by how much more than it must, and how little at least.
ROUNDS, MORE, LEAST = 40, 1.05, 2.0**-20


@dataclass(frozen=True, eq=False)
class Invariant:
    """Initial states (L, 1, H) to which every run returns after `steps` steps, and the smallest
    margin (m,) on the way.
    """

    low: Floats
    high: Floats
    steps: int
    least: Floats


def invariant(
    model: Model, mode: Rounding, sizes: tuple[int, int], boxes: Boxes, wanted: Property
) -> Invariant | None:
    """The first such box that was found around the initial one; None if there is none.

    sizes: generators and roots of its runs, which have the T steps of `boxes`.

    Raises:
        CannotReach: steps have boxes of their own, or the outputs depend on what comes later.
    """
    if not boxes.same_at_every_step:
        raise CannotReach(
            f"property {wanted.text!r}: for ever needs one box for all steps: --box LOW HIGH"
        )
    if model.stack.directions == 2 or model.backward:
        raise CannotReach(
            f"property {wanted.text!r}: 'for ever' needs a GRU that only runs forward"
        )
    low, high = boxes.state_low, boxes.state_high
    # No state leaves this interval (theory.md, M01), so that S need not grow beyond it.
    most = np.maximum(1.0, np.maximum(np.abs(low), np.abs(high)).max())
    for _ in range(ROUNDS):
        here = replace(boxes, state_low=low, state_high=high)
        steps, least, ends = _returned(model, Noise(mode, *sizes), here, wanted)
        if steps:
            return Invariant(low, high, steps, least)
        if not all(np.isfinite(end).all() for end in ends):
            return None
        # S must keep the initial box in it, or the induction has no beginning.
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
        middle, radius = low / 2 + high / 2, (high - low) / 2 * MORE + LEAST
        low, high = np.maximum(middle - radius, -most), np.minimum(middle + radius, most)
    return None


def _returned(
    model: Model, noise: Noise, boxes: Boxes, wanted: Property
) -> tuple[int, Floats, tuple[Floats, Floats]]:
    """After how many steps all states are in their box again, 0 if they are not within T; the
    smallest margins until then; and where the states are at the end.
    """
    least = np.full(wanted.offsets.shape, np.inf)
    ends = boxes.state_low, boxes.state_high
    for t, now in enumerate(enclosed(model, noise, boxes)):
        seen = now.states if now.outputs is None or wanted.of == "h" else now.outputs
        least = np.minimum(least, wanted.least(seen)[0])
        ends = np.stack([h.low for h in now.every]), np.stack([h.high for h in now.every])
        # At the first such step: what comes later follows by induction, and needs no enclosure.
        if (ends[0] >= boxes.state_low).all() and (ends[1] <= boxes.state_high).all():
            return t + 1, least, ends
    return 0, least, ends
