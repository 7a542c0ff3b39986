"""The GRU nodes of an ONNX model, each as a model of its own that a runtime can run: the node with
its attributes and its weights as they are stored. Numbers of fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gruverify._named import Keywords
from gruverify._protobuf import Fields, bytes_of, field, text_of
from gruverify._visible import visible
from gruverify.arithmetic import NDArray
from gruverify.models._files import BadFile
from gruverify.models._grus import Gru, grus_among
from gruverify.models._onnx import Graphs, attributes_of, read_graphs, remarks_of, weights_of

#: The inputs of the operator, in its order, and those among them that a call gives.
_OPERATOR = ("X", "W", "R", "B", "sequence_lens", "initial_h")
_GIVEN = ("X", "sequence_lens", "initial_h")
_OUTPUTS = ("Y", "Y_h")
_INT32 = 6


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """A GRU node. model: the bytes of an ONNX model with this node alone, weights inside, whose
    inputs are X and whatever else of sequence_lens and initial_h the node takes, and whose outputs
    are Y and Y_h; batch_first: it has layout=1; gru: what it computes, None if that is not modelled
    here, for the reason that `refused` says.
    """

    name: str
    model: bytes
    takes: frozenset[str]
    batch_first: bool
    gru: Gru | None
    refused: str = ""


def onnx_nodes(path: str | Path) -> list[OnnxNode]:
    """The GRU nodes of a file, those inside bodies of If, Loop and Scan among them.

    Raises:
        BadFile: it cannot be read, is no ONNX model, or has no GRU node.
    """
    try:
        graphs = read_graphs(Path(path))
        return list(_nodes(graphs))
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except (ValueError, TypeError) as wrong:
        raise BadFile(f"{path}: {visible(str(wrong))}") from None


def _nodes(graphs: Graphs) -> Iterator[OnnxNode]:
    remarks = remarks_of(graphs)
    for name, node in graphs.grus.items():
        takes = frozenset(
            leaf
            for leaf, given in zip(_OPERATOR, node.get(1, []), strict=False)
            if leaf in _GIVEN and text_of(given)
        )
        gru, refused = _gru(name, graphs, remarks)
        if gru is None:
            model = b""
        else:
            model = _model(name, node, graphs)
        yield OnnxNode(name, model, takes, _is_batch_first(node), gru, refused)


def _gru(name: str, graphs: Graphs, remarks: Keywords) -> tuple[Gru | None, str]:
    """What a node computes, or why that is not modelled here."""
    try:
        arrays: dict[str, NDArray] = dict(weights_of(name, graphs))
        [gru] = grus_among(arrays, layout="onnx", **remarks)
    except ValueError as refused:
        return None, visible(str(refused))
    return gru, ""


def _model(name: str, node: Fields, graphs: Graphs) -> bytes:
    """The bytes of a model of the node alone, in the versions of the whole."""
    operands = [text_of(given) for given in node.get(1, [])]
    names = [leaf if given else "" for leaf, given in zip(_OPERATOR, operands, strict=False)]
    weights = dict[str, bytes]()
    for leaf, given in zip(names, operands, strict=False):
        if leaf and leaf not in _GIVEN:
            tensor = graphs.tensor(given)
            assert tensor is not None  # who has none is refused
            weights[leaf] = bytes_of(tensor) + field(8, leaf)  # of two names the last one counts
    alone = b"".join(field(1, leaf) for leaf in names)
    alone += b"".join(field(2, output) for output in _OUTPUTS)
    alone += field(3, name) + field(4, "GRU")
    alone += b"".join(field(5, bytes_of(attribute)) for attribute in node.get(5, []))
    kind = graphs.kind_of(operands[1])
    shapes = _shapes(node, graphs)
    graph = field(1, alone) + field(2, name)
    graph += b"".join(field(5, tensor) for tensor in weights.values())
    for leaf in names:
        if leaf in _GIVEN:
            own = _INT32 if leaf == "sequence_lens" else kind
            graph += field(11, _info(leaf, own, shapes[leaf]))
    graph += b"".join(field(12, _info(output, kind, shapes[output])) for output in _OUTPUTS)
    versions = field(1, graphs.version) + field(2, "gruverify")
    return versions + field(7, graph) + b"".join(field(8, one) for one in graphs.imports)


def _shapes(node: Fields, graphs: Graphs) -> dict[str, tuple[int | str, ...]]:
    """The shapes of what is given and returned; time and batch by name."""
    _, _, I = graphs.shape_of(node, "W")
    D, _, H = graphs.shape_of(node, "R")
    shapes: dict[str, tuple[int | str, ...]] = {
        "X": ("T", "B", I),
        "initial_h": (D, "B", H),
        "Y": ("T", D, "B", H),
        "Y_h": (D, "B", H),
    }
    if _is_batch_first(node):
        shapes = {"X": ("B", "T", I), "initial_h": ("B", D, H), "Y": ("B", "T", D, H)}
        shapes["Y_h"] = shapes["initial_h"]
    return {**shapes, "sequence_lens": ("B",)}


def _is_batch_first(node: Fields) -> bool:
    layout = attributes_of(node).get("layout", {})
    return bool(layout.get(3, [0])[-1])


def _info(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    """The name, type and shape of an input or output."""
    dims = b""
    for size in shape:
        dims += field(1, field(2, size) if isinstance(size, str) else field(1, size))
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))
