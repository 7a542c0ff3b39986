"""How much of the space of gates a run visited: functional coverage, as hardware verification has it."""

from gruverify.coverage._coverage import Coverage as Coverage
from gruverify.coverage._coverage import merged as merged
from gruverify.coverage._groups import GATES as GATES
from gruverify.coverage._groups import GROUPS as GROUPS
from gruverify.coverage._groups import Axis as Axis
from gruverify.coverage._groups import Bin as Bin
from gruverify.coverage._groups import Group as Group
from gruverify.coverage._groups import excluded as excluded
from gruverify.coverage._visits import visits as visits
