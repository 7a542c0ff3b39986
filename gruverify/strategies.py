"""Hypothesis strategies for recurrent networks: the shelf of gruverify_strategies under gruverify's
name.

from gruverify import strategies as gst

Needs hypothesis, not torch.
"""

from gruverify_strategies import Batch as Batch
from gruverify_strategies import Control as Control
from gruverify_strategies import Drive as Drive
from gruverify_strategies import LaidOut as LaidOut
from gruverify_strategies import Regime as Regime
from gruverify_strategies import Regimes as Regimes
from gruverify_strategies import Sizes as Sizes
from gruverify_strategies import cases as cases
from gruverify_strategies import cells as cells
from gruverify_strategies import controls as controls
from gruverify_strategies import cotangents as cotangents
from gruverify_strategies import drawn_from as drawn_from
from gruverify_strategies import floats_near as floats_near
from gruverify_strategies import formats as formats
from gruverify_strategies import inputs as inputs
from gruverify_strategies import layouts as layouts
from gruverify_strategies import lengths as lengths
from gruverify_strategies import mask_pairs as mask_pairs
from gruverify_strategies import masks as masks
from gruverify_strategies import regimes as regimes
from gruverify_strategies import sequences as sequences
from gruverify_strategies import sizes as sizes
from gruverify_strategies import specials as specials
from gruverify_strategies import stack_cases as stack_cases
from gruverify_strategies import stacks as stacks
from gruverify_strategies import states as states
from gruverify_strategies import torch_cells as torch_cells
from gruverify_strategies import torch_grus as torch_grus
from gruverify_strategies import unit_masks as unit_masks
from gruverify_strategies import variants as variants
from gruverify_strategies import views as views
