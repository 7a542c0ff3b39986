"""Special numbers, σ and tanh swept densely, other formats."""

from gruverify.invariants.numerics import (
    _small_states,
    _special_numbers,
    _sweeps,
)

#: In the order of every report.
FILES = (
    _special_numbers,
    _sweeps,
    _small_states,
)
