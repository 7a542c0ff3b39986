"""Layers and directions: values, gradients, and what relates one stack to another."""

from gruverify.invariants.stack import (
    _balls,
    _each_step,
    _extremes,
    _padding,
    _relations,
)

#: In the order of every report.
FILES = (
    _balls,
    _each_step,
    _relations,
    _padding,
    _extremes,
)
