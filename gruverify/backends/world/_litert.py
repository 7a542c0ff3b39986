"""LiteRT, formerly TensorFlow Lite: its interpreter on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ai_edge_litert.interpreter import Interpreter

from gruverify.arithmetic import NDArray
from gruverify.backends.world._litert_details import details as details

Runs: TypeAlias = Callable[[dict[str, NDArray]], Sequence[NDArray]]


def load(model: bytes) -> Runs:
    """What runs a model, on one thread of the CPU."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()  # raises where an operator is missing
    places = {each["name"]: each["index"] for each in interpreter.get_input_details()}

    def run(given: dict[str, NDArray]) -> Sequence[NDArray]:
        for name, array in given.items():
            interpreter.resize_tensor_input(places[name], array.shape)
        interpreter.allocate_tensors()
        for name, array in given.items():
            interpreter.set_tensor(places[name], array)
        interpreter.invoke()
        return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]

    return run
