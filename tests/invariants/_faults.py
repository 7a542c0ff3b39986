"""Wrong GRUs, one idea each, with the invariants that each of them must falsify: the bank's, and
those planted here.
"""

from __future__ import annotations

from gruverify import faults

from . import _duties as _duties  # plants its faults
from ._falsifies import FALSIFIES
from ._faulty import PLANTED
from ._faulty import Fault as Fault
from ._relations import RELATIONS

FAULTS: dict[str, Fault] = {
    id: Fault(id, faults.FAULTS[id].build, falsifies + RELATIONS.get(id, ()))
    for id, falsifies in FALSIFIES.items()
}
FAULTS |= PLANTED
