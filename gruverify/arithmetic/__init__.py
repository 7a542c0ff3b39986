"""Formats, and the numbers that the formulas are evaluated over. The only place with literal
rounding constants.
"""

from gruverify._announce import announce as _announce
from gruverify.arithmetic._activation import USUAL as USUAL
from gruverify.arithmetic._activation import Activation as Activation
from gruverify.arithmetic._activation import Functions as Functions
from gruverify.arithmetic._activation_names import Said as Said
from gruverify.arithmetic._activation_names import activation_in as activation_in
from gruverify.arithmetic._activation_names import activation_named as activation_named
from gruverify.arithmetic._activation_names import functions_named as functions_named
from gruverify.arithmetic._activation_names import in_words as in_words
from gruverify.arithmetic._activation_names import parameters_of as parameters_of
from gruverify.arithmetic._activation_names import (
    with_parameters_exchanged as with_parameters_exchanged,
)
from gruverify.arithmetic._affine import GENERATORS as GENERATORS
from gruverify.arithmetic._affine import ROOTS as ROOTS
from gruverify.arithmetic._affine import Affine as Affine
from gruverify.arithmetic._affine import Noise as Noise
from gruverify.arithmetic._any_order import FLAT as FLAT
from gruverify.arithmetic._any_order import QUICKEST as QUICKEST
from gruverify.arithmetic._any_order import in_any_order as in_any_order
from gruverify.arithmetic._arrays import NDArray as NDArray
from gruverify.arithmetic._ball import Ball as Ball
from gruverify.arithmetic._blend import blend_rounding as blend_rounding
from gruverify.arithmetic._bounds import SHARE as SHARE
from gruverify.arithmetic._bounds import STATES as STATES
from gruverify.arithmetic._chance import DRAWS as DRAWS
from gruverify.arithmetic._chance import RARE as RARE
from gruverify.arithmetic._chance import chance as chance
from gruverify.arithmetic._decimals import Decimals as Decimals
from gruverify.arithmetic._decimals import decimals_of as decimals_of
from gruverify.arithmetic._dual import Dual as Dual
from gruverify.arithmetic._formats import FORMATS as FORMATS
from gruverify.arithmetic._formats import Format as Format
from gruverify.arithmetic._formats import bfloat16 as bfloat16
from gruverify.arithmetic._formats import float16 as float16
from gruverify.arithmetic._formats import float32 as float32
from gruverify.arithmetic._formats import float64 as float64
from gruverify.arithmetic._formats import format_named as format_named
from gruverify.arithmetic._formats import format_of as format_of
from gruverify.arithmetic._formats import formats_named as formats_named
from gruverify.arithmetic._functions import Array as Array
from gruverify.arithmetic._functions import blend as blend
from gruverify.arithmetic._functions import carried as carried
from gruverify.arithmetic._functions import combined_rows as combined_rows
from gruverify.arithmetic._functions import diagonal as diagonal
from gruverify.arithmetic._functions import floating as floating
from gruverify.arithmetic._functions import placed as placed
from gruverify.arithmetic._functions import sigmoid as sigmoid
from gruverify.arithmetic._functions import tanh as tanh
from gruverify.arithmetic._joined import joined_rows as joined_rows
from gruverify.arithmetic._joined import plain as plain
from gruverify.arithmetic._levels import Band as Band
from gruverify.arithmetic._levels import candidate_bands as candidate_bands
from gruverify.arithmetic._levels import gate_bands as gate_bands
from gruverify.arithmetic._norms import spectral_norms as spectral_norms
from gruverify.arithmetic._optional import optional as optional
from gruverify.arithmetic._recorded import as_recorded as as_recorded
from gruverify.arithmetic._recorded import is_narrower as is_narrower
from gruverify.arithmetic._recorded import rounded_to as rounded_to
from gruverify.arithmetic._recorded import spacing as spacing
from gruverify.arithmetic._recorded import went_on_with as went_on_with
from gruverify.arithmetic._rounding import KAPPA as KAPPA
from gruverify.arithmetic._rounding import LIBRARIES as LIBRARIES
from gruverify.arithmetic._rounding import OUTWARD as OUTWARD
from gruverify.arithmetic._rounding import Rounding as Rounding
from gruverify.arithmetic._steps import Steps as Steps
from gruverify.arithmetic._steps import each_by_itself as each_by_itself
from gruverify.arithmetic._steps import steps_of as steps_of
from gruverify.arithmetic._wide import emulated as emulated

# Whoever waits for the types above, as Hypothesis may, finds all of them now.
_announce()
