"""Where states go: fixed points, the Jacobian there, and long runs."""

from gruverify.invariants.dynamics import (
    _fixed_points,
    _long_runs,
)

#: In the order of every report.
FILES = (
    _fixed_points,
    _long_runs,
)
