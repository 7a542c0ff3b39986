"""How much of the space of gates and of sizes a run visited: functional coverage, as hardware
verification has it.
"""

from gruverify.coverage._coverage import Coverage as Coverage
from gruverify.coverage._coverage import merged as merged
from gruverify.coverage._groups import GATES as GATES
from gruverify.coverage._groups import GROUPS as GROUPS
from gruverify.coverage._groups import SIZES as SIZES
from gruverify.coverage._groups import Axis as Axis
from gruverify.coverage._groups import Bin as Bin
from gruverify.coverage._groups import Group as Group
from gruverify.coverage._sizes import excluded as excluded
from gruverify.coverage._sizes import size_holes as size_holes
from gruverify.coverage._sizes import sizes_visited as sizes_visited
from gruverify.coverage._visits import visits as visits
