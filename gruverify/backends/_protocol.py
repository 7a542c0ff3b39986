"""What an implementation under test offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from gruverify.arithmetic import Format
from gruverify.backends._attributes import value_of
from gruverify.cell import Cell, Gradients, Stack, StackGradients, Variant

NDArray: TypeAlias = npt.NDArray[Any]


class Backend(Protocol):
    """An implementation under test: a name, the variants and formats it claims, and some of the methods below.

    The methods work on NumPy arrays in the case's format (bfloat16 through ml_dtypes):

        step(cell, x, h)                                     -> h_next                  x (B, I), h (B, H) -> (B, H)
        step_jacobian(cell, x, h)                            -> (dh (B, H, H), dx (B, H, I))
        step_vjp(cell, x, h, cotangent)                      -> Gradients               cotangent (B, H)
        sequence(cell, inputs, state)                        -> (outputs (T, B, H), last (B, H))    state may be None
        sequence_vjp(cell, inputs, state, d_outputs, d_last) -> Gradients               either cotangent may be None
        sequence_jvp(cell, inputs, state, tangent)           -> (d_outputs (T, B, H), d_last (B, H))
        sequence_hvp(cell, inputs, state, d_outputs, d_last, tangent)         -> Gradients
        sequence_hvp_reverse(cell, inputs, state, d_outputs, d_last, tangent) -> Gradients

    A tangent is a direction in which parameters, inputs and state move together, a `Gradients` in their shapes.
    `sequence_jvp` is the derivative of `sequence` in that direction. `sequence_hvp` is that of `sequence_vjp` at fixed
    cotangents, the Hessian of the loss times the tangent, in whatever way the implementation finds it;
    `sequence_hvp_reverse` is the same again for one that has a second way to it, such as reverse over reverse beside
    forward over reverse.

    and of whole stacks, L layers in D directions:

        stack(stack, inputs, states, lengths, batch_first)   -> (outputs (T, B, D·H), last (L·D, B, H))
        stack_vjp(stack, inputs, states, lengths, batch_first, d_outputs, d_last)   -> StackGradients

    inputs are (T, B, I), or (B, T, I) if batch_first, or (T, I) where there is no batch; outputs, cotangents and
    gradients are arranged likewise, states (L·D, B, H) or (L·D, H). states may be None, and so may lengths (B,), the
    number of steps of each member: at steps from its length on, outputs and gradients of inputs are 0, and its last
    states are those at its length. Either cotangent may be None.

    A method that is missing makes the invariants that need it not applicable; so does one that raises
    NotImplementedError. Further attributes that are honoured: what it declares itself to be (see `Declarations`), such
    as `biases="input"`, `initial_state=False` or `hidden_size=5`; `seed(n)`, called before a run; `close()`, called
    after it.
    """

    @property
    def name(self) -> str: ...
    @property
    def variants(self) -> Sequence[Variant]: ...
    @property
    def formats(self) -> Sequence[Format]: ...


#: Derivatives along a direction: forward mode and second derivatives.
DIRECTIONAL_METHODS: tuple[str, ...] = ("sequence_jvp", "sequence_hvp", "sequence_hvp_reverse")
#: The methods of the contract, any of which a backend may lack: those of one cell, and those of a stack.
CELL_METHODS: tuple[str, ...] = (
    "step",
    "step_jacobian",
    "step_vjp",
    "sequence",
    "sequence_vjp",
    *DIRECTIONAL_METHODS,
)
STACK_METHODS: tuple[str, ...] = ("stack", "stack_vjp")
METHODS: tuple[str, ...] = (*CELL_METHODS, *STACK_METHODS)

Step: TypeAlias = Callable[[Cell, NDArray, NDArray], NDArray]
StepJacobian: TypeAlias = Callable[[Cell, NDArray, NDArray], tuple[NDArray, NDArray]]
StepVjp: TypeAlias = Callable[[Cell, NDArray, NDArray, NDArray], Gradients]
Sequence_: TypeAlias = Callable[[Cell, NDArray, "NDArray | None"], tuple[NDArray, NDArray]]
SequenceVjp: TypeAlias = Callable[[Cell, NDArray, "NDArray | None", "NDArray | None", "NDArray | None"], Gradients]
SequenceJvp: TypeAlias = Callable[[Cell, NDArray, "NDArray | None", Gradients], tuple[NDArray, NDArray]]
SequenceHvp: TypeAlias = Callable[
    [Cell, NDArray, "NDArray | None", "NDArray | None", "NDArray | None", Gradients], Gradients
]

Stack_: TypeAlias = Callable[[Stack, NDArray, "NDArray | None", "NDArray | None", bool], tuple[NDArray, NDArray]]
StackVjp: TypeAlias = Callable[
    [Stack, NDArray, "NDArray | None", "NDArray | None", bool, "NDArray | None", "NDArray | None"], StackGradients
]


def offers(backend: object, method: str) -> bool:
    """Whether the backend has that method of the contract."""
    try:
        return callable(value_of(backend, method))
    except AttributeError:
        return False
    except Exception:  # what a property raises is for whoever calls the method to report
        return True
