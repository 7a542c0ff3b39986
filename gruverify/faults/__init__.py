"""The fault bank: GRUs that are wrong in one way each, to try a test with; and right ones that it
must let pass.

    gruverify check gruverify.faults:inverted-update-gate

`FAULTS` and `EQUIVALENTS` have them by id; each is built afresh by `fault.build()`.
"""

from typing import Any

from gruverify.faults import (
    _activations,
    _answers,
    _autograd,
    _backprop,
    _contract,
    _directions,
    _equations,
    _equivalents,
    _extremes,
    _functions,
    _gradients,
    _jacobians,
    _masks,
    _modules,
    _other_functions,
    _precision,
    _pullbacks,
    _sequences,
    _stack_gradients,
    _stack_masks,
    _stacks,
    _weights,
    _zoneout,
)
from gruverify.faults._fault import OBSERVABLES as OBSERVABLES
from gruverify.faults._fault import RIGHT, WRONG, file_by_file
from gruverify.faults._fault import Fault as Fault
from gruverify.faults._fault import Kind as Kind

#: Where the entries of the bank are, in the order of every report.
FILES = (
    _weights,
    _equations,
    _functions,
    _activations,
    _precision,
    _answers,
    _sequences,
    _jacobians,
    _gradients,
    _pullbacks,
    _backprop,
    _directions,
    _autograd,
    _contract,
    _modules,
    _stacks,
    _stack_gradients,
    _stack_masks,
    _extremes,
    _masks,
    _zoneout,
    _other_functions,
    _equivalents,
)

#: The faults by id.
FAULTS = file_by_file(WRONG, FILES)
#: Rewrites of the same mathematics by id, which every invariant must let pass.
EQUIVALENTS = file_by_file(RIGHT, FILES)


def __getattr__(name: str) -> Any:
    """A backend by its id, so that it has a TARGET: gruverify.faults:ID."""
    # Built at every access: a fault may remember what it saw, so two targets must not share one.
    found = FAULTS.get(name) or EQUIVALENTS.get(name)
    if found is None:
        raise AttributeError(f"there is no fault {name!r}")
    return found.build()


def __dir__() -> list[str]:
    return [*globals(), *FAULTS, *EQUIVALENTS]
