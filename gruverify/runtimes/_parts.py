"""What of a model is run and judged: a GRU node alone, a chain of them, or the whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gruverify.arithmetic import Format, NDArray
from gruverify.models import Gru, OnnxChain, OnnxNode
from gruverify.runtimes._inputs import Given


class WrongForm(Exception):
    """An answer of another shape or type than the operator says."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What came back, with time first: outputs (T, B, D·H) of the last layer, or (L, T, B, D·H) of
    all, None if there are none; and last states (D, B, H) by layer, as far as there are some.
    """

    outputs: NDArray | None
    last: Mapping[int, NDArray] = field(default_factory=dict)


class Part(Protocol):
    """A model with one GRU, which `gru` says, in one format; takes, sizes: as `Wanted` has them;
    kind, outputs: as `NodeResult` has them.
    """

    @property
    def kind(self) -> str: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def gru(self) -> Gru: ...

    @property
    def format(self) -> Format: ...

    @property
    def takes(self) -> Collection[str]: ...

    @property
    def sizes(self) -> Mapping[str, int]: ...

    @property
    def models(self) -> Sequence[bytes]:
        """The model; and, where it shows more than the file does, what the file has."""
        ...

    def arguments(self, given: Given) -> dict[str, NDArray]:
        """What the model is given, in the arrangement that it has."""
        ...

    def answer(self, given: Given, outputs: Sequence[NDArray], model: int) -> Answer:
        """What the model returned, by its place in `models`.

        Raises:
            WrongForm: it is not what the model says.
        """
        ...


@dataclass(frozen=True, eq=False)
class NodePart:
    """A GRU node."""

    node: OnnxNode
    gru: Gru
    kind = "node"
    outputs = ("Y", "Y_h")

    @property
    def name(self) -> str:
        """The name of the node."""
        return self.node.name

    @property
    def format(self) -> Format:
        """The format of its weights."""
        return self.gru.stack.format

    @property
    def takes(self) -> Collection[str]:
        """What of its inputs are given."""
        return self.node.takes

    @property
    def sizes(self) -> Mapping[str, int]:
        """T and B, where the file fixes them."""
        return self.node.sizes

    @property
    def models(self) -> Sequence[bytes]:
        """The node alone."""
        return [self.node.model]

    def arguments(self, given: Given) -> dict[str, NDArray]:
        """By the names of the operator's inputs."""
        found = {"X": arranged(given.inputs, batch_first=self.node.batch_first)}
        if given.state is not None:
            found["initial_h"] = arranged(given.state, batch_first=self.node.batch_first)
        return found | lengths_of(given)

    def answer(self, given: Given, outputs: Sequence[NDArray], model: int) -> Answer:
        """Y and Y_h."""
        del model  # there is one
        if len(outputs) != 2:
            raise WrongForm(f"{len(outputs)} outputs came back where Y and Y_h are wanted")
        states = _states("Y", outputs[0], given, self.node)
        return Answer(states, {0: _last("Y_h", outputs[1], given, self.node)})


