"""Parts of an ONNX model as models of their own, written as the bytes of their protocol buffer.
Numbers of fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gruverify._protobuf import field
from gruverify.arithmetic import NDArray
from gruverify.models._onnx_graphs import Graphs, Node
from gruverify.models._onnx_tensors import ONNX_TYPES

#: The inputs of the operator, in its order.
OPERATOR = ("X", "W", "R", "B", "sequence_lens", "initial_h")
_INT32 = 6
_KINDS = {dtype.name: kind for kind, dtype in ONNX_TYPES.items()}


class Written:
    """A model that is being written, in the versions of the one that it is a part of; sizes: T and
    B, where they are fixed.
    """

    def __init__(self, graphs: Graphs, sizes: Mapping[str, int]) -> None:
        self._graphs, self._sizes = graphs, sizes
        self._nodes, self._tensors = list[bytes](), list[bytes]()
        self._inputs, self._outputs = dict[str, bytes](), list[bytes]()

    def gru(
        self,
        name: str,
        node: Node,
        arrays: Mapping[str, NDArray],
        operands: Mapping[str, str],
        outputs: Mapping[str, str],
        *,
        within: str = "",
        shown: bool = True,
    ) -> None:
        """A GRU node with its attributes. arrays: its weights behind its name and a dot; operands,
        outputs: what is called what; within: the X that another node makes; shown: whether Y is an
        output of the model.
        """
        W, R = arrays[f"{name}.W"], arrays[f"{name}.R"]
        kind, batch_first = _KINDS[W.dtype.name], bool(node.number("layout"))
        self.node(
            "GRU", name, [operands.get(leaf, "") for leaf in OPERATOR], outputs.values(), node
        )
        for leaf in "WRB":
            if leaf in operands:
                self.tensor(operands[leaf], arrays[f"{name}.{leaf}"])
        D, _, H = R.shape
        shapes = self._shapes(D, H, int(W.shape[2]), batch_first=batch_first)
        for leaf in ("X", "sequence_lens", "initial_h"):
            if leaf in operands and operands[leaf] != within:
                own = _INT32 if leaf == "sequence_lens" else kind
                self._inputs[operands[leaf]] = _info(operands[leaf], own, shapes[leaf])
        for leaf, output in outputs.items():
            if shown or leaf != "Y":
                self._outputs.append(_info(output, kind, shapes[leaf]))

    def node(
        self, kind: str, name: str, inputs: Iterable[str], outputs: Iterable[str], like: Node
    ) -> None:
        """A node of that kind with the attributes of another."""
        data = b"".join(field(1, each) for each in inputs)
        data += b"".join(field(2, each) for each in outputs)
        data += field(3, name) + field(4, kind) + b"".join(field(5, each) for each in like.raw)
        self._nodes.append(data)

    def tensor(self, name: str, array: NDArray) -> None:
        """A constant."""
        dims = b"".join(field(1, size) for size in array.shape)
        data = field(9, np.ascontiguousarray(array).tobytes())
        self._tensors.append(dims + field(2, _KINDS[array.dtype.name]) + field(8, name) + data)

    def model(self, name: str) -> bytes:
        """The bytes of all of it."""
        graph = b"".join(field(1, node) for node in self._nodes) + field(2, name)
        graph += b"".join(field(5, tensor) for tensor in self._tensors)
        graph += b"".join(field(11, info) for info in self._inputs.values())
        graph += b"".join(field(12, info) for info in self._outputs)
        # The versions of the file itself: operators mean what they mean there.
        versions = field(1, self._graphs.version) + field(2, "gruverify")
        imports = b"".join(field(8, one) for one in self._graphs.imports)
        return versions + field(7, graph) + imports

    def _shapes(
        self, D: int, H: int, I: int, *, batch_first: bool
    ) -> dict[str, tuple[int | str, ...]]:
        """The shapes of what is given and returned; time and batch by name, unless they are
        fixed.
        """
        # A size that the file fixes stays so: a runtime may have compiled code for it alone.
        T, B = (self._sizes.get(letter, letter) for letter in "TB")
        shapes: dict[str, tuple[int | str, ...]] = {
            "X": (T, B, I),
            "initial_h": (D, B, H),
            "Y": (T, D, B, H),
            "Y_h": (D, B, H),
        }
        if batch_first:
            shapes = {"X": (B, T, I), "initial_h": (B, D, H), "Y": (B, T, D, H)}
            shapes["Y_h"] = shapes["initial_h"]
        return {**shapes, "sequence_lens": (B,)}


def _info(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    """The name, type and shape of an input or output."""
    dims = b""
    for size in shape:
        dims += field(1, field(2, size) if isinstance(size, str) else field(1, size))
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))
