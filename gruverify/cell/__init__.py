"""The vocabulary: variants, cells, gradients, cases."""

from gruverify._announce import announce as _announce
from gruverify.cell._arrangement import Arrangement as Arrangement
from gruverify.cell._case import Case as Case
from gruverify.cell._cell import PACKED as PACKED
from gruverify.cell._cell import Cell as Cell
from gruverify.cell._cell import unpack as unpack
from gruverify.cell._contraction import contracted as contracted
from gruverify.cell._contraction import contraction_rate as contraction_rate
from gruverify.cell._conversion import Fitted as Fitted
from gruverify.cell._conversion import fitted as fitted
from gruverify.cell._conversion import with_update as with_update
from gruverify.cell._gradients import Gradients as Gradients
from gruverify.cell._gradients import StackGradients as StackGradients
from gruverify.cell._gradients import pack as pack
from gruverify.cell._gradients import packed as packed
from gruverify.cell._layouts import LAYOUTS as LAYOUTS
from gruverify.cell._layouts import Layout as Layout
from gruverify.cell._masks import DISTINCT as DISTINCT
from gruverify.cell._masks import PATTERNS as PATTERNS
from gruverify.cell._masks import mask_names as mask_names
from gruverify.cell._masks import masks_of as masks_of
from gruverify.cell._masks import pattern as pattern
from gruverify.cell._masks import restart_names as restart_names
from gruverify.cell._masks import restarts_of as restarts_of
from gruverify.cell._masks import stack_masks_of as stack_masks_of
from gruverify.cell._masks import unit_masks_of as unit_masks_of
from gruverify.cell._masks import unit_shares_of as unit_shares_of
from gruverify.cell._parameters import BLOCKS as BLOCKS
from gruverify.cell._parameters import Parameters as Parameters
from gruverify.cell._repr import Pasteable as Pasteable
from gruverify.cell._repr import array_repr as array_repr
from gruverify.cell._stack import Stack as Stack
from gruverify.cell._stack import parameter_name as parameter_name
from gruverify.cell._stack_case import AnyCase as AnyCase
from gruverify.cell._stack_case import StackCase as StackCase
from gruverify.cell._variant import BIAS_FORMS as BIAS_FORMS
from gruverify.cell._variant import PARTLY_BIASED as PARTLY_BIASED
from gruverify.cell._variant import VARIANTS as VARIANTS
from gruverify.cell._variant import Biases as Biases
from gruverify.cell._variant import Reset as Reset
from gruverify.cell._variant import Update as Update
from gruverify.cell._variant import Variant as Variant

# Whoever waits for the types above, as Hypothesis may, finds all of them now.
_announce()