@dataclass(frozen=True, eq=False)
class ChainPart:
    """GRU nodes as the layers of a stack."""

    chain: OnnxChain
    gru: Gru
    kind = "chain"
    outputs = ("Y", "Y_h")

    @property
    def name(self) -> str:
        """The names of its nodes."""
        return self.chain.name

    @property
    def format(self) -> Format:
        """The format of its weights."""
        return self.gru.stack.format

    @property
    def takes(self) -> Collection[str]:
        """What of the inputs of its nodes are given."""
        return self.chain.takes

    @property
    def sizes(self) -> Mapping[str, int]:
        """T and B, where the file fixes them."""
        return self.chain.sizes

    @property
    def models(self) -> Sequence[bytes]:
        """With the outputs of every layer, and with the last ones alone."""
        return [self.chain.model, self.chain.whole]

    def arguments(self, given: Given) -> dict[str, NDArray]:
        """X, sequence_lens, and initial_h_0 and so on."""
        nodes = self.chain.nodes
        found = {"X": arranged(given.inputs, batch_first=nodes[0].batch_first)} | lengths_of(given)
        if given.state is not None:
            # Each node has its own input for its state, and some have none.
            for layer, state in enumerate(np.split(given.state, len(nodes))):
                if "initial_h" in nodes[layer].takes:
                    found[f"initial_h_{layer}"] = arranged(
                        state, batch_first=nodes[layer].batch_first
                    )
        return found

    def answer(self, given: Given, outputs: Sequence[NDArray], model: int) -> Answer:
        """Y and Y_h of every layer; or Y of the last, and Y_h of every layer."""
        each, top = list(enumerate(self.chain.nodes)), len(self.chain.nodes) - 1
        names = list[str]()
        # In the order in which `chain.model` and `chain.whole` have their outputs.
        for layer, _ in each:
            names += [f"Y_{layer}"] if model == 0 or layer == top else []
            names.append(f"Y_h_{layer}")
        if len(outputs) != len(names):
            raise WrongForm(f"{len(outputs)} outputs came back where {len(names)} are wanted")
        by_name = dict(zip(names, outputs, strict=True))
        states, last = list[NDArray](), dict[int, NDArray]()
        for layer, node in each:
            if f"Y_{layer}" in by_name:
                states.append(_states(f"Y_{layer}", by_name[f"Y_{layer}"], given, node))
            last[layer] = _last(f"Y_h_{layer}", by_name[f"Y_h_{layer}"], given, node)
        return Answer(states[0] if model else np.stack(states), last)


def _states(name: str, output: NDArray, given: Given, node: OnnxNode) -> NDArray:
    """Y of a node as (T, B, D·H)."""
    T, B, D, H = _sizes(given, node)
    Y = np.asarray(output)
    if node.batch_first:
        require_form(name, Y, (B, T, D, H), _format(node))
        Y = Y.swapaxes(0, 1)
    else:
        require_form(name, Y, (T, D, B, H), _format(node))
        Y = Y.swapaxes(1, 2)
    return Y.reshape(T, B, D * H)


def _last(name: str, output: NDArray, given: Given, node: OnnxNode) -> NDArray:
    """Y_h of a node as (D, B, H)."""
    _, B, D, H = _sizes(given, node)
    Y_h = np.asarray(output)
    if node.batch_first:
        require_form(name, Y_h, (B, D, H), _format(node))
        return Y_h.swapaxes(0, 1)
    require_form(name, Y_h, (D, B, H), _format(node))
    return Y_h


def _sizes(given: Given, node: OnnxNode) -> tuple[int, int, int, int]:
    """T, B, D and H."""
    assert node.gru is not None  # those that have none are not run
    T, B = given.sizes.values()
    return T, B, node.gru.stack.directions, node.gru.stack.hidden_size


def _format(node: OnnxNode) -> Format:
    assert node.gru is not None
    return node.gru.stack.format


def require_form(name: str, array: NDArray, shape: tuple[int, ...], fmt: Format) -> None:
    """Raise WrongForm unless an output has that shape and format."""
    if array.shape != shape:
        raise WrongForm(f"{name} has shape {array.shape}, expected {shape}")
    if array.dtype != fmt.dtype:
        raise WrongForm(f"{name} is {array.dtype}, expected {fmt.name}")


def arranged(array: NDArray, *, batch_first: bool) -> NDArray:
    """An array of its own, its first two axes exchanged where the batch comes first."""
    return np.array(array.swapaxes(0, 1) if batch_first else array, order="C")


def lengths_of(given: Given) -> dict[str, NDArray]:
    """The lengths, if there are some, as the operator wants them."""
    if given.lengths is None:
        return {}
    return {"sequence_lens": given.lengths.astype(np.int32)}
