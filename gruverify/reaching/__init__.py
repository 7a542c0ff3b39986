"""Where the states of a GRU may be, for every input and initial state in a box, and what is proved
of them.
"""

from gruverify.reaching._api import boxes_of as boxes_of
from gruverify.reaching._api import linear_layer as linear_layer
from gruverify.reaching._api import reach as reach
from gruverify.reaching._api import reach_of as reach_of
from gruverify.reaching._api import rounding as rounding
from gruverify.reaching._boxes import Box as Box
from gruverify.reaching._boxes import Boxes as Boxes
from gruverify.reaching._boxes import CannotReach as CannotReach
from gruverify.reaching._pieces import bisected as bisected
from gruverify.reaching._property import Property as Property
from gruverify.reaching._property import property_named as property_named
from gruverify.reaching._reach import Answer as Answer
from gruverify.reaching._reach import Reach as Reach
from gruverify.reaching._reach import Settings as Settings
from gruverify.reaching._reach import Verdict as Verdict
from gruverify.reaching._reach import reached as reached
from gruverify.reaching._run import Enclosed as Enclosed
from gruverify.reaching._run import Model as Model
from gruverify.reaching._run import enclosed as enclosed
from gruverify.reaching._run import in_format as in_format
from gruverify.reaching._search import Counterexample as Counterexample
from gruverify.reaching._search import counterexample as counterexample
from gruverify.reaching._search import run_in_format as run_in_format
