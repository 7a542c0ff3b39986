"""What must hold of every GRU: one folder or file per family, one small function per statement."""

from gruverify.invariants import (
    _bounds,
    _conventions,
    _second_order,
    _sequence,
    _symmetry,
    agreement,
    contract,
    dynamics,
    gradient,
    masks,
    numerics,
    regimes,
    stack,
)
from gruverify.invariants.contract._manners import SAME_BITS as SAME_BITS
from gruverify.invariants.core._blocks import block_of as block_of
from gruverify.invariants.core._blocks import blocks_of as blocks_of
from gruverify.invariants.core._blocks import compared as compared
from gruverify.invariants.core._exact import Exact as Exact
from gruverify.invariants.core._family import Family as Family
from gruverify.invariants.core._family import by_id, by_name
from gruverify.invariants.core._local import local_to as local_to
from gruverify.invariants.core._masked import hidden_outputs as hidden_outputs
from gruverify.invariants.core._masked import masked as masked
from gruverify.invariants.core._masked import with_every_mask as with_every_mask
from gruverify.invariants.core._masked_stack import hidden_in_stack as hidden_in_stack
from gruverify.invariants.core._masked_stack import masked_trial as masked_trial
from gruverify.invariants.core._masked_stack import shown_outputs as shown_outputs
from gruverify.invariants.core._masked_stack import stack_with_every_mask as stack_with_every_mask
from gruverify.invariants.core._numbers import is_large as is_large
from gruverify.invariants.core._numbers import numbers_of as numbers_of
from gruverify.invariants.core._observed import Observed as Observed
from gruverify.invariants.core._obstacle import BackendRaised as BackendRaised
from gruverify.invariants.core._obstacle import Declined as Declined
from gruverify.invariants.core._obstacle import Malformed as Malformed
from gruverify.invariants.core._obstacle import Obstacle as Obstacle
from gruverify.invariants.core._obstacle import RuledOut as RuledOut
from gruverify.invariants.core._other_functions import (
    ruled_out_by_functions as ruled_out_by_functions,
)
from gruverify.invariants.core._registry import Bound as Bound
from gruverify.invariants.core._registry import Invariant as Invariant
from gruverify.invariants.core._registry import invariant as invariant
from gruverify.invariants.core._residual import STATES as STATES
from gruverify.invariants.core._residual import Entries as Entries
from gruverify.invariants.core._residual import Residual as Residual
from gruverify.invariants.core._residual import compare as compare
from gruverify.invariants.core._residual import nothing_claimed as nothing_claimed
from gruverify.invariants.core._residual import worst as worst
from gruverify.invariants.core._shown import why_not_shown as why_not_shown
from gruverify.invariants.core._stack_trial import StackBalls as StackBalls
from gruverify.invariants.core._stack_trial import StackChange as StackChange
from gruverify.invariants.core._stack_trial import StackExact as StackExact
from gruverify.invariants.core._stack_trial import StackObserved as StackObserved
from gruverify.invariants.core._stack_trial import StackTrial as StackTrial
from gruverify.invariants.core._stack_trial import as_one as as_one
from gruverify.invariants.core._stack_trial import packed_balls as packed_balls
from gruverify.invariants.core._trial import Change as Change
from gruverify.invariants.core._trial import Trial as Trial

#: The families by name, in the order of every report.
FAMILIES = by_name(
    contract,
    agreement,
    regimes,
    _bounds,
    _symmetry,
    _conventions,
    dynamics,
    _sequence,
    numerics,
    stack,
    gradient,
    _second_order,
    masks,
)

#: All that is checked, by id, family by family.
INVARIANTS = by_id(FAMILIES)
