"""For each method of the contract, faults that break one duty towards the caller and nothing
else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from gruverify import Backend, Gradients
from gruverify.backends import EVERY_METHOD
from gruverify.cell import StackGradients
from gruverify.faults._faulty import TwoWays, altered, altered_stack

from ._faulty import PLANTED, Fault, Faulty


def every_array(f: Callable[[Any], Any], answer: Any) -> Any:
    """An answer with `f` applied to each of its arrays."""
    if isinstance(answer, Gradients):
        return altered(answer, f)
    if isinstance(answer, StackGradients):
        return altered_stack(answer, f)
    return tuple(map(f, answer)) if isinstance(answer, tuple) else f(answer)


def next_bits(a: Any) -> Any:
    """The next numbers of the format."""
    return (a.view(f"i{a.dtype.itemsize}") + 1).view(a.dtype)


def in_one_buffer(method: str) -> Backend:
    """Every answer lasts until the next one of its size."""
    buffers: dict[Any, Any] = {}

    def put(a: Any) -> Any:
        buffer = buffers.setdefault((a.shape, a.dtype.name), np.zeros_like(a))
        buffer[...] = a
        return buffer

    return Faulty(**{method: lambda answer, *_: every_array(put, answer)})


def unsteady(method: str) -> Backend:
    """Another last bit at every other call."""
    calls = count()
    return Faulty(
        **{method: lambda answer, *_: every_array(next_bits, answer) if next(calls) % 2 else answer}
    )


def unsteady_in_another_thread(method: str) -> Backend:
    """Another last bit in another thread."""
    home = threading.get_ident()

    def answered(answer: Any, *_: Any) -> Any:
        return answer if threading.get_ident() == home else every_array(next_bits, answer)

    return Faulty(**{method: answered})


class Padding:
    """What is empty is given an entry of zeros, and the answer for that is returned."""

    name, variants, formats = "padding", TwoWays.variants, TwoWays.formats

    def __init__(self, method: str) -> None:
        def answered(subject: Any, *arguments: Any) -> Any:
            return getattr(TwoWays(), method)(subject, *map(filled, arguments))

        setattr(self, method, answered)


def filled(argument: Any) -> Any:
    if isinstance(argument, Gradients):
        return altered(argument, filled)
    if not isinstance(argument, np.ndarray) or argument.size:
        return argument
    return np.zeros([max(1, n) for n in argument.shape], argument.dtype)


def learning_from_nobody(method: str) -> Backend:
    """The gradient of a parameter is 1 where there is no member to learn from."""

    def answered(g: Any, cell: Any, inputs: Any, *_: Any) -> Any:
        return g if inputs.size else every_array(np.ones_like, g)

    return Faulty(**{method: answered})


#: The duties, the fault that breaks each, and the ids of those that had one before they were asked
#: of every method.
DUTIES: dict[str, tuple[Callable[[str], Backend], dict[str, str]]] = {
    "own-memory": (in_one_buffer, {}),
    "same-bits": (
        unsteady,
        {
            "sequence": "contract/same-bits",
            "sequence_vjp": "contract/same-gradient-bits",
            "stack": "contract/stack-same-bits",
            "stack_vjp": "contract/stack-same-gradient-bits",
        },
    ),
    "second-thread": (unsteady_in_another_thread, {"sequence": "contract/second-thread"}),
    "no-members": (Padding, {"sequence": "contract/no-members"}),
    "no-steps": (Padding, {"sequence": "contract/no-steps"}),
}


def duty_of(duty: str, method: str, older: dict[str, str]) -> str:
    """The id of a duty of a method."""
    return older.get(method, f"contract/{duty}-{method.replace('_', '-')}")


for _duty, (_build, _older) in DUTIES.items():
    for _method in EVERY_METHOD:
        if _duty != "no-steps" or not _method.startswith("step"):
            _name = f"{_method}-breaks-{_duty}"
            PLANTED[_name] = Fault(
                _name, partial(_build, _method), (duty_of(_duty, _method, _older),)
            )

for _method in ("step_vjp", "sequence_vjp", "sequence_hvp", "sequence_hvp_reverse", "stack_vjp"):
    _name = f"{_method}-learns-from-nobody"
    PLANTED[_name] = Fault(
        _name, partial(learning_from_nobody, _method), (duty_of("no-members", _method, {}),)
    )
