"""What the interpreter of LiteRT says of a model before anything is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Tensor(NamedTuple):
    """An input or output: its sizes are None where the file does not fix them."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Details:
    """Inputs and outputs; stored counts the tensors that have their numbers in the file, by type;
    loops: whether it has further graphs, as WHILE has.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    stored: Counter[str]
    loops: bool


def details(model: bytes) -> Details:
    """Those of a model.

    Raises:
        ValueError: it is not one, or a damaged one.
    """
    interpreter = Interpreter(model_content=model, num_threads=1)
    graphs, entries = interpreter.num_subgraphs(), len(interpreter.get_signature_list())
    return Details(
        [_tensor(each) for each in interpreter.get_input_details()],
        [_tensor(each) for each in interpreter.get_output_details()],
        Counter(_stored(interpreter)),
        graphs > max(entries, 1),
    )


def _tensor(each: dict[str, Any]) -> Tensor:
    sizes = [int(size) for size in each["shape_signature"]]
    shape = tuple(None if size < 0 else size for size in sizes)
    return Tensor(each["name"], _type(each), shape)


def _type(each: dict[str, Any]) -> str:
    return str(np.dtype(each["dtype"]))


def _stored(interpreter: Interpreter) -> Iterator[str]:
    """The types of the tensors that have numbers before any memory was given to the others."""
    for graph in range(interpreter.num_subgraphs()):
        for each in interpreter.get_tensor_details(graph):
            try:
                interpreter.get_tensor(each["index"], graph)
            except ValueError:  # it has none
                continue
            yield _type(each)
