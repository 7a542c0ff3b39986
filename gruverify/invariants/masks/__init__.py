"""Masks: steps that members of a batch skip, steps that start from zeros, and units that keep their
state.
"""

from gruverify.invariants.masks import _both, _gradients, _restarts, _stacks, _values, _zoneout

#: In the order of every report.
FILES = (
    _values,
    _gradients,
    _restarts,
    _both,
    _stacks,
    _zoneout,
)
