"""GRU nodes of which each feeds the next through operators of layout alone, as one model: a stack
of layers, run as the file has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from gruverify._visible import visible
from gruverify.cell import Stack
from gruverify.models._grus import Gru
from gruverify.models._onnx import weights_of
from gruverify.models._onnx_graphs import Graphs, Node
from gruverify.models._onnx_layout import Layout, is_moved
from gruverify.models._onnx_models import OPERATOR, Written
from gruverify.models._onnx_nodes import OnnxNode

#: Sizes T and B at which an arrangement is tried that the file does not fix; no two are the same.
_TRIED = ({"T": 3, "B": 2}, {"T": 5, "B": 7})
#: How many numbers of an arrangement are followed: a file may claim any sizes.
_MOST = 2**26


@dataclass(frozen=True, eq=False)
class OnnxChain:
    """GRU nodes as the layers of a stack. model: the bytes of a model of them and what stands
    between, whose inputs are X and, where the nodes take them, sequence_lens and initial_h_0,
    initial_h_1 and so on; its outputs are Y_0, Y_h_0, Y_1 and so on, of every layer; whole: the
    same with the last Y alone, as the file has it. sizes: T and B, where the file fixes them; gru:
    what it computes, None if it is not a stack, for the reason that `refused` says.
    """

    nodes: Sequence[OnnxNode]
    model: bytes = b""
    whole: bytes = b""
    gru: Gru | None = None
    refused: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The names of its nodes."""
        return " → ".join(node.name for node in self.nodes)

    @property
    def takes(self) -> frozenset[str]:
        """What of X, sequence_lens and initial_h is given."""
        return frozenset().union(*(node.takes for node in self.nodes))


def chains_of(graphs: Graphs, nodes: Sequence[OnnxNode]) -> Iterator[OnnxChain]:
    """The longest chains of a model, of two nodes at least."""
    known = {node.name: node for node in nodes if node.gru is not None}
    below = _below(graphs, known)
    fed = set(below.values())
    for name in known:
        # Chains are followed down from their top: what feeds another node is inside a longer one.
        if name in fed or name not in below:
            continue
        chain = [name]
        # A cycle is not a graph of ONNX, but a damaged file can spell one.
        while chain[0] in below and below[chain[0]] not in chain:
            chain.insert(0, below[chain[0]])
        yield _chain(graphs, [known[each] for each in chain])


def _below(graphs: Graphs, known: Mapping[str, OnnxNode]) -> dict[str, str]:
    """By the name of a node that of the one whose Y it reads."""
    makes = {graphs.grus[name].outputs[0]: name for name in known if graphs.grus[name].outputs}
    found = dict[str, str]()
    for name in known:
        source = is_moved(graphs, graphs.grus[name].operand(0))
        if source in makes and makes[source] != name:
            found[name] = makes[source]
    return found


def _chain(graphs: Graphs, nodes: list[OnnxNode]) -> OnnxChain:
    try:
        gru = _gru(graphs, nodes)
        sizes = _sizes(graphs, nodes)
    except ValueError as wrong:
        return OnnxChain(nodes, refused=visible(str(wrong)))
    model = _model(graphs, nodes, sizes, shown=True)
    whole = _model(graphs, nodes, sizes, shown=False)
    return OnnxChain(nodes, model, whole, gru, "", sizes)


def _gru(graphs: Graphs, nodes: Sequence[OnnxNode]) -> Gru:
    """The layers as one stack.

    Raises:
        ValueError: they are none.
    """
    grus = [node.gru for node in nodes if node.gru is not None]
    if len({gru.backward for gru in grus}) > 1:
        raise ValueError("one runs forward, and another backward alone")
    if len({gru.clip for gru in grus}) > 1:
        raise ValueError("they have different clips")
    if len({gru.functions for gru in grus}) > 1:
        raise ValueError("they have different activations")
    lengths = {graphs.root(graphs.grus[node.name].operand(4)) for node in nodes}
    if len(lengths) > 1:
        raise ValueError("they take different lengths")
    if len({"initial_h" in node.takes for node in nodes}) > 1:
        raise ValueError("not all of them take an initial state")
    stack = Stack(tuple(gru.stack.cells[0] for gru in grus))
    return replace(grus[0], stack=stack)


