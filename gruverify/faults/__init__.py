"""The fault bank: GRUs that are wrong in one way each, to try a test with; and right ones that it
must let pass.

    gruverify check gruverify.faults:inverted-update-gate

`FAULTS` and `EQUIVALENTS` have them by id; each is built anew by `fault.build()`.
"""

from typing import Any

# The files register what is in them; their order here is the order of every report.
from gruverify.faults import _weights as _weights

from gruverify.faults import _equations as _equations  # isort: skip
from gruverify.faults import _functions as _functions  # isort: skip
from gruverify.faults import _activations as _activations  # isort: skip
from gruverify.faults import _precision as _precision  # isort: skip
from gruverify.faults import _answers as _answers  # isort: skip
from gruverify.faults import _sequences as _sequences  # isort: skip
from gruverify.faults import _jacobians as _jacobians  # isort: skip
from gruverify.faults import _gradients as _gradients  # isort: skip
from gruverify.faults import _pullbacks as _pullbacks  # isort: skip
from gruverify.faults import _backprop as _backprop  # isort: skip
from gruverify.faults import _directions as _directions  # isort: skip
from gruverify.faults import _autograd as _autograd  # isort: skip
from gruverify.faults import _contract as _contract  # isort: skip
from gruverify.faults import _modules as _modules  # isort: skip
from gruverify.faults import _stacks as _stacks  # isort: skip
from gruverify.faults import _stack_gradients as _stack_gradients  # isort: skip
from gruverify.faults import _extremes as _extremes  # isort: skip
from gruverify.faults import _equivalents as _equivalents  # isort: skip
from gruverify.faults._fault import EQUIVALENTS as EQUIVALENTS
from gruverify.faults._fault import FAULTS as FAULTS
from gruverify.faults._fault import OBSERVABLES as OBSERVABLES
from gruverify.faults._fault import Fault as Fault
from gruverify.faults._fault import Kind as Kind


def __getattr__(name: str) -> Any:
    """A backend by its id, so that it has a TARGET: gruverify.faults:ID."""
    # Built at every access: a fault may remember what it saw, so two targets must not share one.
    found = FAULTS.get(name) or EQUIVALENTS.get(name)
    if found is None:
        raise AttributeError(f"there is no fault {name!r}")
    return found.build()


def __dir__() -> list[str]:
    return [*globals(), *FAULTS, *EQUIVALENTS]
