"""The contract of a backend, one capability at a time: each is a Protocol that a type checker can
hold yours against.

    from gruverify.backends.contract import HasStep

    backend: HasStep = MyGRU()

Arrays are NumPy's, in the case's format (bfloat16 through ml_dtypes). Shapes: H hidden, I input, B
batch, T time, L layers, D directions. Arguments are given by position.

A backend offers what it has. A method that is missing makes the invariants that need it not
applicable; so does one that raises NotImplementedError.
"""

from __future__ import annotations

from typing import Protocol

from gruverify.arithmetic import NDArray as NDArray
from gruverify.cell import Cell, Gradients, Stack, StackGradients


class HasStep(Protocol):
    """One step of a cell."""

    def step(self, cell: Cell, x: NDArray, h: NDArray, /) -> NDArray:
        """The next state (B, H), from x (B, I) and the state before, h (B, H)."""
        ...


class HasStepJacobian(Protocol):
    """The derivatives of a step, in full."""

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray, /) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I)."""
        ...


class HasStepVjp(Protocol):
    """The gradients of a step."""

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray, /) -> Gradients:
        """The cotangent (B, H) of the next state, pulled back to parameters, inputs (B, I) and
        state (B, H).
        """
        ...


class HasSequence(Protocol):
    """Several steps of a cell."""

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, /
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H), from inputs (T, B, I); no state means
        zeros.
        """
        ...


class HasSequenceVjp(Protocol):
    """The gradients of several steps."""

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients of parameters, inputs (T, B, I) and state (B, H); either cotangent may be
        None.
        """
        ...


class HasSequenceJvp(Protocol):
    """The derivative of several steps along a tangent, a direction in which parameters, inputs and
    state move together: a `Gradients` in their shapes.
    """

    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients, /
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of the outputs (T, B, H) and of the last state (B, H) along the
        tangent.
        """
        ...


class HasSequenceHvp(Protocol):
    """Second derivatives of several steps."""

    def sequence_hvp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
        /,
    ) -> Gradients:
        """The derivative of `sequence_vjp` along the tangent at fixed cotangents: the loss's
        Hessian times it.
        """
        ...


class HasSequenceHvpReverse(Protocol):
    """A second way to the second derivatives, such as reverse over reverse besides forward over
    reverse.
    """

    def sequence_hvp_reverse(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
        /,
    ) -> Gradients:
        """What `sequence_hvp` returns, found the other way."""
        ...


class HasStack(Protocol):
    """Layers of cells in one direction or both."""

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        /,
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, D·H) and the last states (L·D, B, H).

        inputs are (T, B, I), or (B, T, I) if batch_first, or (T, I) where there is no batch;
        outputs are arranged likewise, states (L·D, B, H) or (L·D, H). lengths (B,), the number of
        steps of each member: at steps from its length on outputs are 0, and its last states are
        those at its length.
        """
        ...


class HasStackVjp(Protocol):
    """The gradients of layers of cells."""

    def stack_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> StackGradients:
        """The gradients of parameters, inputs and states, arranged as in `stack`; either cotangent
        may be None.
        """
        ...


class HasSequenceMasked(Protocol):
    """Several steps of a cell, of which each member skips some: masks in mid-sequence, padding."""

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H), where keep (T, B), of bool, is True at
        the steps that a member skips: its state stays as it is, bit for bit.

        What is returned as the output of a skipped step is what the backend declares
        (`masked_outputs`): the state that was kept, zeros, or the last output.
        """
        ...


class HasSequenceMaskedVjp(Protocol):
    """The gradients of several steps, of which each member skips some."""

    def sequence_masked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients of parameters, inputs (T, B, I) and state (B, H); either cotangent may be
        None.
        """
        ...


class HasSequenceRestarted(Protocol):
    """Several steps of a cell, some of which start from zeros: torchrl's is_init, stateful layers
    that are reset.
    """

    def sequence_restarted(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, restart: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H), where restart (T, B), of bool, is True
        at the steps that a member starts from zeros, whatever its state was.
        """
        ...


