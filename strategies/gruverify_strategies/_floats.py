"""Numbers at which a format changes its mind."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format
from gruverify_strategies._ladder import candidate_thresholds, gate_thresholds, near


@st.composite
def floats_near(draw: st.DrawFn, format: Format) -> float:
    """A float around a threshold of the format (theory.md 5): where σ or tanh reaches 0, 1 or -1, or leaves the normals.

    It is exact in the format, and a few ulps or some tenths away from the threshold. Shrinks to the threshold itself,
    first to the pre-activation from which a gate rounds to 1.

    Raises:
        InvalidArgument: `format` is not a Format.
    """
    if not isinstance(format, Format):
        raise InvalidArgument(f"Expected Format but got format={format!r} (type={type(format).__name__})")
    return draw(st.sampled_from(_near_thresholds(format)))


@lru_cache(maxsize=8)
def _near_thresholds(format: Format) -> tuple[float, ...]:
    thresholds = [*gate_thresholds(format).values(), *candidate_thresholds(format).values()]
    return tuple(dict.fromkeys(at for threshold in thresholds for at in near(format, threshold)))
