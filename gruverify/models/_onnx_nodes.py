"""The GRU nodes of an ONNX model, each as a model of its own that a runtime can run: the node with
its attributes and its weights as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gruverify._named import Keywords
from gruverify._visible import visible
from gruverify.arithmetic import NDArray
from gruverify.models._grus import Gru, grus_among
from gruverify.models._onnx import remarks_of, weights_of
from gruverify.models._onnx_graphs import Graphs, Node
from gruverify.models._onnx_models import OPERATOR, Written
from gruverify.models._onnx_tensors import AbsentData

#: The inputs of the operator that a call gives.
GIVEN = ("X", "sequence_lens", "initial_h")


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """A GRU node. model: the bytes of an ONNX model with this node alone, weights inside, whose
    inputs are X and whatever else of sequence_lens and initial_h the node takes, and whose outputs
    are Y and Y_h; batch_first: it has layout=1; sizes: T and B, where the file fixes them; gru:
    what it computes, None if that is not modelled here, for the reason that `refused` says, or if
    its weights are not all there or do not fit, as `damaged` says; stored: the types in which its
    weights are stored.
    """

    name: str
    model: bytes
    takes: frozenset[str]
    batch_first: bool
    gru: Gru | None
    refused: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    stored: frozenset[str] = frozenset()
    damaged: str = ""


def nodes_of(graphs: Graphs) -> Iterator[OnnxNode]:
    """The GRU nodes of a model."""
    for name, node in graphs.grus.items():
        arrays, stored, gru = dict[str, NDArray](), frozenset[str](), None
        refused, damaged = "", ""
        try:
            arrays, stored = weights_of(name, graphs)
        except AbsentData as absent:
            damaged = visible(str(absent))
        except ValueError as wrong:
            refused = visible(str(wrong))
        if not refused and not damaged:
            gru, refused, damaged = _gru(name, arrays, remarks_of(graphs, arrays))
        takes = frozenset(leaf for leaf in GIVEN if node.operand(OPERATOR.index(leaf)))
        sizes = sizes_of(node, graphs)
        model = b"" if gru is None else _model(name, node, arrays, sizes, graphs)
        first = is_batch_first(node)
        yield OnnxNode(name, model, takes, first, gru, refused, sizes, stored, damaged)


def _gru(name: str, arrays: dict[str, NDArray], remarks: Keywords) -> tuple[Gru | None, str, str]:
    """What a node computes, or why that is not modelled here, or what of its weights does not
    fit.
    """
    if name in remarks["refused"]:
        return None, visible(remarks["refused"][name]), ""
    try:
        [gru] = grus_among(arrays, layout="onnx", attributes=True, **remarks)
    except ValueError as wrong:
        return None, "", visible(str(wrong))
    return gru, "", ""


def _model(
    name: str, node: Node, arrays: dict[str, NDArray], sizes: dict[str, int], graphs: Graphs
) -> bytes:
    """The bytes of a model of the node alone, in the versions of the whole."""
    written = Written(graphs, sizes)
    operands = {leaf: leaf for leaf in OPERATOR if node.operand(OPERATOR.index(leaf))}
    written.gru(name, node, arrays, operands, {"Y": "Y", "Y_h": "Y_h"})
    return written.model(name)


def is_batch_first(node: Node) -> bool:
    """Whether it has layout=1."""
    return bool(node.number("layout"))


def sizes_of(node: Node, graphs: Graphs) -> dict[str, int]:
    """T and B of a node, where the file fixes them: in the sizes of X, Y or initial_h."""
    found = dict[str, int]()
    first, second = ("B", "T") if is_batch_first(node) else ("T", "B")
    for name, letters in (
        # X says most, and so comes first: `setdefault` keeps what was found first.
        (node.operand(0), (first, second, "I")),
        (node.outputs[0] if node.outputs else "", (first, "?", "B", "H")),
        (node.operand(5), ("?", "B", "H")),
    ):
        port = graphs.values.get(name)
        if port is None or port.shape is None or len(port.shape) != len(letters):
            continue
        if is_batch_first(node) and letters[-1] == "H":
            continue  # its other arrangements say nothing that X does not
        for letter, size in zip(letters, port.shape, strict=True):
            if letter in ("T", "B") and size is not None:
                found.setdefault(letter, size)
    return found
