"""Where gradients go when the gates close: the project's question, answered with numbers."""

from gruverify.reporting.explain._explanation import Explanation as Explanation
from gruverify.reporting.explain._explanation import explain as explain
from gruverify.reporting.explain._flow import gradient_flow as gradient_flow
from gruverify.reporting.explain._plot import SUFFIXES as SUFFIXES
from gruverify.reporting.explain._plot import PlotUnavailable as PlotUnavailable
from gruverify.reporting.explain._plot import draw_series as draw_series
from gruverify.reporting.explain._plot import plot_explanation as plot_explanation
from gruverify.reporting.explain._plot import power as power
from gruverify.reporting.explain._plot import require_plotting as require_plotting
from gruverify.reporting.explain._setting import Setting as Setting
from gruverify.reporting.explain._text import print_explanation as print_explanation
