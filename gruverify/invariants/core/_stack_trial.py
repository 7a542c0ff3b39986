"""A case of a stack put to a backend: what it returned, and what the mathematics allows. Each is
found out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import Ball, NDArray, Rounding
from gruverify.backends import Backend, Declarations, rounding_in
from gruverify.cell import (
    Cell,
    Parameters,
    StackCase,
    StackGradients,
    Variant,
    parameter_name,
    stack_masks_of,
)
from gruverify.formulas import (
    Bptt,
    MaskedStackRun,
    MaskRead,
    Run,
    StackBptt,
    StackRun,
    as_it_is,
    contributions,
    masked_stack,
    masked_stack_bptt,
    stack,
    stack_bptt,
    total,
)
from gruverify.invariants.core._blocks import BLOCKS_OF
from gruverify.invariants.core._calls import Calls, is_array, pair_of
from gruverify.invariants.core._obstacle import Malformed, asking
from gruverify.invariants.core._ranges import Ranges, ranges_of_run
from gruverify.invariants.core._residual import Floats


@dataclass(frozen=True)
class StackBalls:
    """What `StackGradients` holds, time-major, as balls.

    runs: those of the directions of each layer, layer by layer, with the cotangents of their
    states, (B, H) each; none where the stack has steps that members skip.
    """

    parameters: Mapping[str, Ball]
    inputs: Ball
    states: Ball
    runs: Sequence[Sequence[tuple[Run, Sequence[Ball]]]] = ()

    def __getitem__(self, name: str) -> Ball:
        """The gradient of a parameter by its name, or of the "inputs" or "states"."""
        if name in self.parameters:
            return self.parameters[name]
        found: Ball = getattr(self, name)
        return found

    @cached_property
    def ranges(self) -> Sequence[Sequence[Ranges]]:
        """The ranges of the gradient of each of the runs, layer by layer."""
        found = list[list[Ranges]]()
        for layer in self.runs:
            found.append([ranges_of_run(run, cotangents) for run, cotangents in layer])
        return found


class StackExact:
    """What the mathematics allows for a case of a stack, as balls in the format under test."""

    def __init__(self, case: StackCase, mode: Rounding) -> None:
        self.case = case
        self.mode = mode

    def anew(self) -> StackExact:
        """The same of which nothing is found yet."""
        return StackExact(self.case, self.mode)

    def _balls(self, values: NDArray) -> list[Ball]:
        return [Ball.exact(self.mode, part) for part in values]

    @cached_property
    def run(self) -> StackRun:
        """The stack run forward."""
        c = self.case
        rows = c.stack.each(lambda cell: cell.parameters(lambda a: Ball.exact(self.mode, a)))
        # The exact side is time-major whatever the call's arrangement is: only answers are
        # rearranged.
        return stack(c.variant, rows, self._balls(c.inputs), self._balls(c.states), c.lengths)

    @cached_property
    def outputs(self) -> Ball:
        """(T, B, D·H)."""
        return as_one(np.stack, self.run.outputs)

    @cached_property
    def last(self) -> Ball:
        """(L·D, B, H)."""
        return as_one(np.stack, self.run.last)

    @cached_property
    def gradients(self) -> StackBalls:
        """Gradients at both cotangents."""
        return self._back(self._balls(self.case.d_outputs), self._balls(self.case.d_last))

    @cached_property
    def gradients_of_outputs(self) -> StackBalls:
        """Gradients at the cotangents of the outputs alone."""
        return self._back(self._balls(self.case.d_outputs), None)

    @cached_property
    def gradients_of_last(self) -> StackBalls:
        """Gradients at the cotangents of the last states alone."""
        return self._back(None, self._balls(self.case.d_last))

    # -- with steps that members skip; keep is (T, B) ----------------------------------------------

    def masked_run(self, keep: NDArray, read: MaskRead = as_it_is) -> MaskedStackRun:
        """The stack with such steps, run forward; read: how it reads the mask."""
        c = self.case
        rows = c.stack.each(lambda cell: cell.parameters(lambda a: Ball.exact(self.mode, a)))
        inputs, states = self._balls(c.inputs), self._balls(c.states)
        return masked_stack(c.variant, rows, inputs, states, keep, read)

    def masked_gradients(self, keep: NDArray, seen: NDArray) -> StackBalls:
        """Its gradients at both cotangents; seen: the steps (T, B, D·H) whose outputs hand theirs
        on.
        """
        d_outputs = np.where(seen, self.case.d_outputs, np.zeros_like(self.case.d_outputs))
        cotangents = self._balls(d_outputs), self._balls(self.case.d_last)
        return self._named(masked_stack_bptt(self.masked_run(keep), *cotangents))

    def _back(self, d_outputs: list[Ball] | None, d_last: list[Ball] | None) -> StackBalls:
        met = dict[int, list[Ball]]()

        def back(run: Run, d_own: Sequence[Ball] | None, d_end: Ball | None) -> Bptt:
            terms = [*contributions(run, d_own, d_end)]
            met[id(run)] = [term.cotangent for term in reversed(terms)]
            return total(terms)

        found = self._named(stack_bptt(self.run, d_outputs, d_last, back))
        layers = list[list[tuple[Run, Sequence[Ball]]]]()
        for layer in range(self.case.stack.layers):
            runs = chain.from_iterable(part.layers[layer] for part in self.run.parts if part.length)
            layers.append([(run, met[id(run)]) for run in runs])
        return replace(found, runs=layers)

    def _named(self, back: StackBptt) -> StackBalls:
        parameters = dict[str, Ball]()
        for layer, row in enumerate(back.parameters):
            for d, p in enumerate(row):
                parameters |= packed_balls(self.case.stack.cells[layer][d], p, layer, d)
        return StackBalls(parameters, as_one(np.stack, back.inputs), as_one(np.stack, back.states))


def packed_balls(
    cell: Cell, gradients: Parameters, layer: int = 0, direction: int = 0
) -> dict[str, Ball]:
    """The gradients of a cell's parameters by nn.GRU's names."""
    found = dict[str, Ball]()
    for packed in cell.packed():
        blocks = [_read(cell.variant, gradients, block) for block in BLOCKS_OF[packed]]
        found[parameter_name(packed, layer, direction)] = as_one(np.concatenate, blocks)
    return found


def _read(variant: Variant, gradients: Parameters, block: str) -> Ball:
    """The block's gradient; exactly 0 if the variant lacks the block, as what is observed of it."""
    ball: Ball = getattr(gradients, block)
    if variant.has(block):
        return ball
    # The formulas find a gradient for the block that is 0; the backend is not asked for it.
    return Ball.exact(ball.mode, np.zeros_like(ball.mid))