class HasSequenceRestartedVjp(Protocol):
    """The gradients of several steps, some of which start from zeros."""

    def sequence_restarted_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients of parameters, inputs (T, B, I) and state (B, H); either cotangent may be
        None.
        """
        ...


class HasSequenceMarked(Protocol):
    """Several steps of a cell, of which each member skips some and starts some from zeros, in one
    call: padding and episodes, masks and resets.
    """

    def sequence_marked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H), where keep (T, B) is as for
        `sequence_masked`, and restart (T, B) as for `sequence_restarted`.

        A new start comes before the step: where a member does both, its state is 0, and stays 0
        until it takes a step.
        """
        ...


class HasSequenceMarkedVjp(Protocol):
    """The gradients of several steps, of which each member skips some and starts some from
    zeros.
    """

    def sequence_marked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients of parameters, inputs (T, B, I) and state (B, H); either cotangent may be
        None.
        """
        ...


class HasSequenceZoneout(Protocol):
    """Several steps of a cell, of which each unit of each member keeps its state at some: zoneout
    with the mask that was drawn.
    """

    def sequence_zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, H) and the last state (B, H), where keep_units (T, B, H), of bool, is
        True where a unit keeps its state, bit for bit; all others have that of the step, which is
        taken from the whole state. Nothing is divided by a rate.

        Of a backend that declares `zoneout="shares"`, keep_units may be numbers from 0 to 1 as
        well, of the case's format: each unit then has that share of its old state and the rest of
        the new one, as zoneout has in evaluation.
        """
        ...


class HasSequenceZoneoutVjp(Protocol):
    """The gradients of several steps with zoneout, at the mask that was drawn."""

    def sequence_zoneout_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep_units: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients of parameters, inputs (T, B, I) and state (B, H); either cotangent may be
        None.
        """
        ...


class HasStackMasked(Protocol):
    """Layers of cells of which each member skips some steps: masks in mid-sequence, padding."""

    def stack_masked(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        /,
    ) -> tuple[NDArray, NDArray]:
        """The outputs (T, B, D·H) and the last states (L·D, B, H), arranged as in `stack`, where
        keep (T, B), of bool, arranged as the steps of the inputs are, is True at the steps that a
        member skips: in every layer and direction its states stay as they are, bit for bit. The
        backward direction skips them on its way from the last step to the first.

        What is returned as the output of a skipped step is what the backend declares
        (`masked_outputs`), of each direction in its own order.
        """
        ...


class HasStackMaskedVjp(Protocol):
    """The gradients of layers of cells of which each member skips some steps."""

    def stack_masked_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> StackGradients:
        """The gradients of parameters, inputs and states, arranged as in `stack`; either cotangent
        may be None.
        """
        ...


#: What a backend of cells may offer, what of that is a derivative along a direction, and what one
#: of stacks may.
OF_CELLS: tuple[type, ...] = (
    HasStep,
    HasStepJacobian,
    HasStepVjp,
    HasSequence,
    HasSequenceVjp,
    HasSequenceJvp,
    HasSequenceHvp,
    HasSequenceHvpReverse,
)
ALONG_A_DIRECTION: tuple[type, ...] = (HasSequenceJvp, HasSequenceHvp, HasSequenceHvpReverse)
OF_STACKS: tuple[type, ...] = (HasStack, HasStackVjp)
#: What most GRUs do without: whoever lacks it lacks nothing.
OF_OPTIONS: tuple[type, ...] = (
    HasSequenceMasked,
    HasSequenceMaskedVjp,
    HasSequenceRestarted,
    HasSequenceRestartedVjp,
    HasSequenceMarked,
    HasSequenceMarkedVjp,
    HasSequenceZoneout,
    HasSequenceZoneoutVjp,
)
#: The same of stacks.
OF_STACK_OPTIONS: tuple[type, ...] = (HasStackMasked, HasStackMaskedVjp)


def method_of(capability: type) -> str:
    """The name of the one method that a capability is about."""
    (name,) = (
        name
        for name, value in vars(capability).items()
        if callable(value) and not name.startswith("_")
    )
    return name
