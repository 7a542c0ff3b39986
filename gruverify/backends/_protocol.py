"""What an implementation under test offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from gruverify.arithmetic import Format
from gruverify.cell import Cell, Gradients, Variant

NDArray: TypeAlias = npt.NDArray[Any]


class Backend(Protocol):
    """An implementation under test: a name, the variants and formats it claims, and some of the methods below.

    The methods work on NumPy arrays in the case's format (bfloat16 through ml_dtypes):

        step(cell, x, h)                                     -> h_next                  x (B, I), h (B, H) -> (B, H)
        step_jacobian(cell, x, h)                            -> (dh (B, H, H), dx (B, H, I))
        step_vjp(cell, x, h, cotangent)                      -> Gradients               cotangent (B, H)
        sequence(cell, inputs, state)                        -> (outputs (T, B, H), last (B, H))    state may be None
        sequence_vjp(cell, inputs, state, d_outputs, d_last) -> Gradients               either cotangent may be None

    A method that is missing makes the invariants that need it not applicable. Further attributes that are honoured:
    `kappa`, the accuracy of its σ and tanh in units of roundoff (4 unless declared); `hidden_size` and `input_size`,
    for an implementation that is built for one size; `seed(n)`, called before a run; `close()`, called after it.
    """

    @property
    def name(self) -> str: ...
    @property
    def variants(self) -> Sequence[Variant]: ...
    @property
    def formats(self) -> Sequence[Format]: ...


#: The methods of the contract, any of which a backend may lack.
METHODS: tuple[str, ...] = ("step", "step_jacobian", "step_vjp", "sequence", "sequence_vjp")

Step: TypeAlias = Callable[[Cell, NDArray, NDArray], NDArray]
StepJacobian: TypeAlias = Callable[[Cell, NDArray, NDArray], tuple[NDArray, NDArray]]
StepVjp: TypeAlias = Callable[[Cell, NDArray, NDArray, NDArray], Gradients]
Sequence_: TypeAlias = Callable[[Cell, NDArray, "NDArray | None"], tuple[NDArray, NDArray]]
SequenceVjp: TypeAlias = Callable[[Cell, NDArray, "NDArray | None", "NDArray | None", "NDArray | None"], Gradients]


def offers(backend: object, method: str) -> bool:
    """Whether the backend has that method of the contract."""
    return callable(getattr(backend, method, None))
