"""The mathematics of the GRU, written once for every arithmetic. Start with `_step`, then `_bptt`, then `_limits`."""

from gruverify.formulas._bptt import Bptt as Bptt
from gruverify.formulas._bptt import Contribution as Contribution
from gruverify.formulas._bptt import Run as Run
from gruverify.formulas._bptt import bptt as bptt
from gruverify.formulas._bptt import contributions as contributions
from gruverify.formulas._bptt import sequence as sequence
from gruverify.formulas._bptt import total as total
from gruverify.formulas._limits import Magnitudes as Magnitudes
from gruverify.formulas._limits import carry_gap as carry_gap
from gruverify.formulas._limits import carry_growth as carry_growth
from gruverify.formulas._limits import carry_rate as carry_rate
from gruverify.formulas._limits import elman_gap as elman_gap
from gruverify.formulas._limits import forget_gap as forget_gap
from gruverify.formulas._limits import magnitudes as magnitudes
from gruverify.formulas._step import Activations as Activations
from gruverify.formulas._step import Pullback as Pullback
from gruverify.formulas._step import activations as activations
from gruverify.formulas._step import candidate_slope as candidate_slope
from gruverify.formulas._step import jacobian as jacobian
from gruverify.formulas._step import next_state as next_state
from gruverify.formulas._step import pullback as pullback
from gruverify.formulas._step import reset_slope as reset_slope
from gruverify.formulas._step import step as step
from gruverify.formulas._step import update_slope as update_slope
