"""Cases: everything that one trial puts to a backend."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st

from gruverify.cell import Case
from gruverify_strategies._cells import WEIGHTS, Units, build
from gruverify_strategies._codes import GRAIN, RANDOM, frugal, header, sealed
from gruverify_strategies._from_bytes import event, from_bytes
from gruverify_strategies._members import SCALE, SHAPE, Members
from gruverify_strategies._recipe import CHOICES, Names, Recipe, recipe
from gruverify_strategies._regimes import Levels, check_levels
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import (
    Formats,
    Limits,
    Variants,
    check_letters,
    check_option,
    limits,
)


@from_bytes
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
    regimes: Names = None,
    weights: Names = None,
    biases: str = "drawn",
    pinned: bool = True,
    levels: Sequence[Levels] | None = None,
    zero_state: bool = False,
    subnormals: bool = True,
    full: str = "",
) -> Case:
    """A `Case`: a cell as `cells` draws it, with inputs (T, B, I), state (B, H) and cotangents (T,
    B, H), (B, H).

    The driven gates of a pinned case stay at their level for all T steps; in a cell without bias_ih
    input 0 is then 1 at every step. `levels`, instead of `regimes`, says where r, z and c of each
    unit are driven on the ladder (theory 5), such as ("0", "rounding", "-mid"): there are that many
    units, but for those that shrinking takes away. With `zero_state` the state is 0, which only few
    are otherwise. Without `subnormals` no cotangents are scaled to where the normal numbers of the
    format end. Axes in `full`, as "HT", are as large as they may be. Shrinks to few units, inputs,
    members and steps, whichever they are, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1 or beyond its maximum, or arguments
        contradict each other.
    """
    check_option("zero_state", zero_state, True, False)
    check_option("subnormals", subnormals, True, False)
    check_letters("full", full, "HIBT")
    placed = check_levels(levels)
    if placed is not None:
        max_H, regimes = len(placed), ("mixed",)
    within = limits(H=(min_H, max_H), I=(min_I, max_I), B=(min_B, max_B), T=(min_T, max_T))
    wanted = recipe(formats, variants, regimes, weights, biases, pinned, drives_inputs=True)
    return _case(draw(RANDOM), within, wanted, placed, zero_state, subnormals, full)


def _case(
    source: Random,
    within: Limits,
    wanted: Recipe,
    placed: Sequence[Levels] | None,
    zero_state: bool,
    subnormals: bool,
    full: str,
) -> Case:
    """The case that the source makes: `source` is what Hypothesis shrinks."""
    codes = header(
        source, slots_length(within, full) + CHOICES + GRAIN + 2 * SCALE + SHAPE + WEIGHTS
    )
    filled = slots(codes, within, whole="H" if placed else "", full=full)
    choice = wanted.choose(codes)
    event(f"regime: {choice.regime}")
    # Full axes are many rows, and a draw for each of them would take long.
    with frugal(bool(full)):
        members, units = Members(source, codes, within, filled), Units(source, within, filled)
    inputs, state = members.inputs(codes), members.state(codes) * (not zero_state)
    if choice.regime != "free" and not choice.variant.input_bias:
        # The drives lie in the weights of input 0 then, as its bias would.
        inputs[:, :, 0] = 1
    d_outputs, d_last = members.cotangents(
        codes, choice.format, plain=bool(full), subnormals=subnormals
    )
    driven = units.regimes(choice, placed)
    # Each unit's state stays between its candidate, which tanh bounds, and where it was.
    reach = np.abs(inputs).max((0, 1)), np.maximum(np.abs(state).max(0), 1)
    given = {"inputs": inputs, "state": state, "d_outputs": d_outputs, "d_last": d_last}
    # Read-only: what a backend writes to its arguments must raise, and not change the case.
    own = {name: sealed(choice.format, array) for name, array in given.items()}
    return Case(
        build(choice, units.weights(codes, choice), driven, reach), **own, regimes=driven.labels()
    )
