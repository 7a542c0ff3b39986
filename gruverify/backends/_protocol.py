"""What an implementation under test offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from gruverify.arithmetic import Format, NDArray
from gruverify.backends._attributes import value_of
from gruverify.backends.contract import (
    ALONG_A_DIRECTION,
    OF_CELLS,
    OF_OPTIONS,
    OF_STACK_OPTIONS,
    OF_STACKS,
    method_of,
)
from gruverify.cell import Cell, Gradients, Stack, StackGradients, Variant


class Backend(Protocol):
    """An implementation under test: a name, the variants and formats it claims, and some of the
    methods of `gruverify.backends.contract`, each of which is a Protocol there, with its signature.

    Further attributes that are honoured: what it declares itself to be (see `Declarations`), such
    as `biases="input"`, `initial_state=False` or `hidden_size=5`; `seed(n)`, called before a run;
    `close()`, called after it.
    """

    @property
    def name(self) -> str: ...
    @property
    def variants(self) -> Sequence[Variant]: ...
    @property
    def formats(self) -> Sequence[Format]: ...


#: Derivatives along a direction: forward mode and second derivatives.
DIRECTIONAL_METHODS: tuple[str, ...] = tuple(map(method_of, ALONG_A_DIRECTION))
#: The methods of the contract, any of which a backend may lack: those of one cell, and those of a
#: stack.
CELL_METHODS: tuple[str, ...] = tuple(map(method_of, OF_CELLS))
STACK_METHODS: tuple[str, ...] = tuple(map(method_of, OF_STACKS))
METHODS: tuple[str, ...] = (*CELL_METHODS, *STACK_METHODS)
#: Methods of one cell, and of a stack, that most backends do without, and need not be told that
#: they lack; and all that there are.
OPTIONAL_METHODS: tuple[str, ...] = tuple(map(method_of, OF_OPTIONS))
STACK_OPTIONS: tuple[str, ...] = tuple(map(method_of, OF_STACK_OPTIONS))
EVERY_METHOD: tuple[str, ...] = (*METHODS, *OPTIONAL_METHODS, *STACK_OPTIONS)

Step: TypeAlias = Callable[[Cell, NDArray, NDArray], NDArray]
StepJacobian: TypeAlias = Callable[[Cell, NDArray, NDArray], tuple[NDArray, NDArray]]
StepVjp: TypeAlias = Callable[[Cell, NDArray, NDArray, NDArray], Gradients]
Sequence_: TypeAlias = Callable[[Cell, NDArray, "NDArray | None"], tuple[NDArray, NDArray]]
SequenceVjp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", "NDArray | None", "NDArray | None"], Gradients
]
SequenceJvp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", Gradients], tuple[NDArray, NDArray]
]
SequenceHvp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", "NDArray | None", "NDArray | None", Gradients], Gradients
]
SequenceAt: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", NDArray], tuple[NDArray, NDArray]
]
SequenceAtVjp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", NDArray, "NDArray | None", "NDArray | None"], Gradients
]
SequenceMarked: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", NDArray, NDArray], tuple[NDArray, NDArray]
]
SequenceMarkedVjp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", NDArray, NDArray, "NDArray | None", "NDArray | None"],
    Gradients,
]

Stack_: TypeAlias = Callable[
    [Stack, NDArray, "NDArray | None", "NDArray | None", bool], tuple[NDArray, NDArray]
]
StackVjp: TypeAlias = Callable[
    [Stack, NDArray, "NDArray | None", "NDArray | None", bool, "NDArray | None", "NDArray | None"],
    StackGradients,
]
StackMasked: TypeAlias = Callable[
    [Stack, NDArray, "NDArray | None", NDArray, bool], tuple[NDArray, NDArray]
]
StackMaskedVjp: TypeAlias = Callable[
    [Stack, NDArray, "NDArray | None", NDArray, bool, "NDArray | None", "NDArray | None"],
    StackGradients,
]


def offers(backend: object, method: str) -> bool:
    """Whether the backend has that method of the contract."""
    try:
        return callable(value_of(backend, method))
    except AttributeError:
        return False
    except Exception:  # what a property raises is for whoever calls the method to report
        return True
