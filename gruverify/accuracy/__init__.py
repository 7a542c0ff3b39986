"""How accurate a GRU is: the errors of its σ, tanh and steps, measured."""

from gruverify.accuracy._functions import Shown as Shown
from gruverify.accuracy._functions import shown_functions as shown_functions
from gruverify.accuracy._result import Accuracy as Accuracy
from gruverify.accuracy._result import accuracy as accuracy
from gruverify.accuracy._result import accuracy_of as accuracy_of
from gruverify.accuracy._steps import StepErrors as StepErrors
from gruverify.accuracy._steps import step_errors as step_errors
