"""Hypothesis strategies for recurrent networks: cells, inputs, states, regimes and whole cases.

Users write `from gruverify import strategies as gst`.
"""

from gruverify._announce import announce as _announce
from gruverify_strategies._awkward import specials as specials
from gruverify_strategies._awkward import views as views
from gruverify_strategies._cases import cases as cases
from gruverify_strategies._cells import cells as cells
from gruverify_strategies._controls import Control as Control
from gruverify_strategies._controls import controls as controls
from gruverify_strategies._floats import floats_near as floats_near
from gruverify_strategies._from_bytes import drawn_from as drawn_from
from gruverify_strategies._ladder import Drive as Drive
from gruverify_strategies._layouts import LaidOut as LaidOut
from gruverify_strategies._layouts import layouts as layouts
from gruverify_strategies._lengths import Batch as Batch
from gruverify_strategies._lengths import lengths as lengths
from gruverify_strategies._lengths import sequences as sequences
from gruverify_strategies._masks import mask_pairs as mask_pairs
from gruverify_strategies._masks import masks as masks
from gruverify_strategies._masks import unit_masks as unit_masks
from gruverify_strategies._regimes import Regime as Regime
from gruverify_strategies._regimes import Regimes as Regimes
from gruverify_strategies._regimes import regimes as regimes
from gruverify_strategies._sequences import cotangents as cotangents
from gruverify_strategies._sequences import inputs as inputs
from gruverify_strategies._sequences import states as states
from gruverify_strategies._sizes import Sizes as Sizes
from gruverify_strategies._sizes import sizes as sizes
from gruverify_strategies._stack_cases import stack_cases as stack_cases
from gruverify_strategies._stacks import stacks as stacks
from gruverify_strategies._torch import torch_cells as torch_cells
from gruverify_strategies._torch import torch_grus as torch_grus
from gruverify_strategies._variants import formats as formats
from gruverify_strategies._variants import variants as variants

# Whoever waits for the types above, as Hypothesis may, finds all of them now.
_announce()
