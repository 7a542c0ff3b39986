"""Models of files: arrays by name, and the GRUs among them as cells and stacks. Nothing of a file
is executed.
"""

from gruverify.models._files import BadFile as BadFile
from gruverify.models._files import read_arrays as read_arrays
from gruverify.models._grus import Gru as Gru
from gruverify.models._grus import array_of as array_of
from gruverify.models._grus import grus_among as grus_among
from gruverify.models._grus import read_grus as read_grus
from gruverify.models._names import LAYOUT_NAMES as LAYOUT_NAMES
