"""Cases: everything that one trial puts to a backend."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from gruverify.cell import Case
from gruverify_strategies._cells import WEIGHTS, Units, build
from gruverify_strategies._codes import GRAIN, RANDOM, header, pick, sealed
from gruverify_strategies._members import SCALE, SHAPE, Members
from gruverify_strategies._regimes import NAMES
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import Formats, Variants, check_formats, check_variants, limits


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_T: int = 1,
    max_T: int | None = None,
    formats: Formats = None,
    variants: Variants = None,
) -> Case:
    """A `Case`: a cell as `cells` draws it, with inputs (T, B, I), state (B, H) and cotangents (T, B, H), (B, H).

    The driven gates stay at their level for all T steps; in a cell without biases input 0 is then 1 at every step.
    Shrinks to few units, inputs, members and steps, whichever they are, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1, a minimum exceeds its maximum, or `formats` or
            `variants` is wrong.
    """
    within = limits(H=(min_H, max_H), I=(min_I, max_I), B=(min_B, max_B), T=(min_T, max_T))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + 3 + GRAIN + 2 * SCALE + SHAPE + WEIGHTS)
    filled = slots(codes, within)
    format, variant = pick(codes, check_formats(formats)), pick(codes, check_variants(variants))
    name = pick(codes, NAMES)

    members = Members(source, codes, within, filled)
    inputs, state = members.inputs(codes), members.state(codes)
    if name != "free" and not variant.bias:
        inputs[:, :, 0] = 1
    d_outputs, d_last = members.cotangents(codes)

    units = Units(source, within, filled)
    regimes = units.regimes(name, format, variant.update)
    # Each unit's state stays between its candidate, which tanh bounds, and where it was.
    reach = np.abs(inputs).max((0, 1)), np.maximum(np.abs(state).max(0), 1)
    return Case(
        build(variant, format, units.weights(codes), regimes, reach),
        inputs=sealed(format, inputs),
        state=sealed(format, state),
        d_outputs=sealed(format, d_outputs),
        d_last=sealed(format, d_last),
        regimes=regimes.labels(),
    )
