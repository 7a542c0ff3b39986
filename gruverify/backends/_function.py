"""A bare function as a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gruverify.arithmetic import FORMATS, KAPPA, Format
from gruverify.backends._has_modules import Reload
from gruverify.backends._protocol import (
    METHODS,
    Sequence_,
    SequenceHvp,
    SequenceJvp,
    SequenceVjp,
    Stack_,
    StackVjp,
    Step,
    StepJacobian,
    StepVjp,
    offers,
)
from gruverify.cell import Variant


@dataclass(frozen=True, kw_only=True)
class FunctionBackend:
    """The backend made of some functions; those left out are None, which switches off what needs them."""

    name: str
    variants: Sequence[Variant]
    formats: Sequence[Format]
    kappa: float
    step: Step | None
    step_jacobian: StepJacobian | None
    step_vjp: StepVjp | None
    sequence: Sequence_ | None
    sequence_vjp: SequenceVjp | None
    sequence_jvp: SequenceJvp | None = None
    sequence_hvp: SequenceHvp | None = None
    sequence_hvp_reverse: SequenceHvp | None = None
    stack: Stack_ | None = None
    stack_vjp: StackVjp | None = None
    hidden_size: int | None = None
    input_size: int | None = None
    num_layers: int | None = None
    bidirectional: bool | None = None
    batch_first: bool | None = None
    min_length: int = 1
    subnormals: bool | Mapping[str, bool] = True
    reloaded: Reload | None = None


def backend(
    *,
    step: Step | None = None,
    step_jacobian: StepJacobian | None = None,
    step_vjp: StepVjp | None = None,
    sequence: Sequence_ | None = None,
    sequence_vjp: SequenceVjp | None = None,
    sequence_jvp: SequenceJvp | None = None,
    sequence_hvp: SequenceHvp | None = None,
    sequence_hvp_reverse: SequenceHvp | None = None,
    stack: Stack_ | None = None,
    stack_vjp: StackVjp | None = None,
    name: str | None = None,
    variants: Sequence[Variant] = (Variant(),),
    formats: Sequence[Format] = FORMATS,
    kappa: float = KAPPA,
) -> FunctionBackend:
    """A backend from functions with the signatures of the contract (see `Backend`).

    name: how reports call it (the first function's own name unless given); variants and formats: what it claims, by
    default PyTorch's conventions with biases, in all four formats; kappa: accuracy of its σ and tanh in units of
    roundoff.

    Raises:
        ValueError: no function is given, or `kappa` is negative.
    """
    methods: dict[str, Any] = {
        "step": step,
        "sequence": sequence,
        "step_jacobian": step_jacobian,
        "step_vjp": step_vjp,
        "sequence_vjp": sequence_vjp,
        "sequence_jvp": sequence_jvp,
        "sequence_hvp": sequence_hvp,
        "sequence_hvp_reverse": sequence_hvp_reverse,
        "stack": stack,
        "stack_vjp": stack_vjp,
    }
    given = [f for f in methods.values() if f is not None]
    if not given:
        raise ValueError(f"backend() needs at least one function: {', '.join(METHODS)}")
    if kappa < 0:
        raise ValueError(f"kappa={kappa} must not be negative: it is the error of σ and tanh in units of roundoff")
    return FunctionBackend(
        name=name or str(getattr(given[0], "__name__", "function")),
        variants=tuple(variants),
        formats=tuple(formats),
        kappa=kappa,
        **methods,
    )


def is_backend(target: object) -> bool:
    """Whether `target` has a method of the contract."""
    return any(offers(target, method) for method in METHODS)
