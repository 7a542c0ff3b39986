"""Results as pages: self-contained, readable without a network or a script, everything from the
target escaped.
"""

from gruverify.reporting.page._comparison import comparison_page as comparison_page
from gruverify.reporting.page._diagnosis import diagnosis_page as diagnosis_page
from gruverify.reporting.page._render import MARK as MARK
from gruverify.reporting.page._result import result_page as result_page
