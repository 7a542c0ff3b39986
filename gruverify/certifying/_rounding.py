"""How far rounding can move a state of a run, however long it is (theory.md, 9.9).

Where a step leaves at most the share `rate` of a distance, what the steps lose does not add up
without end: with e the most that one of them loses, no state of a run in the format is further than
e / (1 - rate) from that of exact arithmetic, all in the norm of the certificate's weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gruverify.arithmetic import Ball, NDArray, Rounding, blend_rounding
from gruverify.cell import Cell, Parameters, Variant
from gruverify.certifying._certificate import Certificate
from gruverify.certifying._jacobian import candidate_range
from gruverify.certifying._ranges import Box, Floats, Range, gate_range, slope_of

#: How often states that start from zeros are enclosed again, each time within what was found
#: before.
_ENCLOSED = 8
#: How often a bound is tried that was found too small for itself.
_TRIES = 8


def rounding_bound(
    cell: Cell, certificate: Certificate, mode: Rounding, off: Floats | float = 0.0
) -> Floats:
    """How far each unit's state in a run of `mode` may be from that of a run in exact arithmetic,
    at any time: (H,), infinite where nothing is claimed.

    Both start from zeros and are given the same inputs; those, and the weights, are rounded to the
    format first. `off`: what is wrong with the inputs besides, one number or (I,).
    """
    nothing = np.full(cell.hidden_size, np.inf)
    most = max(float(np.abs(array).max(initial=0.0)) for array in cell.packed().values())
    in_range = max(most, certificate.largest_input) < mode.largest and np.isfinite(off).all()
    # Without contraction no bound holds for runs of any length (theory.md, 9.9).
    if not (certificate.certifies and in_range):
        return nothing
    step = _Step(cell, certificate.largest_input, mode, off)
    states, apart = step.states(), np.zeros(cell.hidden_size)
    for _ in range(_TRIES):
        lost = step.lost(states + apart)
        most = float((lost / certificate.weights).max(initial=0.0)) / (1 - certificate.rate)
        bound = most * certificate.weights
        # What a step loses was found for states that are off by at most `apart`.
        if (bound <= apart).all():
            return bound
        # States that are further off lose a little more, so the guess is doubled, and not just
        # repeated.
        apart = 2 * bound
    return nothing


@dataclass(frozen=True)
class _Step:
    """The most that a step loses, over all states and inputs in a box.

    What a sum loses grows with the magnitudes of its terms. So it is found once, for the largest:
    those of the weights with inputs and states at their bounds.
    """

    cell: Cell
    largest_input: float
    mode: Rounding
    off: Floats | float

    def states(self) -> Floats:
        """What no state passes that started from zeros, in exact arithmetic: (H,)."""
        weights, most = self._weights, np.ones(self.cell.hidden_size)
        for _ in range(_ENCLOSED):
            box = Box(self.largest_input, most)
            bias = weights.b_xr + weights.b_hr
            reset = gate_range(weights.W_xr, weights.W_hr, bias, box)
            # A state lies between the one before and the candidate.
            # From |h| ≤ 1 on each round is a smaller box in which every run from zeros stays, so
            # it may stop at any.
            most = np.tanh(candidate_range(self.cell.variant, weights, reset, box).size)
        return most

    def lost(self, states: Floats) -> Floats:
        """(H,), of a step from states of at most those magnitudes."""
        # The certificate is about states of at most 1: one that rounding moved past it counts as 1
        # from which the step was given something else.
        past = np.maximum(states - 1, 0.0)
        past = np.minimum(past, self._overshoot(states, self._at(states, past)))
        at = self._at(states, past)
        reset, wrong_r = at.gate("r")
        kept, wrong_z = at.kept()
        candidate, wrong_c = at.candidate(reset, wrong_r)
        to = np.tanh(candidate.size) + wrong_c
        moved = kept.high * past + (1 - kept.low) * wrong_c + wrong_z * (states + to)
        return moved + self._blended(kept, states, to)

    def _overshoot(self, states: Floats, at: _At) -> Floats:
        """How far a returned state can be past 1 at most: by what tanh and the blend round, and by
        what is kept of that.
        """
        kept, _ = at.kept()
        more = self.mode.kappa_tanh * self.mode.u + self.mode.eta
        rounded = more + self._blended(kept, states, np.full_like(states, 1 + more))
        if self.mode.sigmoid == "absolute":
            # A gate may then be below 0 or above 1, and the blend beyond its ends.
            rounded = rounded + self.mode.of_sigmoid(kept.high) * (states + 1 + more)
        left = 1 - kept.high
        return np.divide(rounded, left, out=np.full_like(left, np.inf), where=left > 0)

    def _blended(self, kept: Range, states: Floats, candidates: Floats) -> Floats:
        """What the blend of a state and a candidate of those magnitudes rounds."""
        gap = states + candidates
        forms = blend_rounding(self.mode, kept.high, 1 - kept.low, states, candidates, gap)
        return np.asarray(forms)

    def _at(self, states: Floats, past: Floats) -> _At:
        most = np.minimum(states, 1.0)
        box = Box(self.largest_input, most)
        h = self._up_to(most, past)
        return _At(
            self.cell.variant, self.mode, box, self._weights, self._weights_given, self._inputs, h
        )

    @cached_property
    def _weights(self) -> Parameters:
        return self.cell.parameters(lambda array: array.astype(np.float64))

    @cached_property
    def _weights_given(self) -> Parameters:
        return self.cell.parameters(self._rounded_block)

    @cached_property
    def _inputs(self) -> Ball:
        most = np.full(self.cell.input_size, self.largest_input)
        return self._up_to(most, self._rounded(most) + self.off)

    def _rounded_block(self, array: NDArray) -> Ball:
        """The magnitudes of a block, with what rounding it to the format does."""
        values = np.abs(array.astype(np.float64))
        return Ball(self.mode, values, self._rounded(values))

    def _rounded(self, values: Floats) -> Floats:
        there = self.mode.format.cast(values).astype(np.float64)
        off, more = np.abs(there - values), self.mode.of_given(there)
        return off if more is None else off + more

    def _up_to(self, most: Floats, wrong: Floats) -> Ball:
        """Any row of at most those magnitudes: no product with it is taken to be exact, as one with
        1 itself would be.
        """
        return Ball(self.mode, most[None], wrong[None] + self.mode.eta)


@dataclass(frozen=True)
class _At:
    """A step from the largest inputs `x`, (1, I), and states `h`, (1, H), of a box.

    given: the magnitudes of the weights, with what the format makes of them.
    """

    variant: Variant
    mode: Rounding
    box: Box
    weights: Parameters
    given: Parameters
    x: Ball
    h: Ball

    def gate(self, k: str) -> tuple[Range, Floats]:
        """Where the gate k is, and how far a step may miss it."""
        block = {name[:3]: array for name, array in self.weights.items() if name.endswith(k)}
        of = {name[:3]: array for name, array in self.given.items() if name.endswith(k)}
        a = self.x @ of["W_x"].T + self.h @ of["W_h"].T + of["b_x"] + of["b_h"]
        wrong, bias = a.radius[0], block["b_x"] + block["b_h"]
        wide = gate_range(block["W_x"], block["W_h"], bias, self.box, wrong)
        rounded = self.mode.of_sigmoid(wide.high)
        return wide, slope_of(wide) * wrong + rounded

    def kept(self) -> tuple[Range, Floats]:
        """Where what is kept of a state is, and how far a step may miss it."""
        update, wrong = self.gate("z")
        if self.variant.update == "replace":
            return Range(1 - update.high, 1 - update.low), wrong
        return update, wrong

    def candidate(self, reset: Range, wrong_r: Floats) -> tuple[Range, Floats]:
        """Where the candidate's pre-activation is, and how far a step may miss the candidate."""
        p, x, h, r = self.given, self.x, self.h, Ball(self.mode, reset.high[None], wrong_r[None])
        if self.variant.reset == "after":
            a = x @ p.W_xc.T + p.b_xc + r * (h @ p.W_hc.T + p.b_hc)
        else:
            a = x @ p.W_xc.T + (r * h) @ p.W_hc.T + p.b_xc + p.b_hc
        wrong, within = a.radius[0], candidate_range(self.variant, self.weights, reset, self.box)
        wide = Range(within.low - wrong, within.high + wrong)
        slope = 1 - np.tanh(wide.nearest_to_zero) ** 2
        most = np.ones_like(slope) if self.mode.tanh == "absolute" else np.tanh(wide.size)
        return wide, slope * wrong + self.mode.kappa_tanh * self.mode.u * most + self.mode.eta
