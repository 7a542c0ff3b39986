"""What a backend declares that it cannot be asked: calls that no case, and no case derived from
one, makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import (
    EVERY_METHOD,
    STACK_METHODS,
    STACK_OPTIONS,
    Declarations,
    Sizes,
    is_of_few,
)
from gruverify.cell import Cell, Stack


def ruled_out(declared: Declarations, method: str, arguments: tuple[Any, ...]) -> str:
    """The declaration that rules the call out, as "initial_state=False"; empty if none does.

    arguments: as the contract has them, a cell or a stack first, then inputs and the state.
    """
    return next(_conflicts(declared, method, arguments), "")


def _conflicts(declared: Declarations, method: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    if method not in EVERY_METHOD:  # what has arguments of its own
        return
    subject, inputs, state, *_ = arguments
    # A state of zeros is what such a backend starts from: it can be asked for that.
    if not declared.initial_state and state is not None and np.any(np.asarray(state) != 0):
        yield "initial_state=False"
    yield from _fixed(declared, subject, "hidden_size", "input_size")
    sizes = _sizes(subject, inputs, *arguments[4:5])
    if declared.shapes == "few" and not is_of_few(declared, sizes):
        yield "shapes='few'"
    # Whoever takes a sequence of one step is called with one of none, which it may refuse.
    if sizes.get("T", declared.min_length) < declared.min_length and declared.min_length > 1:
        yield f"min_length={declared.min_length}"
    if method in STACK_METHODS:
        yield from _conflicts_of_stack(declared, *arguments[:5])
    if method in STACK_OPTIONS:
        # What stands in the place of lengths is a mask.
        stack, _, _, _, batch_first = arguments[:5]
        yield from _conflicts_of_stack(declared, stack, inputs, state, None, batch_first)


def _sizes(subject: Cell | Stack, inputs: NDArray, batch_first: bool = False) -> Sizes:
    """The sizes of a call by letter, without T for a step, and without B for a stack's input that
    has no batch.
    """
    found = {"H": subject.hidden_size, "I": subject.input_size}
    if isinstance(subject, Cell):
        return found | dict(zip("TB" if inputs.ndim == 3 else "B", inputs.shape, strict=False))
    axes = "T" if inputs.ndim == 2 else "BT" if batch_first else "TB"
    return (
        found
        | {"L": subject.layers, "D": subject.directions}
        | dict(zip(axes, inputs.shape, strict=False))
    )


def _conflicts_of_stack(
    declared: Declarations,
    stack: Stack,
    inputs: NDArray,
    states: NDArray | None,
    lengths: NDArray | None,
    batch_first: bool,
) -> Iterator[str]:
    yield from _fixed(declared, stack, num_layers="layers")
    if declared.bidirectional not in (None, stack.directions == 2):
        yield f"bidirectional={declared.bidirectional}"
    batched = inputs.ndim == 3
    if not batched and not declared.unbatched:
        yield "unbatched=False"
    if batched and declared.batch_first not in (None, batch_first):
        yield f"batch_first={declared.batch_first}"
    if lengths is not None and not declared.lengths:
        yield "lengths=False"
    if lengths is not None and np.size(lengths) and np.min(lengths) < declared.min_length:
        yield f"min_length={declared.min_length}"


def _fixed(
    declared: Declarations, subject: Cell | Stack, *same: str, **named: str
) -> Iterator[str]:
    """The sizes that are fixed to others than the subject's; `named` are called otherwise there."""
    for name, attribute in {**dict(zip(same, same, strict=True)), **named}.items():
        fixed = getattr(declared, name)
        if fixed not in (None, getattr(subject, attribute)):
            yield f"{name}={fixed}"
