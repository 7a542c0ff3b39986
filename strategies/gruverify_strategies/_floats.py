"""Numbers at which a format changes its mind."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

from hypothesis import strategies as st

from gruverify.arithmetic import Format
from gruverify_strategies._ladder import candidate_thresholds, gate_thresholds, near
from gruverify_strategies._validation import check_type


@st.composite
def floats_near(draw: st.DrawFn, format: Format) -> float:
    """A float around a threshold of the format (theory.md 5): where σ or tanh reaches 0 or ±1, or
    leaves the normals.

    It is exact in the format, and at most a few ulps or some tenths away from the threshold.
    Shrinks to a threshold itself, rounded: first to the pre-activation from which a gate rounds to
    1.

    Raises:
        InvalidArgument: `format` is not a Format.
    """
    check_type(Format, "format", format)
    return draw(st.sampled_from(_near_thresholds(format)))


@lru_cache(maxsize=8)
def _near_thresholds(format: Format) -> tuple[float, ...]:
    thresholds = [*gate_thresholds(format).values(), *candidate_thresholds(format).values()]
    around = [near(format, threshold) for threshold in thresholds]
    nearest = [numbers[0] for numbers in around]
    # Thresholds themselves first, which is what shrinking ends at; `fromkeys` drops repetitions
    # in order.
    return tuple(dict.fromkeys([*nearest, *chain.from_iterable(around)]))
