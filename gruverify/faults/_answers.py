"""Faults of what is returned: the step is computed and then handled wrongly."""

from __future__ import annotations

import numpy as np

from gruverify.arithmetic import NDArray, float32, float64
from gruverify.backends import Backend
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty


@fault("saturated", "|h| = 1 + 2u for 1", touches="FWD")
def last_bit_beyond_one() -> Backend:
    """A state of ±1 that is one last bit larger."""

    # A state is at most max(1, |h_0|) for all weights (theory.md, M01), and this bound has no
    # slack.
    def beyond(h: NDArray, *_: object) -> NDArray:
        return np.where(np.abs(h) == 1, h * np.nextafter(h.dtype.type(1), h.dtype.type(2)), h)

    return Faulty(step=beyond)


@fault("forward", "h = 2h' - (z∘h' + (1-z)∘c)", touches="FWD")
def update_gate_above_one() -> Backend:
    """The state is moved away from the candidate, not towards it."""
    return Faulty(step=lambda h, cell, x, before: 2 * before - h)


@fault("forward", "h rounded to 11 bits", touches="FWD")
def state_in_half_precision() -> Backend:
    """States kept in float16."""

    def half(h: NDArray) -> NDArray:
        return h.astype(np.float16).astype(h.dtype)

    return Faulty(
        step=lambda h, *_: half(h),
        # In float16 this would be right, and bfloat16 has fewer bits than that.
        sequence=lambda answer, *_: (half(answer[0]), half(answer[1])),
        formats=(float32, float64),
    )
