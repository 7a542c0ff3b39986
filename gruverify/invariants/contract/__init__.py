"""What an implementation owes its caller, whatever it computes: shapes, memory, the same bits,
fresh weights.
"""

from gruverify.invariants.contract import (
    _empty,
    _first_answers,
    _layout,
    _manners,
    _module_weights,
    _stacks,
)

#: In the order of every report.
FILES = (
    _first_answers,
    _stacks,
    _manners,
    _layout,
    _empty,
    _module_weights,
)
