"""The mathematics of the GRU, written once for every arithmetic: read `_step`, `_bptt`, `_stack`,
then `_limits`.
"""

from gruverify.formulas._bptt import Bptt as Bptt
from gruverify.formulas._bptt import Contribution as Contribution
from gruverify.formulas._bptt import Run as Run
from gruverify.formulas._bptt import bptt as bptt
from gruverify.formulas._bptt import contributions as contributions
from gruverify.formulas._bptt import sequence as sequence
from gruverify.formulas._bptt import total as total
from gruverify.formulas._directional import directional_run as directional_run
from gruverify.formulas._directional import hvp as hvp
from gruverify.formulas._directional import jvp as jvp
from gruverify.formulas._directional import moving_parameters as moving_parameters
from gruverify.formulas._limits import Magnitudes as Magnitudes
from gruverify.formulas._limits import carry_gap as carry_gap
from gruverify.formulas._limits import carry_growth as carry_growth
from gruverify.formulas._limits import carry_rate as carry_rate
from gruverify.formulas._limits import elman_gap as elman_gap
from gruverify.formulas._limits import forget_gap as forget_gap
from gruverify.formulas._limits import magnitudes as magnitudes
from gruverify.formulas._stack import StackBptt as StackBptt
from gruverify.formulas._stack import StackRun as StackRun
from gruverify.formulas._stack import stack as stack
from gruverify.formulas._stack import stack_bptt as stack_bptt
from gruverify.formulas._step import ACTIVATIONS as ACTIVATIONS
from gruverify.formulas._step import Activations as Activations
from gruverify.formulas._step import GateCotangents as GateCotangents
from gruverify.formulas._step import Pullback as Pullback
from gruverify.formulas._step import activations as activations
from gruverify.formulas._step import back_to_state as back_to_state
from gruverify.formulas._step import candidate_slope as candidate_slope
from gruverify.formulas._step import gate_cotangents as gate_cotangents
from gruverify.formulas._step import into_inputs as into_inputs
from gruverify.formulas._step import into_parameters as into_parameters
from gruverify.formulas._step import jacobian as jacobian
from gruverify.formulas._step import jacobian_of_state as jacobian_of_state
from gruverify.formulas._step import known_cotangents as known_cotangents
from gruverify.formulas._step import next_state as next_state
from gruverify.formulas._step import pullback as pullback
from gruverify.formulas._step import pullback_through as pullback_through
from gruverify.formulas._step import reset_slope as reset_slope
from gruverify.formulas._step import step as step
from gruverify.formulas._step import through_gates as through_gates
from gruverify.formulas._step import update_slope as update_slope
