"""The kill matrix: the bank of faults put to the invariants."""

from gruverify.matrix._cover import Cover as Cover
from gruverify.matrix._cover import cover as cover
from gruverify.matrix._fate import Fate as Fate
from gruverify.matrix._fate import Found as Found
from gruverify.matrix._fate import fate as fate
from gruverify.matrix._fate import first_fall as first_fall
from gruverify.matrix._matrix import Matrix as Matrix
from gruverify.matrix._run import entries as entries
from gruverify.matrix._run import kill_matrix as kill_matrix
