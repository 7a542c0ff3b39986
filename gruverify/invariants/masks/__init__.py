"""Masks: steps that members of a batch skip, and steps that start from zeros."""

from gruverify.invariants.masks import _gradients, _restarts, _values

#: In the order of every report.
FILES = (
    _values,
    _gradients,
    _restarts,
)