def _sizes(graphs: Graphs, nodes: Sequence[OnnxNode]) -> dict[str, int]:
    """T and B, where what stands between the nodes fixes them.

    Raises:
        ValueError: it is not the arrangement of a stack: outputs (T, B, D·H) of one layer are the
        inputs of the next.
    """
    fixed, why = dict[str, int](), ""
    for node in nodes:
        fixed |= node.sizes
    # First with sizes that tell transposes apart; a Reshape to fixed sizes works only with those.
    for known in ({}, fixed):
        try:
            for tried in _TRIED:
                _require_stack(graphs, nodes, {**tried, **known})
        except ValueError as wrong:
            why = str(wrong)
        else:
            return fixed
    raise ValueError(why)


def _require_stack(graphs: Graphs, nodes: Sequence[OnnxNode], sizes: Mapping[str, int]) -> None:
    """Raise ValueError unless every node's Y becomes the next one's X as in a stack."""
    T, B = sizes["T"], sizes["B"]
    for lower, upper in pairwise(nodes):
        assert lower.gru is not None
        D, H = lower.gru.stack.directions, lower.gru.stack.hidden_size
        if T * D * B * H > _MOST:
            raise ValueError(f"T={T} and B={B} are more than is followed from node to node")
        # Numbers in place of states: what the operators make of them shows where each ends up.
        entries = np.arange(T * D * B * H).reshape(T, D, B, H)  # each is told from the others
        Y = entries.transpose(2, 0, 1, 3) if lower.batch_first else entries
        X = Layout(graphs, {graphs.grus[lower.name].outputs[0]: Y}).value(
            graphs.grus[upper.name].operand(0)
        )
        # The next layer reads both directions side by side, the forward one first.
        wanted = entries.swapaxes(1, 2).reshape(T, B, D * H)
        if upper.batch_first:
            wanted = wanted.swapaxes(0, 1)
        if not np.array_equal(X, wanted):
            raise ValueError(
                f"of Y of {lower.name}, {Y.shape}, {upper.name} gets X of shape {X.shape}, and its "
                f"numbers are not those of (T, B, D·H) at T={T}, B={B}"
            )


def _model(
    graphs: Graphs, nodes: Sequence[OnnxNode], sizes: dict[str, int], *, shown: bool
) -> bytes:
    """The bytes of the nodes and what stands between them."""
    written, within = Written(graphs, sizes), ""
    for layer, part in enumerate(nodes):
        node = graphs.grus[part.name]
        taken = [leaf for place, leaf in enumerate(OPERATOR) if node.operand(place)]
        operands = {leaf: f"{leaf}_{layer}" for leaf in taken}
        operands["X"] = within or "X"
        if "sequence_lens" in operands:
            operands["sequence_lens"] = "sequence_lens"
        last = layer == len(nodes) - 1
        outputs = {"Y": f"Y_{layer}", "Y_h": f"Y_h_{layer}"}
        arrays = weights_of(part.name, graphs)[0]
        written.gru(part.name, node, arrays, operands, outputs, within=within, shown=shown or last)
        if not last:
            above = graphs.grus[nodes[layer + 1].name].operand(0)
            within = _between(graphs, written, node.outputs[0], f"Y_{layer}", above)
    return written.model("chain")


def _between(graphs: Graphs, written: Written, source: str, called: str, wanted: str) -> str:
    """Write the nodes that make a value from another, which is `called` so; what it is called."""
    path, name = list[Node](), graphs.root(wanted)
    while name != source:
        path.insert(0, graphs.made[name])
        name = graphs.root(path[0].inputs[0])
    for place, node in enumerate(path):
        operands = [called]
        for number, given in enumerate(node.inputs[1:]):
            operand = f"{called}_{place}_{number}" if given else ""
            if given:
                written.tensor(operand, Layout(graphs).value(given))
            operands.append(operand)
        called = f"{called}_"
        written.node(node.kind, called, operands, [called], node)
    return called
