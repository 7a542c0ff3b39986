"""An ONNX file with its GRU nodes, the chains that they make, and the types of what it stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gruverify._visible import visible
from gruverify.models._files import BadFile
from gruverify.models._onnx import graphs_with_grus
from gruverify.models._onnx_chains import OnnxChain, chains_of
from gruverify.models._onnx_nodes import OnnxNode, nodes_of
from gruverify.models._onnx_whole import stored_types


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """stored: how many tensors it stores of each type, those of subgraphs and functions among
    them.
    """

    nodes: Sequence[OnnxNode]
    chains: Sequence[OnnxChain]
    stored: Counter[str]


def onnx_file(path: str | Path) -> OnnxFile:
    """The GRU nodes of a file, those inside bodies of If, Loop and Scan and inside functions among
    them.

    Raises:
        BadFile: it cannot be read, is not an ONNX model, or has no GRU node.
    """
    try:
        graphs = graphs_with_grus(Path(path))
        nodes = list(nodes_of(graphs))
        return OnnxFile(nodes, list(chains_of(graphs, nodes)), stored_types(graphs.tensors))
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except (ValueError, TypeError) as wrong:
        raise BadFile(f"{path}: {visible(str(wrong))}") from None


def onnx_nodes(path: str | Path) -> list[OnnxNode]:
    """The GRU nodes of a file: see `onnx_file`."""
    return list(onnx_file(path).nodes)
