"""Special numbers, σ and tanh swept densely, other formats."""

from gruverify.invariants.numerics import (
    _not_finite,
    _small_states,
    _special_numbers,
    _sweeps,
)

#: In the order of every report.
FILES = (
    _special_numbers,
    _not_finite,
    _sweeps,
    _small_states,
)
