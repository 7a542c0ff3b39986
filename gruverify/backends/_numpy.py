"""The formulas in the format under test: the analytic gradients, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

import numpy as np

from gruverify.arithmetic import FORMATS, Array, NDArray, floating
from gruverify.cell import (
    VARIANTS,
    Arrangement,
    Cell,
    Gradients,
    Stack,
    StackGradients,
    pack,
    packed,
    parameter_name,
)
from gruverify.formulas import (
    Bptt,
    MaskedRun,
    MaskedStackRun,
    Run,
    StackBptt,
    StackRun,
    ZoneoutRun,
    activations,
    bptt,
    directional_run,
    hvp,
    jacobian,
    jvp,
    masked_bptt,
    masked_sequence,
    masked_stack,
    masked_stack_bptt,
    next_state,
    pullback,
    sequence,
    stack,
    stack_bptt,
    zoneout_bptt,
    zoneout_sequence,
)

_AnyRun = TypeVar("_AnyRun", MaskedRun, ZoneoutRun)
_AnyStackRun = TypeVar("_AnyStackRun", StackRun, MaskedStackRun)


class NumpyBackend:
    """gruverify's own formulas over NumPy arrays: every variant, every format, analytic
    derivatives.
    """

    name = "numpy"
    variants = VARIANTS
    formats = FORMATS
    #: A sequence of no steps gives no outputs, and its state back.
    min_length = 0
    #: It takes shares of units as well as masks.
    zoneout: ClassVar = "shares"
    #: NumPy's float32 σ reaches 4.67 u, at -5.889895.
    kappa_sigma: ClassVar = {"float32": 5.0}
    #: Its matrix products of halves add up in float32, its sums along the batch in the halves
    #: themselves.
    sums_in_format: ClassVar = {"float16": True, "bfloat16": True}

    def step(self, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        """One step: x (B, I), h (B, H) -> (B, H)."""
        a = activations(cell.variant, cell.parameters(floating), floating(x), floating(h))
        return np.asarray(next_state(cell.variant, a))

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I)."""
        p = cell.parameters(floating)
        dh, dx = jacobian(cell.variant, p, activations(cell.variant, p, floating(x), floating(h)))
        return np.asarray(dh), np.asarray(dx)

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray) -> Gradients:
        """Immediate gradients of one step at the cotangent (B, H)."""
        p = cell.parameters(floating)
        a = activations(cell.variant, p, floating(x), floating(h))
        back = pullback(cell.variant, p, a, floating(cotangent))
        return pack(back.parameters, back.x, back.h, cell.variant.bias)

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H) from inputs (T, B, I); no state means zeros."""
        start = self._state(cell, inputs, state)
        run = sequence(
            cell.variant, cell.parameters(floating), list(floating(inputs)), floating(start)
        )
        if len(inputs):
            outputs = np.stack(run.states[1:])
        else:
            outputs = np.zeros((0, *start.shape), start.dtype)
        # A copy: without steps it would be the caller's own state.
        return outputs, np.array(run.states[-1])

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Gradients by back-propagation through time at the cotangents d_outputs (T, B, H) and
        d_last (B, H).
        """
        given = self._state(cell, inputs, state)
        if not len(inputs):
            return _of_no_steps(
                cell, inputs, np.zeros_like(given) if d_last is None else d_last.copy()
            )
        start = floating(given)
        run = sequence(cell.variant, cell.parameters(floating), list(floating(inputs)), start)
        if d_outputs is None:
            cotangents = None
        else:
            cotangents = list(floating(d_outputs))
        back = bptt(run, cotangents, None if d_last is None else floating(d_last))
        return pack(
            back.parameters, np.stack(back.inputs), np.asarray(back.state), cell.variant.bias
        )

    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the tangent."""
        if not len(inputs):
            start = self._state(cell, inputs, state)
            if tangent.state is None:
                moved_state = np.zeros_like(start)
            else:
                moved_state = tangent.state.copy()
            return np.zeros((0, *start.shape), start.dtype), moved_state
        moved = jvp(self._directional(cell, inputs, state, tangent))
        return np.stack(moved), np.array(moved[-1])

    def sequence_hvp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        tangent: Gradients,
    ) -> Gradients:
        """The derivative of `sequence_vjp` along the tangent, forward over reverse."""
        if not len(inputs):
            # The loss is linear in the state that is passed through: its second derivative is 0.
            return _of_no_steps(cell, inputs, np.zeros_like(self._state(cell, inputs, state)))
        run = self._directional(cell, inputs, state, tangent)
        if d_outputs is None:
            cotangents = None
        else:
            cotangents = list(floating(d_outputs))
        back = hvp(run, cotangents, None if d_last is None else floating(d_last))
        return pack(
            back.parameters, np.stack(back.inputs), np.asarray(back.state), cell.variant.bias
        )

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where keep (T, B) says which steps a member
        skips.
        """
        return _shown(self._masked(cell, inputs, state, keep, np.zeros_like(keep)))

    def sequence_masked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        run = self._masked(cell, inputs, state, keep, np.zeros_like(keep))
        return _pulled(cell, inputs, run, masked_bptt, d_outputs, d_last)

    def sequence_restarted(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, restart: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where restart (T, B) says which steps a member
        starts from zeros.
        """
        return _shown(self._masked(cell, inputs, state, np.zeros_like(restart), restart))

    def sequence_restarted_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        run = self._masked(cell, inputs, state, np.zeros_like(restart), restart)
        return _pulled(cell, inputs, run, masked_bptt, d_outputs, d_last)

    def sequence_marked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of members that skip some steps and start some
        from zeros.
        """
        return _shown(self._masked(cell, inputs, state, keep, restart))

    def sequence_marked_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        run = self._masked(cell, inputs, state, keep, restart)
        return _pulled(cell, inputs, run, masked_bptt, d_outputs, d_last)

    def sequence_zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), where keep_units (T, B, H) says which units keep
        their state, or how much of it.
        """
        return _shown(self._zoneout(cell, inputs, state, keep_units))

    def sequence_zoneout_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep_units: NDArray,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> Gradients:
        """Its gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        run = self._zoneout(cell, inputs, state, keep_units)
        return _pulled(cell, inputs, run, zoneout_bptt, d_outputs, d_last)

    def _masked(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        keep: NDArray,
        restart: NDArray,
    ) -> MaskedRun:
        start = floating(self._state(cell, inputs, state))
        xs = list(floating(inputs))
        return masked_sequence(cell.variant, cell.parameters(floating), xs, start, keep, restart)

    def _zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray
    ) -> ZoneoutRun:
        v, p = cell.variant, cell.parameters(floating)
        start, xs = floating(self._state(cell, inputs, state)), list(floating(inputs))
        if keep_units.dtype == bool:
            return zoneout_sequence(v, p, xs, start, keep_units)
        return zoneout_sequence(v, p, xs, start, list(floating(keep_units)))

    def _directional(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients
    ) -> Run:
        p, start = cell.parameters(floating), floating(self._state(cell, inputs, state))
        return directional_run(cell.variant, p, list(floating(inputs)), start, tangent, floating)

    def _state(self, cell: Cell, inputs: NDArray, state: NDArray | None) -> NDArray:
        if state is None:
            return np.zeros((inputs.shape[1], cell.hidden_size), inputs.dtype)
        return state

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are; no states
        means zeros.
        """
        arranged = Arrangement.of_call(inputs, batch_first)
        if not inputs.size:
            return self._nothing(stack, arranged, inputs, states)
        run = self._run(stack, arranged, inputs, states, lengths)
        return arranged.steps(np.stack(run.outputs)), arranged.states(np.stack(run.last))

    def stack_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Gradients by back-propagation at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B,
        H).
        """
        arranged = Arrangement.of_call(inputs, batch_first)
        if not inputs.size:
            if d_last is None:
                d_start = np.zeros_like(self._states(stack, arranged, inputs, states))
            else:
                d_start = d_last.copy()
            zeros = {name: np.zeros_like(array) for name, array in stack.packed().items()}
            return StackGradients(zeros, np.zeros_like(inputs), d_start)
        run = self._run(stack, arranged, inputs, states, lengths)
        return _of_stack(stack, arranged, stack_bptt, run, d_outputs, d_last)

    def stack_masked(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), of members that skip steps."""
        arranged = Arrangement.of_call(inputs, batch_first)
        if not inputs.size:
            return self._nothing(stack, arranged, inputs, states)
        run = self._masked_run(stack, arranged, inputs, states, keep)
        return arranged.steps(np.stack(run.outputs)), arranged.states(np.stack(run.last))

    def stack_masked_vjp(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
    ) -> StackGradients:
        """Its gradients at the cotangents d_outputs (T, B, D·H) and d_last (L·D, B, H)."""
        if not inputs.size:
            return self.stack_vjp(stack, inputs, states, None, batch_first, d_outputs, d_last)
        arranged = Arrangement.of_call(inputs, batch_first)
        run = self._masked_run(stack, arranged, inputs, states, keep)
        return _of_stack(stack, arranged, masked_stack_bptt, run, d_outputs, d_last)

    def _masked_run(
        self,
        s: Stack,
        arranged: Arrangement,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
    ) -> MaskedStackRun:
        xs = floating(arranged.steps_of(inputs))
        hs = floating(arranged.states_of(self._states(s, arranged, inputs, states)))
        rows = s.each(lambda cell: cell.parameters(floating))
        mask: NDArray = arranged.steps_of(keep[..., None])[..., 0]
        return masked_stack(s.variant, rows, list(xs), list(hs), mask)

    def _run(
        self,
        s: Stack,
        arranged: Arrangement,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
    ) -> StackRun:
        xs = floating(arranged.steps_of(inputs))
        hs = floating(arranged.states_of(self._states(s, arranged, inputs, states)))
        rows = s.each(lambda cell: cell.parameters(floating))
        return stack(s.variant, rows, list(xs), list(hs), lengths)

    def _states(
        self, s: Stack, arranged: Arrangement, inputs: NDArray, states: NDArray | None
    ) -> NDArray:
        """The states that are given, or zeros, arranged as they would be."""
        B = arranged.steps_of(inputs).shape[1]
        zeros: NDArray = arranged.states(
            np.zeros((s.layers * s.directions, B, s.hidden_size), inputs.dtype)
        )
        if states is None:
            return zeros
        return states

    def _nothing(
        self, s: Stack, arranged: Arrangement, inputs: NDArray, states: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """The outputs of no steps or of no members, and their states as they were."""
        outputs = np.zeros((*inputs.shape[:-1], s.directions * s.hidden_size), inputs.dtype)
        return outputs, self._states(s, arranged, inputs, states).copy()


def _shown(run: MaskedRun | ZoneoutRun) -> tuple[NDArray, NDArray]:
    """The outputs of a run with masks, and its last state."""
    # Copies: a state that was kept throughout would be the caller's own.
    return np.stack(run.states)[1:], np.array(run.states[-1])


def _pulled(
    cell: Cell,
    inputs: NDArray,
    run: _AnyRun,
    back: Callable[[_AnyRun, Sequence[Array] | None, Array | None], Bptt],
    d_outputs: NDArray | None,
    d_last: NDArray | None,
) -> Gradients:
    """The gradients of a run with masks at both cotangents, by its way back."""
    if not len(inputs):
        start = np.asarray(run.states[0])
        return _of_no_steps(cell, inputs, np.zeros_like(start) if d_last is None else d_last.copy())
    each, end = None, None
    if d_outputs is not None:
        each = list(floating(d_outputs))
    if d_last is not None:
        end = floating(d_last)
    found = back(run, each, end)
    return pack(found.parameters, np.stack(found.inputs), np.array(found.state), cell.variant.bias)


def _of_stack(
    stack: Stack,
    arranged: Arrangement,
    back: Callable[[_AnyStackRun, Sequence[Array] | None, Sequence[Array] | None], StackBptt],
    run: _AnyStackRun,
    d_outputs: NDArray | None,
    d_last: NDArray | None,
) -> StackGradients:
    """The gradients of a run of a stack at both cotangents, by its way back."""
    found = back(
        run,
        None if d_outputs is None else list(floating(arranged.steps_of(d_outputs))),
        None if d_last is None else list(floating(arranged.states_of(d_last))),
    )
    parameters = dict[str, NDArray]()
    for layer, row in enumerate(found.parameters):
        for direction, p in enumerate(row):
            for name, array in packed(p, stack.variant.bias).items():
                parameters[parameter_name(name, layer, direction)] = np.asarray(array)
    d_inputs, d_states = np.stack(found.inputs), np.stack(found.states)
    return StackGradients(parameters, arranged.steps(d_inputs), arranged.states(d_states))


def _of_no_steps(cell: Cell, inputs: NDArray, state: NDArray) -> Gradients:
    """The gradients of a sequence of no steps: that of its state alone is not 0."""
    zeros = {name: np.zeros_like(array) for name, array in cell.packed().items()}
    biases = zeros.get("bias_ih"), zeros.get("bias_hh")
    return Gradients(zeros["weight_ih"], zeros["weight_hh"], *biases, np.zeros_like(inputs), state)
