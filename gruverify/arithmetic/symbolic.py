"""The symbolic arithmetic, from the extra `gruverify[symbolic]`: proofs of identities between
formulas.
"""

from gruverify.arithmetic._symbolic import Sigmoid as Sigmoid
from gruverify.arithmetic._symbolic import SymbolicArray as SymbolicArray
from gruverify.arithmetic._symbolic import Tanh as Tanh
from gruverify.arithmetic._symbolic import derivative as derivative
from gruverify.arithmetic._symbolic import identical as identical
from gruverify.arithmetic._symbolic import symbolic_array as symbolic_array
from gruverify.arithmetic._symbolic import symbols as symbols
