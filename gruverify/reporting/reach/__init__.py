"""What `gruverify reach` found: on a terminal, as JSON values, and as a picture."""

from gruverify.reporting.reach._document import reach_document as reach_document
from gruverify.reporting.reach._document import verdict_of as verdict_of
from gruverify.reporting.reach._plot import plot_reach as plot_reach
from gruverify.reporting.reach._text import print_reach as print_reach
