"""Cases of stacks: everything that one trial puts to an implementation of stacks."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.cell import StackCase
from gruverify_strategies._codes import GRAIN, RANDOM, Floats, frugal, header, sealed
from gruverify_strategies._from_bytes import from_bytes, part
from gruverify_strategies._lengths import ragged, ragged_length
from gruverify_strategies._members import SCALE, SHAPE, Members
from gruverify_strategies._recipe import Names
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._stacks import Frame, Kinds, frames
from gruverify_strategies._validation import (
    Formats,
    Limits,
    Variants,
    check_letters,
    check_option,
    check_size,
    limits,
)


@from_bytes
def stack_cases(
    draw: st.DrawFn,
    *,
    min_layers: int = 1,
    max_layers: int = 3,
    min_H: int = 1,
    max_H: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_T: int = 1,
    max_T: int | None = None,
    min_length: int = 1,
    bidirectional: bool | None = None,
    batch_first: bool | None = None,
    batched: bool | None = None,
    padded: bool | None = None,
    zero_state: bool = False,
    subnormals: bool = True,
    formats: Formats = None,
    variants: Variants = None,
    regimes: Names = None,
    weights: Names = None,
    full: str = "",
) -> StackCase:
    """A `StackCase`: a stack as `stacks` draws it, with inputs, states, cotangents, and lengths as
    `lengths` draws.

    Half of the batches have no lengths at all. Padding holds numbers as the real steps do.
    `bidirectional`, `batch_first`, `batched` and `padded`, whether there are lengths: None draws
    either, but a case of several members has a batch, and only a batch has lengths. With
    `zero_state` the states are 0. `subnormals` is that of `cases`; `regimes` and `weights` are
    those of `cells`. The axes in `full`, letters of "HIBTLD", L for layers and D for directions,
    have their largest size but for what shrinking takes away. Shrinks to one layer in one
    direction, time-major, dense, to few units, inputs, members and steps, then to entries 0, ±1 and
    ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer of at least 1 (min_length: 0), a minimum exceeds
            its maximum, an argument is wrong, or what they require cannot be had together.
    """
    check_option("batch_first", batch_first, None, True, False)
    check_option("padded", padded, None, True, False)
    check_option("zero_state", zero_state, True, False)
    check_option("subnormals", subnormals, True, False)
    check_letters("full", full, "HIBTLD")
    call = _Call(batch_first, _batched(batched, padded), padded, zero_state, subnormals, full)
    within = _batch(limits(T=(min_T, max_T), B=(min_B, max_B)), min_length, call.batched)
    sizes = limits(H=(min_H, max_H), I=(min_I, max_I))
    kinds = Kinds(formats, variants, regimes, weights)
    with frugal(bool(full)):
        frame = part(draw, frames, min_layers, max_layers, sizes, bidirectional, kinds, full)
        return _case(draw(RANDOM), frame, within, min_length, call)


@dataclass(frozen=True)
class _Call:
    """How the call is arranged, and whether it has lengths; None leaves it open. And whether it
    starts from zeros, whether cotangents may be as small as subnormal numbers, and which axes are
    full.
    """

    batch_first: bool | None
    batched: bool | None
    padded: bool | None
    zero_state: bool
    subnormals: bool
    full: str


def _case(source: Random, frame: Frame, within: Limits, min_length: int, call: _Call) -> StackCase:
    stack, B = frame.stack, within["B"][1]
    S = stack.layers * stack.directions
    codes = header(
        source, slots_length(within, call.full) + 3 + GRAIN + 2 * SCALE + SHAPE + ragged_length(B)
    )
    filled = slots(codes, within, full=call.full)
    # All three are read in any case: what is fixed by an argument moves no other byte.
    lone, swapped, ragged_ = (next(codes) >= 128 for _ in range(3))
    # A state's units are those of all cells; I is the first layer's.
    slots_of_units = {"I": frame.within["I"], "H": frame.within["S"]}
    members = Members(
        source,
        codes,
        within | slots_of_units,
        filled | {"I": frame.filled["I"], "H": frame.filled["S"]},
    )
    inputs, initial = members.inputs(codes), members.state(codes) * (not call.zero_state)
    d_outputs, d_last = members.cotangents(
        codes, stack.format, plain=bool(call.full), subnormals=call.subnormals
    )
    # A call without a batch has one member, and no lengths.
    alone = len(filled["B"]) == 1 and (lone if call.batched is None else not call.batched)
    padded = (ragged_ if call.padded is None else call.padded) and not alone
    if padded:
        lengths = ragged(codes, filled["B"], B, min_length, len(filled["T"]))
    else:
        lengths = None
    return StackCase(
        stack,
        inputs=sealed(stack.format, inputs),
        states=sealed(stack.format, _by_layer(initial, S)),
        # Cotangents were drawn for the units of all layers; the outputs are the top layer's.
        d_outputs=sealed(stack.format, d_outputs[..., : stack.directions * stack.hidden_size]),
        d_last=sealed(stack.format, _by_layer(d_last, S)),
        lengths=lengths,
        batch_first=swapped if call.batch_first is None else call.batch_first,
        batched=not alone,
    )


def _batched(batched: bool | None, padded: bool | None) -> bool | None:
    """Whether there is a batch: only one has lengths."""
    if not padded:
        return batched
    if batched is False:
        raise InvalidArgument(
            "Cannot have padded=True with batched=False, which means one unpadded member"
        )
    return True


def _batch(within: Limits, min_length: int, batched: bool | None) -> Limits:
    """T and B, where lengths and the arrangement allow them."""
    check_option("batched", batched, None, True, False)
    check_size("min_length", min_length, at_least=0)
    min_T, min_B = within["T"][0], within["B"][0]
    if min_T < min_length:
        raise InvalidArgument(f"Cannot have min_T={min_T!r} < min_length={min_length!r}")
    if batched is False and min_B > 1:
        raise InvalidArgument(
            f"Cannot have min_B={min_B!r} with batched=False, which means one member"
        )
    if batched is False:
        return within | {"B": (1, 1)}
    return within


def _by_layer(states: Floats, S: int) -> Floats:
    """(B, S·H) -> (S, B, H)."""
    return np.stack(np.split(states, S, axis=1))
