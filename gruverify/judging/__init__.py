"""Your model, your data: whether recorded outputs differ from the mathematics by rounding, or by a
bug.
"""

from gruverify.judging._causes import Cause as Cause
from gruverify.judging._causes import Declared as Declared
from gruverify.judging._distance import Distance as Distance
from gruverify.judging._distance import distance as distance
from gruverify.judging._envelope import envelope as envelope
from gruverify.judging._held import Entry as Entry
from gruverify.judging._last import rule_last as rule_last
from gruverify.judging._leaning import Leaning as Leaning
from gruverify.judging._order import own_order as own_order
from gruverify.judging._order import reordered as reordered
from gruverify.judging._record import BadRecord as BadRecord
from gruverify.judging._record import Record as Record
from gruverify.judging._record import initial_states as initial_states
from gruverify.judging._record import numbers as numbers
from gruverify.judging._record import record as record
from gruverify.judging._record import require_inputs as require_inputs
from gruverify.judging._ruling import Ruling as Ruling
from gruverify.judging._ruling import Verdict as Verdict
from gruverify.judging._ruling import judge as judge
from gruverify.judging._ruling import rule as rule
from gruverify.judging._walk import known_of as known_of
from gruverify.judging._walk import model_of as model_of
