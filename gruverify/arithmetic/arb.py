"""The Arb arithmetic, from the extra `gruverify[arb]`: rigorous enclosures of the true value."""

from gruverify.arithmetic._arb import BITS as BITS
from gruverify.arithmetic._arb import ArbArray as ArbArray
from gruverify.arithmetic._arb import arb_array as arb_array
