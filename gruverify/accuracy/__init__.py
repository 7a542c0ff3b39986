"""How accurate a GRU is: the errors of σ, tanh, steps, Jacobians and gradients, measured."""

from gruverify.accuracy._answers import COMPARED as COMPARED
from gruverify.accuracy._answers import Errors as Errors
from gruverify.accuracy._answers import errors_of as errors_of
from gruverify.accuracy._functions import Shown as Shown
from gruverify.accuracy._functions import shown_functions as shown_functions
from gruverify.accuracy._regimes import REGIMES as REGIMES
from gruverify.accuracy._result import Accuracy as Accuracy
from gruverify.accuracy._result import accuracy as accuracy
from gruverify.accuracy._result import accuracy_of as accuracy_of