def as_one(join: Callable[[list[Floats]], Floats], balls: Sequence[Ball]) -> Ball:
    """Several balls as one, their arrays joined."""
    return Ball(
        balls[0].mode, join([ball.mid for ball in balls]), join([ball.radius for ball in balls])
    )


class StackObserved(Calls):
    """What the backend returned for a case of a stack, checked for kind, shape and dtype, and made
    time-major.
    """

    case: StackCase

    def __init__(
        self, case: StackCase, backend: Backend, declared: Declarations | None = None
    ) -> None:
        super().__init__(case, case.stack, backend, declared)

    def arguments(self, method: str, **changes: object) -> Keywords:
        """What the method is given for the case after the stack, by name and in its order; changes:
        what is given in place of the case's own, time first.
        """
        to = self.case.arrangement
        arranged = {
            "inputs": to.steps,
            "states": to.states,
            "d_outputs": to.steps,
            "d_last": to.states,
        }
        given: Keywords = {}
        for name in _ARGUMENTS[method]:
            if name in changes:
                value: Any = changes[name]
            elif name == "keep":
                value = stack_masks_of(self.case)
            else:
                value = getattr(self.case, name)
            if name == "keep":
                value = np.ascontiguousarray(to.steps(value[..., None])[..., 0])
            elif name in arranged and value is not None:
                value = np.ascontiguousarray(arranged[name](value))
            given[name] = value
        return given

    def letters(self, argument: str) -> str:
        """The axes of such an argument, as the call has them: S is L·D, O is D·H."""
        return _arranged(_AXES[argument], self.case)

    def checked(self, method: str, returned: object, **other: int) -> Any:
        """What the method returned, if its kind, shapes and dtype are right; other: sizes that the
        case has not.
        """
        with asking(method):
            if method.endswith("_vjp"):
                return self._gradients(method, returned, self.case.states, **other)
            outputs, last = pair_of(method, returned)
            return self._steps("outputs", outputs, "TBO", **other), self._states(
                "last", last, **other
            )

    def _checked_with(self, method: str, returned: object, changes: Keywords) -> Any:
        if method.endswith("_vjp") and "states" in changes:
            with asking(method):
                return self._gradients(method, returned, changes["states"])
        return self.checked(method, returned)

    @property
    def stack(self) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H)."""
        found: tuple[NDArray, NDArray] = self.ask("stack")
        return found

    @property
    def stack_vjp(self) -> StackGradients:
        """Gradients at both cotangents, time first."""
        found: StackGradients = self.ask("stack_vjp")
        return found

    def _gradients(
        self, method: str, value: object, states: NDArray | None, **other: int
    ) -> StackGradients:
        if not isinstance(value, StackGradients):
            raise Malformed(
                f"{method} returned {type(value).__name__}, expected gruverify.StackGradients"
            )
        variant, found = self.case.variant, dict[str, NDArray]()
        for name, parameter in self.case.stack.packed().items():
            there = variant.mask(name)
            if not any(there):
                continue
            # Names are checked before numbers: a missing gradient is no wrong one.
            if name not in value.parameters:
                given = ", ".join(value.parameters) or "none"
                raise Malformed(f"{method} returned no gradient of {name} (it has: {given})")
            self._like(f"gradient of {name}", value.parameters[name], parameter)
            found[name] = value.parameters[name]
            if not all(
                there
            ):  # whatever was returned for biases that the variant lacks is not read
                found[name] = np.where(
                    np.repeat(there, len(parameter) // 3), found[name], parameter.dtype.type(0)
                )
        return StackGradients(
            found,
            self._steps("gradient of inputs", value.inputs, "TBI", **other),
            self._gradient_of_states(value, states, **other),
        )

    def _gradient_of_states(
        self, value: StackGradients, states: NDArray | None, **other: int
    ) -> NDArray | None:
        # From no states there is nothing to have a gradient of, whatever was returned.
        if states is None or not self.declared.state_gradient:
            return None
        if value.states is None:
            raise Malformed("gradient of states is None: declare state_gradient=False?")
        return self._states("gradient of states", value.states, **other)

    def _like(self, name: str, value: Any, parameter: NDArray) -> None:
        if not is_array(value):
            raise Malformed(
                f"{name} is {type(value).__name__}, expected a NumPy array {parameter.shape}"
            )
        if (value.shape, value.dtype) != (parameter.shape, parameter.dtype):
            raise Malformed(
                f"{name} has shape {value.shape} and dtype {value.dtype}, expected "
                f"{parameter.shape}, {parameter.dtype}"
            )

    def _steps(self, name: str, value: object, letters: str, **other: int) -> NDArray:
        """(T, B, n) from the arrangement of the call."""
        found = self._array(name, value, _arranged(letters, self.case), **other)
        array: NDArray = self.case.arrangement.steps_of(found)
        return array

    def _states(self, name: str, value: object, **other: int) -> NDArray:
        """(L·D, B, H) from the arrangement of the call."""
        array: NDArray = self.case.arrangement.states_of(
            self._array(name, value, _arranged("SBH", self.case), **other)
        )
        return array


#: The arguments of each method after the stack, in its order.
_ARGUMENTS = {
    "stack": ("inputs", "states", "lengths", "batch_first"),
    "stack_vjp": ("inputs", "states", "lengths", "batch_first", "d_outputs", "d_last"),
    "stack_masked": ("inputs", "states", "keep", "batch_first"),
    "stack_masked_vjp": ("inputs", "states", "keep", "batch_first", "d_outputs", "d_last"),
}
#: The axes of the arguments that are arrays, time first.
_AXES = {
    "inputs": "TBI",
    "states": "SBH",
    "lengths": "B",
    "keep": "TB",
    "d_outputs": "TBO",
    "d_last": "SBH",
}


def _arranged(letters: str, case: StackCase) -> str:
    if not case.batched:
        return letters.replace("B", "")
    if case.batch_first:
        return letters.replace("TB", "BT")
    return letters


#: From a case to one that stands in a known relation to it, or that meets a condition by
#: construction.
StackChange: TypeAlias = Callable[[StackCase], StackCase]


class StackTrial:
    """A case of a stack, a backend, and both sides of every comparison between them."""

    def __init__(
        self,
        case: StackCase,
        backend: Backend,
        mode: Rounding | None = None,
        declared: Declarations | None = None,
    ) -> None:
        """`mode` is the backend's rounding in the case's format, and `declared` what it declares,
        where known.
        """
        self.case = case
        self.backend = backend
        self.observed = StackObserved(case, backend, declared)
        self.exact = StackExact(case, mode or rounding_in(case.format, self.declared))
        self._changed: dict[StackChange, StackTrial] = {}
        self._twin: StackTrial | None = None

    @property
    def declared(self) -> Declarations:
        """What the backend declares itself to be."""
        return self.observed.declared

    def on(self, change: StackChange) -> StackTrial:
        """The trial of the changed case, put to the same backend; invariants that make the same
        change share it.
        """
        if change not in self._changed:
            if self._twin is None:
                twin = None
            else:
                twin = self._twin.on(change)
            if twin:
                self._changed[change] = twin.with_backend(self.backend, self.declared)
            else:
                self._changed[change] = self._other(change(self.case))
        return self._changed[change]

    def _other(self, case: StackCase) -> StackTrial:
        if case.format is self.case.format:
            mode = self.exact.mode
        else:
            mode = None
        return StackTrial(case, self.backend, mode, self.declared)

    def forget_changes(self) -> None:
        """Let go of the trials of changed cases. Where weights are large, each takes much
        memory.
        """
        if self._twin is not None:
            self._twin.forget_changes()
        self._changed.clear()

    def forget(self) -> None:
        """Let go of all that was found of the case but of the first answers to it."""
        self.forget_changes()
        self.observed.forget_further_answers()
        if self._twin is None:
            self.exact = self.exact.anew()
        else:
            self._twin.forget()
            self.exact = self._twin.exact

    def derived(self) -> Iterator[tuple[StackChange, StackTrial]]:
        """The changes that were made to the case so far, and the trials of the cases they made."""
        yield from self._changed.items()

    def with_backend(self, backend: Backend, declared: Declarations | None = None) -> StackTrial:
        """The same case put to another backend; what the mathematics allows is found out once, if
        both declare the same accuracy. declared: what it declares, if that is known already.
        """
        other = StackTrial(self.case, backend, declared=declared)
        if other.exact.mode == self.exact.mode:
            other.exact, other._twin = self.exact, self
        return other

    def asked_again(self) -> StackTrial:
        """The same case on the same backend again: only what that returns is found out anew."""
        return self.with_backend(self.backend, self.declared)


def gradients(found: StackGradients) -> Iterator[tuple[str, str, NDArray]]:
    """The name, axes and array of every gradient: parameters, inputs, initial states where there
    are any.
    """
    for name, array in found.parameters.items():
        yield name, "ij" if array.ndim == 2 else "i", array
    yield "inputs", "tbj", found.inputs
    if found.states is not None:
        yield "states", "sbi", found.states


def paired(
    one: StackGradients, other: StackGradients
) -> Iterator[tuple[str, str, NDArray, NDArray]]:
    """Every gradient twice, with its name and axes."""
    others = {name: array for name, _, array in gradients(other)}
    return ((name, letters, array, others[name]) for name, letters, array in gradients(one))
