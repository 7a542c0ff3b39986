"""The project's own strategies. That the module has the name of gruverify's must not matter to
either.
"""

from hypothesis import strategies as st

import gruverify
from gruverify import strategies as gst

PYTORCH = gruverify.Variant()


@st.composite
def problems(draw, format=gruverify.float64):
    """(weights, inputs (T, B, I), state (B, H)), sizes apart so that no axis is taken for
    another.
    """
    size = draw(gst.sizes(relations=["distinct"]))
    cell = draw(gst.cells(**size.bounds("HI"), formats=[format], variants=[PYTORCH]))
    inputs = draw(gst.views(gst.inputs(**size.bounds("TBI"), formats=[format])))
    state = draw(gst.views(gst.states(**size.bounds("BH"), formats=[format])))
    return cell.packed(), inputs, state
