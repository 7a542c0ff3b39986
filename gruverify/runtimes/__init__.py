"""Model files in the runtimes that run them: every GRU of a file in place, its outputs held against
the mathematics.
"""

from gruverify.runtimes._check import Judged as Judged
from gruverify.runtimes._check import NodeResult as NodeResult
from gruverify.runtimes._check import check_part as check_part
from gruverify.runtimes._draw import drawn_inputs as drawn_inputs
from gruverify.runtimes._inputs import Given as Given
from gruverify.runtimes._inputs import Wanted as Wanted
from gruverify.runtimes._parts import NodePart as NodePart
from gruverify.runtimes._parts import Part as Part
from gruverify.runtimes._ports import ROLES as ROLES
from gruverify.runtimes._result import CASES as CASES
from gruverify.runtimes._result import FileResult as FileResult
from gruverify.runtimes._result import Whole as Whole
from gruverify.runtimes._result import check_file as check_file
from gruverify.runtimes._runtime import RUNTIMES as RUNTIMES
from gruverify.runtimes._runtime import Runtime as Runtime
from gruverify.runtimes._runtime import runtime_named as runtime_named
