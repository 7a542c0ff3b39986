"""What must hold of every GRU: one folder or file per family, one small function per statement."""

from importlib import import_module

from gruverify.invariants.core._blocks import compared as compared
from gruverify.invariants.core._exact import Exact as Exact
from gruverify.invariants.core._observed import Observed as Observed
from gruverify.invariants.core._obstacle import BackendRaised as BackendRaised
from gruverify.invariants.core._obstacle import Declined as Declined
from gruverify.invariants.core._obstacle import Malformed as Malformed
from gruverify.invariants.core._obstacle import Obstacle as Obstacle
from gruverify.invariants.core._obstacle import RuledOut as RuledOut
from gruverify.invariants.core._registry import INVARIANTS as INVARIANTS
from gruverify.invariants.core._registry import Bound as Bound
from gruverify.invariants.core._registry import Invariant as Invariant
from gruverify.invariants.core._registry import invariant as invariant
from gruverify.invariants.core._residual import STATES as STATES
from gruverify.invariants.core._residual import Entries as Entries
from gruverify.invariants.core._residual import Residual as Residual
from gruverify.invariants.core._residual import compare as compare
from gruverify.invariants.core._residual import nothing_claimed as nothing_claimed
from gruverify.invariants.core._residual import worst as worst
from gruverify.invariants.core._stack_trial import StackChange as StackChange
from gruverify.invariants.core._stack_trial import StackExact as StackExact
from gruverify.invariants.core._stack_trial import StackObserved as StackObserved
from gruverify.invariants.core._stack_trial import StackTrial as StackTrial
from gruverify.invariants.core._trial import Change as Change
from gruverify.invariants.core._trial import Trial as Trial

#: Where the invariants are, family by family: they register when they are imported, in the order of
#: every report.
MODULES = (
    "contract._first_answers",
    "contract._stacks",
    "contract._manners",
    "contract._layout",
    "contract._empty",
    "contract._module_weights",
    "agreement._balls",
    "agreement._each_step",
    "agreement._each_cotangent",
    "agreement._long_gradient",
    "agreement._one_unit",
    "regimes._three_cases",
    "regimes._driven",
    "regimes._constant_gates",
    "regimes._hard_reset",
    "_bounds",
    "_symmetry",
    "_conventions",
    "dynamics._fixed_points",
    "dynamics._long_runs",
    "_sequence",
    "numerics._special_numbers",
    "numerics._sweeps",
    "numerics._small_states",
    "stack._balls",
    "stack._each_step",
    "stack._relations",
    "stack._padding",
    "stack._extremes",
    "gradient._shape",
    "gradient._cotangents",
    "gradient._parts",
    "gradient._units",
    "gradient._directions",
    "_second_order",
)
for module in MODULES:
    import_module(f"{__name__}.{module}")

from gruverify.invariants.contract._manners import SAME_BITS as SAME_BITS  # noqa: E402  # it registers, too
