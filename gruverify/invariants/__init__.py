"""What must hold of every GRU: one file per family, one small function per statement."""

# The families register themselves; their order here is the order of every report.
from gruverify.invariants import _contract as _contract

from gruverify.invariants import _stack_contract as _stack_contract  # isort: skip
from gruverify.invariants import _manners as _manners  # isort: skip
from gruverify.invariants import _layout as _layout  # isort: skip
from gruverify.invariants import _empty as _empty  # isort: skip
from gruverify.invariants import _module_weights as _module_weights  # isort: skip
from gruverify.invariants import _agreement as _agreement  # isort: skip
from gruverify.invariants import _each_step as _each_step  # isort: skip
from gruverify.invariants import _each_cotangent as _each_cotangent  # isort: skip
from gruverify.invariants import _long_gradient as _long_gradient  # isort: skip
from gruverify.invariants import _one_unit as _one_unit  # isort: skip
from gruverify.invariants import _regimes as _regimes  # isort: skip
from gruverify.invariants import _driven as _driven  # isort: skip
from gruverify.invariants import _constant_gates as _constant_gates  # isort: skip
from gruverify.invariants import _hard_reset as _hard_reset  # isort: skip
from gruverify.invariants import _bounds as _bounds  # isort: skip
from gruverify.invariants import _symmetry as _symmetry  # isort: skip
from gruverify.invariants import _conventions as _conventions  # isort: skip
from gruverify.invariants import _dynamics as _dynamics  # isort: skip
from gruverify.invariants import _long_runs as _long_runs  # isort: skip
from gruverify.invariants import _sequence as _sequence  # isort: skip
from gruverify.invariants import _numerics as _numerics  # isort: skip
from gruverify.invariants import _sweeps as _sweeps  # isort: skip
from gruverify.invariants import _small_states as _small_states  # isort: skip
from gruverify.invariants import _stack as _stack  # isort: skip
from gruverify.invariants import _stack_steps as _stack_steps  # isort: skip
from gruverify.invariants import _stack_relations as _stack_relations  # isort: skip
from gruverify.invariants import _stack_padding as _stack_padding  # isort: skip
from gruverify.invariants import _stack_extremes as _stack_extremes  # isort: skip
from gruverify.invariants import _gradient_shape as _gradient_shape  # isort: skip
from gruverify.invariants import _cotangents as _cotangents  # isort: skip
from gruverify.invariants import _gradient_parts as _gradient_parts  # isort: skip
from gruverify.invariants import _gradient_units as _gradient_units  # isort: skip
from gruverify.invariants import _directions as _directions  # isort: skip
from gruverify.invariants import _second_order as _second_order  # isort: skip
from gruverify.invariants._manners import SAME_BITS as SAME_BITS
from gruverify.invariants._obstacle import BackendRaised as BackendRaised
from gruverify.invariants._obstacle import Declined as Declined
from gruverify.invariants._obstacle import Malformed as Malformed
from gruverify.invariants._obstacle import Obstacle as Obstacle
from gruverify.invariants._obstacle import RuledOut as RuledOut
from gruverify.invariants._registry import INVARIANTS as INVARIANTS
from gruverify.invariants._registry import Bound as Bound
from gruverify.invariants._registry import Invariant as Invariant
from gruverify.invariants._registry import invariant as invariant
from gruverify.invariants._residual import Entries as Entries
from gruverify.invariants._residual import Residual as Residual
from gruverify.invariants._residual import compare as compare
from gruverify.invariants._residual import nothing_claimed as nothing_claimed
from gruverify.invariants._stack_trial import StackChange as StackChange
from gruverify.invariants._stack_trial import StackExact as StackExact
from gruverify.invariants._stack_trial import StackObserved as StackObserved
from gruverify.invariants._stack_trial import StackTrial as StackTrial
from gruverify.invariants._trial import Change as Change
from gruverify.invariants._trial import Exact as Exact
from gruverify.invariants._trial import Observed as Observed
from gruverify.invariants._trial import Trial as Trial
