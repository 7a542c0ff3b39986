"""What gradients must be besides their value: their shape, their parts, and the cotangents that
they are linear in.
"""

from gruverify.invariants.gradient import (
    _cotangents,
    _directions,
    _parts,
    _shape,
    _units,
)

#: In the order of every report.
FILES = (
    _shape,
    _cotangents,
    _parts,
    _units,
    _directions,
)
