"""Models of files: arrays by name, the GRUs among them as cells and stacks, and the same in another
layout. Nothing of a file is executed.
"""

from gruverify.models._convert import CONVERTED as CONVERTED
from gruverify.models._convert import Converted as Converted
from gruverify.models._convert import as_layers as as_layers
from gruverify.models._convert import convert as convert
from gruverify.models._convert import read_flat as read_flat
from gruverify.models._cudnn import FlatSizes as FlatSizes
from gruverify.models._encode import layout_of as layout_of
from gruverify.models._encode import npz_bytes as npz_bytes
from gruverify.models._encode import safetensors_bytes as safetensors_bytes
from gruverify.models._files import BadFile as BadFile
from gruverify.models._files import read_arrays as read_arrays
from gruverify.models._grus import Gru as Gru
from gruverify.models._grus import array_beside as array_beside
from gruverify.models._grus import array_of as array_of
from gruverify.models._grus import grus_among as grus_among
from gruverify.models._grus import read_grus as read_grus
from gruverify.models._names import LAYOUT_NAMES as LAYOUT_NAMES
from gruverify.models._onnx_chains import OnnxChain as OnnxChain
from gruverify.models._onnx_file import OnnxFile as OnnxFile
from gruverify.models._onnx_file import onnx_file as onnx_file
from gruverify.models._onnx_file import onnx_nodes as onnx_nodes
from gruverify.models._onnx_nodes import OnnxNode as OnnxNode
from gruverify.models._onnx_whole import onnx_whole as onnx_whole
from gruverify.models._proof import NotTheSame as NotTheSame
from gruverify.models._proof import Proof as Proof
from gruverify.models._whole import Port as Port
from gruverify.models._whole import WholeModel as WholeModel
