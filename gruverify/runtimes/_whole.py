"""A model as a whole, judged at its own inputs and outputs against weights that are named."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import Format, NDArray, format_named, format_of
from gruverify.models import Gru, WholeModel
from gruverify.runtimes._inputs import Given
from gruverify.runtimes._parts import Answer, WrongForm, arranged
from gruverify.runtimes._ports import Ports


@dataclass(frozen=True, eq=False)
class WholePart:
    """The whole model."""

    whole: WholeModel
    gru: Gru
    ports: Ports
    kind = "whole"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs that are judged."""
        roles = ("outputs", "last")
        return tuple(self.ports.by_role[role].name for role in roles if role in self.ports.by_role)

    @property
    def name(self) -> str:
        """The whole has no name of its own."""
        return "the whole model"

    @property
    def format(self) -> Format:
        """That of its inputs."""
        return format_named(self.ports.by_role["sequence"].type)

    @property
    def takes(self) -> Collection[str]:
        """What it has inputs for."""
        names = {"state": "initial_h", "lengths": "sequence_lens"}
        return frozenset(name for role, name in names.items() if role in self.ports.by_role)

    @property
    def sizes(self) -> Mapping[str, int]:
        """T and B, where the file fixes them."""
        return self.ports.sizes

    @property
    def models(self) -> Sequence[bytes]:
        """The file."""
        return [self.whole.model]

    def arguments(self, given: Given) -> dict[str, NDArray]:
        """By the names of its inputs."""
        ports, found = self.ports.by_role, dict[str, NDArray]()
        found[ports["sequence"].name] = arranged(given.inputs, batch_first=self.ports.batch_first)
        if given.state is not None:
            port = ports["state"]
            # A model of one layer may have its state as (B, H).
            flat = port.shape is not None and len(port.shape) == 2
            state = np.array(given.state[0] if flat else given.state, order="C")
            found[port.name] = state.astype(format_named(port.type).dtype)
        if given.lengths is not None:
            port = ports["lengths"]
            found[port.name] = given.lengths.astype(port.type)
        return found

    def answer(self, given: Given, outputs: Sequence[NDArray], model: int) -> Answer:
        """What has a role of all that came back."""
        del model  # there is one
        if len(outputs) != len(self.whole.outputs):
            raise WrongForm(
                f"{len(outputs)} outputs came back, and the model has {len(self.whole.outputs)}"
            )
        names = [port.name for port in self.whole.outputs]
        by_name = dict(zip(names, map(np.asarray, outputs), strict=True))
        states, last = None, dict[int, NDArray]()
        if "outputs" in self.ports.by_role:
            name = self.ports.by_role["outputs"].name
            states = self._states(name, by_name[name], given)
        if "last" in self.ports.by_role:
            name = self.ports.by_role["last"].name
            last = self._last(name, by_name[name], given)
        return Answer(states, last)

    def _states(self, name: str, array: NDArray, given: Given) -> NDArray:
        """Outputs as (T, B, D·H)."""
        stack, (T, B) = self.gru.stack, given.sizes.values()
        wide = stack.directions * stack.hidden_size
        shape = (B, T, wide) if self.ports.batch_first else (T, B, wide)
        _require(name, array, [shape])
        if self.ports.batch_first:
            return array.swapaxes(0, 1)
        return array

    def _last(self, name: str, array: NDArray, given: Given) -> dict[int, NDArray]:
        """Last states (D, B, H) by layer; side by side they are those of the last layer alone."""
        stack, B = self.gru.stack, given.sizes["B"]
        L, D, H = stack.layers, stack.directions, stack.hidden_size
        _require(name, array, [(L * D, B, H), (B, D * H)])
        # Forward and backward side by side, as Keras' Bidirectional returns the last layer's.
        if array.ndim == 2:
            return {L - 1: array.reshape(B, D, H).swapaxes(0, 1)}
        return dict(enumerate(array.reshape(L, D, B, H)))


def _require(name: str, array: NDArray, shapes: Sequence[tuple[int, ...]]) -> None:
    """Raise WrongForm unless an output has one of these shapes and floating-point numbers."""
    if array.shape not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise WrongForm(f"{name} has shape {array.shape}, expected {wanted}")
    try:
        format_of(array.dtype)
    except ValueError as unknown:
        raise WrongForm(f"{name} is {array.dtype}: {unknown}") from None
