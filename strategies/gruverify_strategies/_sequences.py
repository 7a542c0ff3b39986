"""What a cell is fed: inputs, initial states, and the cotangents of a loss."""

from __future__ import annotations

from hypothesis import strategies as st

from gruverify.arithmetic import NDArray
from gruverify_strategies._codes import GRAIN, RANDOM, header, pick, sealed
from gruverify_strategies._members import SCALE, SHAPE, Members
from gruverify_strategies._sizes import slots, slots_length
from gruverify_strategies._validation import Formats, check_formats, limits


@st.composite
def inputs(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_I: int = 1,
    max_I: int | None = None,
    formats: Formats = None,
) -> NDArray:
    """Inputs (T, B, I) in one of `formats`, every entry drawn, within [-4, 4].

    Their scale is a power of two, from 2^-10 to 4. T and B may be 0 if asked for, `min_T=0` and
    `min_B=0`. Shrinks to few and small sizes, then to entries 0, ±1 and ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer or too small, a minimum exceeds its maximum, or
        `formats` is wrong.
    """
    within = limits("TB", T=(min_T, max_T), B=(min_B, max_B), I=(min_I, max_I))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + 1 + GRAIN + SCALE)
    filled = slots(codes, within)
    format = pick(codes, check_formats(formats))
    return sealed(format, Members(source, codes, within, filled).inputs(codes))


@st.composite
def states(
    draw: st.DrawFn,
    *,
    min_B: int = 1,
    max_B: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
    formats: Formats = None,
) -> NDArray:
    """Initial states (B, H) in one of `formats`, within [-4, 4]: mostly inside [-1, 1], some
    outside, few zero.

    B may be 0 if asked for, `min_B=0`. Shrinks to few and small sizes, then to entries 0, ±1 and
    ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer or too small, a minimum exceeds its maximum, or
        `formats` is wrong.
    """
    within = limits("B", B=(min_B, max_B), H=(min_H, max_H))
    source = draw(RANDOM)
    codes = header(source, slots_length(within) + 1 + GRAIN + SCALE)
    filled = slots(codes, within)
    format = pick(codes, check_formats(formats))
    return sealed(format, Members(source, codes, within, filled).state(codes))


@st.composite
def cotangents(
    draw: st.DrawFn,
    *,
    min_T: int = 1,
    max_T: int | None = None,
    min_B: int = 1,
    max_B: int | None = None,
    min_H: int = 1,
    max_H: int | None = None,
    formats: Formats = None,
) -> tuple[NDArray, NDArray]:
    """The cotangents of a loss in one of `formats`: of the outputs (T, B, H) and of the last state
    (B, H).

    Two thirds are within [-1, 1], the others scaled by a power of two: from the format's smallest
    number to 2^64, or to half of float16's largest. Mostly every entry is drawn; sometimes only
    those of the last state or of the outputs, or only one entry, differ from 0. T and B may be 0 if
    asked for, `min_T=0` and `min_B=0`. Shrinks to few and small sizes, then to entries 0, ±1 and
    ±1/2.

    Raises:
        InvalidArgument: a bound is not an integer or too small, a minimum exceeds its maximum, or
        `formats` is wrong.
    """
    within = limits("TB", T=(min_T, max_T), B=(min_B, max_B), H=(min_H, max_H))
    source = draw(RANDOM)
    # One byte for the format; the order here is that in which they are read below.
    codes = header(source, slots_length(within) + 1 + GRAIN + SHAPE)
    filled = slots(codes, within)
    format = pick(codes, check_formats(formats))
    d_outputs, d_last = Members(source, codes, within, filled).cotangents(codes, format)
    return sealed(format, d_outputs), sealed(format, d_last)
