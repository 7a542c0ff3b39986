"""Values and derivatives lie in the balls of the mathematics, whole runs and step by step."""

from gruverify.invariants.agreement import (
    _balls,
    _each_cotangent,
    _each_step,
    _kinks,
    _long_gradient,
    _one_unit,
)

#: In the order of every report.
FILES = (
    _balls,
    _each_step,
    _each_cotangent,
    _long_gradient,
    _one_unit,
    _kinks,
)
