"""The fault bank: wrong GRUs, one idea each, with the invariants that each of them must falsify."""

from __future__ import annotations

from . import _backward_faults as _backward_faults
from . import _contract_faults as _contract_faults
from . import _forward_faults as _forward_faults
from ._faulty import FAULTS as FAULTS
from ._faulty import Fault as Fault
