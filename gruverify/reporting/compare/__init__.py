"""Two results, the older and the newer: what got worse and what got better, as data, text, Markdown
and JSON.
"""

from gruverify.reporting.compare._change import Change as Change
from gruverify.reporting.compare._change import Kind as Kind
from gruverify.reporting.compare._change import Threshold as Threshold
from gruverify.reporting.compare._comparison import Comparison as Comparison
from gruverify.reporting.compare._comparison import Trigger as Trigger
from gruverify.reporting.compare._comparison import compared as compared
from gruverify.reporting.compare._figures import figures as figures
from gruverify.reporting.compare._json import comparison_document as comparison_document
from gruverify.reporting.compare._json import comparison_text as comparison_text
from gruverify.reporting.compare._markdown import comparison_markdown as comparison_markdown
from gruverify.reporting.compare._text import print_comparison as print_comparison
