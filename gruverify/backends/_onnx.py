"""ONNX's operator GRU: models of one layer, and a stack of layers out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gruverify.arithmetic import Format, NDArray
from gruverify.cell import LAYOUTS, Stack, Variant

#: From the inputs of a model, by name, to Y (T, D, B, H), or (B, T, D, H) of layout=1, and Y_h (D,
#: B, H), or (B, D, H).
Runs: TypeAlias = Callable[[dict[str, NDArray]], Sequence[NDArray]]

#: The version of the operator that has bfloat16, and the oldest format of models that may use it.
_OPSET, _IR = 22, 10
#: The inputs of the operator, in its order.
_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h")
#: How many axes each of those has that is not a weight, and each output.
_AXES = {"X": 3, "sequence_lens": 1, "initial_h": 3, "Y": 4, "Y_h": 3}
_WEIGHTS = frozenset({"W", "R", "B"})


@dataclass(frozen=True)
class OnnxBackend:
    """A stack, layer by layer, each one GRU node with its weights as inputs of the model.

    loaded: makes a model into what runs it. batch_first: False if it has no layout=1. fixed: True
    for what wants weights and sizes in the model: then there is one for each call.
    """

    name: str
    formats: Sequence[Format]
    loaded: Callable[[onnx.ModelProto], Runs]
    batch_first: bool | None = None
    fixed: bool = False
    lengths: bool = True
    bidirectional: bool | None = None
    subnormals: bool = True

    variants: ClassVar[Sequence[Variant]] = LAYOUTS["onnx"].variants
    unbatched: ClassVar = False

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        xs, last = np.array(inputs, order="C"), []
        starts: Sequence[NDArray | None] = [None] * stack.layers
        if states is not None:
            starts = np.split(states, stack.layers)
        for cells, start in zip(stack.cells, starts, strict=True):
            given = LAYOUTS["onnx"].parameters_of_layer(cells)
            given["X"] = xs
            if lengths is not None:
                given["sequence_lens"] = lengths.astype(np.int32)
            if start is not None:
                given["initial_h"] = np.array(
                    start.swapaxes(0, 1) if batch_first else start, order="C"
                )
            asked = _Model(
                xs.shape[2],
                stack.hidden_size,
                stack.variant.reset,
                stack.directions,
                stack.format,
                batch_first,
            )
            Y, Y_h = self._run(asked, given)
            if batch_first:
                Y, Y_h = Y, Y_h.swapaxes(0, 1)
            else:
                Y, Y_h = Y.swapaxes(1, 2), Y_h
            # Directions side by side, as the layer above reads them.
            xs = np.array(Y, order="C").reshape(*Y.shape[:2], -1)
            last.append(Y_h)
        return xs, np.concatenate(last)

    def _run(self, asked: _Model, given: dict[str, NDArray]) -> Sequence[NDArray]:
        if not self.fixed:
            return _loaded(self.loaded, asked, frozenset(given))(given)
        moving = {name: array for name, array in given.items() if name not in _WEIGHTS}
        return self.loaded(asked.made(frozenset(given), given))(moving)


@dataclass(frozen=True)
class _Model:
    """What a model of one node is made for."""

    input_size: int
    hidden_size: int
    reset: str
    directions: int
    format: Format
    batch_first: bool

    def made(
        self, given: frozenset[str], fixed: Mapping[str, NDArray] | None = None
    ) -> onnx.ModelProto:
        """The model with those inputs of the operator; of fixed arrays, the weights and the shapes
        stand in it.
        """
        # An empty name is how ONNX leaves out an input in front of others.
        names = [name if name in given else "" for name in _INPUTS]
        node = helper.make_node(
            "GRU",
            names,
            ["Y", "Y_h"],
            hidden_size=self.hidden_size,
            linear_before_reset=int(self.reset == "after"),
            direction=("forward", "bidirectional")[self.directions - 1],
            layout=int(self.batch_first),
        )
        kind = helper.np_dtype_to_tensor_dtype(self.format.dtype)
        kinds = {"sequence_lens": onnx.TensorProto.INT32}
        shapes, weights = self._shapes(fixed or {}), list[onnx.TensorProto]()
        if fixed:
            weights = [numpy_helper.from_array(fixed[name], name) for name in _WEIGHTS & given]
        inputs = [
            helper.make_tensor_value_info(name, kinds.get(name, kind), shapes[name])
            for name in names
            if name and not (fixed and name in _WEIGHTS)
        ]
        outputs = [helper.make_tensor_value_info(name, kind, shapes[name]) for name in ("Y", "Y_h")]
        graph = helper.make_graph([node], "gru", inputs, outputs, weights)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR
        )

    def _shapes(self, fixed: Mapping[str, NDArray]) -> dict[str, Any]:
        """The shapes of inputs and outputs: of the weights what they are, of the others how many
        axes, unless they are fixed too.
        """
        I, H, D = self.input_size, self.hidden_size, self.directions
        found: dict[str, Any] = {name: [None] * axes for name, axes in _AXES.items()}
        found |= {"W": (D, 3 * H, I), "R": (D, 3 * H, H), "B": (D, 6 * H)}
        found |= {name: array.shape for name, array in fixed.items()}
        if fixed:
            # With time first: of those that want fixed shapes none has layout=1.
            T, B, _ = fixed["X"].shape
            found |= {"Y": (T, D, B, H), "Y_h": (D, B, H)}
        return found


@lru_cache(maxsize=256)
def _loaded(
    loaded: Callable[[onnx.ModelProto], Runs], asked: _Model, given: frozenset[str]
) -> Runs:
    """What runs such a model; each takes a while to be made."""
    return loaded(asked.made(given))
