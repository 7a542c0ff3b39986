"""The three cases of the question, carry, forget and Elman, and gates that are held constant."""

from gruverify.invariants.regimes import (
    _constant_gates,
    _driven,
    _hard_reset,
    _three_cases,
)

#: In the order of every report.
FILES = (
    _three_cases,
    _driven,
    _constant_gates,
    _hard_reset,
)
