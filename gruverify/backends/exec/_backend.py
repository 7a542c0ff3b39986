"""The methods of the contract, each a request to a program and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeAlias, cast

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.backends._declarations import BadDeclaration, Declared
from gruverify.backends._function import FunctionBackend, backend, declaring
from gruverify.backends.contract import (
    HasSequence,
    HasSequenceHvp,
    HasSequenceHvpReverse,
    HasSequenceJvp,
    HasSequenceMasked,
    HasSequenceMaskedVjp,
    HasSequenceRestarted,
    HasSequenceRestartedVjp,
    HasSequenceVjp,
    HasSequenceZoneout,
    HasSequenceZoneoutVjp,
    HasStack,
    HasStackVjp,
    HasStep,
    HasStepJacobian,
    HasStepVjp,
)
from gruverify.backends.exec._codec import arrays_in, encoded, longest
from gruverify.backends.exec._conversation import Conversation
from gruverify.backends.exec._rules import ProtocolBroken, Rule
from gruverify.cell import PACKED, Cell, Gradients, Stack, StackGradients, Variant

Arrays: TypeAlias = dict[str, NDArray]
Shapes: TypeAlias = dict[str, tuple[int, ...]]


class Asked(
    HasStep,
    HasStepJacobian,
    HasStepVjp,
    HasSequence,
    HasSequenceVjp,
    HasSequenceJvp,
    HasSequenceHvp,
    HasSequenceHvpReverse,
    HasStack,
    HasStackVjp,
    HasSequenceMasked,
    HasSequenceMaskedVjp,
    HasSequenceRestarted,
    HasSequenceRestartedVjp,
    HasSequenceZoneout,
    HasSequenceZoneoutVjp,
):
    """A program by the methods of the contract, whichever of them it has. Each raises what
    `Conversation.ask` does.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def step(self, cell: Cell, x: NDArray, h: NDArray, /) -> NDArray:
        """The next state (B, H), from x (B, I) and h (B, H)."""
        return self._of_cell("step", cell, {"x": x, "h": h}, {"h": h.shape})["h"]

    def step_jacobian(self, cell: Cell, x: NDArray, h: NDArray, /) -> tuple[NDArray, NDArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I)."""
        shapes: Shapes = {"dh": (*h.shape, h.shape[1]), "dx": (*h.shape, x.shape[1])}
        found = self._of_cell("step_jacobian", cell, {"x": x, "h": h}, shapes)
        return found["dh"], found["dx"]

    def step_vjp(self, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray, /) -> Gradients:
        """The gradients of one step at the cotangent (B, H)."""
        return self._gradients("step_vjp", cell, {"x": x, "h": h, "cotangent": cotangent}, x)

    def sequence(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, /
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H)."""
        return self._run("sequence", cell, inputs, {"state": state}, ("outputs", "last"))

    def sequence_vjp(
        self,
        cell: Cell,
        inputs: NDArray,
        state: NDArray | None,
        d_outputs: NDArray | None,
        d_last: NDArray | None,
        /,
    ) -> Gradients:
        """The gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        given = {"inputs": inputs, "state": state, "d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_vjp", cell, given, inputs)

    def sequence_jvp(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, tangent: Gradients, /
    ) -> tuple[NDArray, NDArray]:
        """The derivatives of outputs (T, B, H) and last state (B, H) along the tangent."""
        given = {"state": state, **_named(tangent)}
        return self._run("sequence_jvp", cell, inputs, given, ("d_outputs", "d_last"))

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
        """The derivative of `sequence_vjp` along the tangent."""
        given = {"inputs": inputs, "state": state, "d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_hvp", cell, given | _named(tangent), inputs)

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
        """The derivative of `sequence_vjp` along the tangent, by reverse mode twice."""
        given = {"inputs": inputs, "state": state, "d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_hvp_reverse", cell, given | _named(tangent), inputs)

    def sequence_masked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of members that skip steps."""
        given = {"state": state, "keep": _numbers(keep, cell)}
        return self._run("sequence_masked", cell, inputs, given, ("outputs", "last"))

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
        """Their gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        given = {"inputs": inputs, "state": state, "keep": _numbers(keep, cell)}
        given |= {"d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_masked_vjp", cell, given, inputs)

    def sequence_restarted(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, restart: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of members that start steps from zeros."""
        given = {"state": state, "restart": _numbers(restart, cell)}
        return self._run("sequence_restarted", cell, inputs, given, ("outputs", "last"))

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
        """Their gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        given = {"inputs": inputs, "state": state, "restart": _numbers(restart, cell)}
        given |= {"d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_restarted_vjp", cell, given, inputs)

    def sequence_marked(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep: NDArray, restart: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of members that do both."""
        given = {"state": state, "keep": _numbers(keep, cell), "restart": _numbers(restart, cell)}
        return self._run("sequence_marked", cell, inputs, given, ("outputs", "last"))

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
        """Their gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        given = {"inputs": inputs, "state": state, "keep": _numbers(keep, cell)}
        given |= {"restart": _numbers(restart, cell), "d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_marked_vjp", cell, given, inputs)

    def sequence_zoneout(
        self, cell: Cell, inputs: NDArray, state: NDArray | None, keep_units: NDArray, /
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, H) and last state (B, H), of units that keep their state at some steps."""
        given = {"state": state, "keep_units": _numbers(keep_units, cell)}
        return self._run("sequence_zoneout", cell, inputs, given, ("outputs", "last"))

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
        """Their gradients at the cotangents d_outputs (T, B, H) and d_last (B, H)."""
        given = {"inputs": inputs, "state": state, "keep_units": _numbers(keep_units, cell)}
        given |= {"d_outputs": d_outputs, "d_last": d_last}
        return self._gradients("sequence_zoneout_vjp", cell, given, inputs)

    def stack(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
        /,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), arranged as the inputs are."""
        outputs = (*inputs.shape[:-1], stack.directions * stack.hidden_size)
        shapes: Shapes = {"outputs": outputs, "last": _states(stack, inputs, batch_first)}
        found = self._of_stack(
            "stack", stack, {"inputs": inputs, "states": states}, lengths, batch_first, shapes
        )
        return found["outputs"], found["last"]

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
        """The gradients at the cotangents d_outputs and d_last, arranged as the inputs are."""
        given = {"inputs": inputs, "states": states, "d_outputs": d_outputs, "d_last": d_last}
        return self._gradients_of_stack("stack_vjp", stack, given, lengths, batch_first)

    def _gradients_of_stack(
        self,
        method: str,
        stack: Stack,
        given: Mapping[str, NDArray | None],
        lengths: NDArray | None,
        batch_first: bool,
    ) -> StackGradients:
        inputs = given["inputs"]
        assert inputs is not None  # every stack is given some
        shapes: Shapes = {
            **{name: array.shape for name, array in stack.packed().items()},
            "inputs": inputs.shape,
            "states": _states(stack, inputs, batch_first),
        }
        found = self._of_stack(method, stack, given, lengths, batch_first, shapes)
        parameters = {name: found[name] for name in stack.packed() if name in found}
        return StackGradients(parameters, found["inputs"], found.get("states"))

    def stack_masked(
        self,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        keep: NDArray,
        batch_first: bool,
        /,
    ) -> tuple[NDArray, NDArray]:
        """Outputs (T, B, D·H) and last states (L·D, B, H), of members that skip steps."""
        outputs = (*inputs.shape[:-1], stack.directions * stack.hidden_size)
        shapes: Shapes = {"outputs": outputs, "last": _states(stack, inputs, batch_first)}
        given = {"inputs": inputs, "states": states, "keep": _numbers(keep, stack)}
        found = self._of_stack("stack_masked", stack, given, None, batch_first, shapes)
        return found["outputs"], found["last"]

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
        """Their gradients at the cotangents d_outputs and d_last, arranged as the inputs are."""
        given = {"inputs": inputs, "states": states, "keep": _numbers(keep, stack)}
        given |= {"d_outputs": d_outputs, "d_last": d_last}
        return self._gradients_of_stack("stack_masked_vjp", stack, given, None, batch_first)

    def _run(
        self,
        method: str,
        cell: Cell,
        inputs: NDArray,
        given: Mapping[str, NDArray | None],
        names: tuple[str, str],
    ) -> tuple[NDArray, NDArray]:
        """Two arrays: one for each step (T, B, H), and one for the last (B, H)."""
        T, B, _ = inputs.shape
        outputs, last = names
        shapes: Shapes = {outputs: (T, B, cell.hidden_size), last: (B, cell.hidden_size)}
        found = self._of_cell(method, cell, {"inputs": inputs, **given}, shapes)
        return found[outputs], found[last]

    def _gradients(
        self, method: str, cell: Cell, given: Mapping[str, NDArray | None], inputs: NDArray
    ) -> Gradients:
        shapes: Shapes = {
            **{name: array.shape for name, array in cell.packed().items()},
            "inputs": inputs.shape,
            "state": (inputs.shape[-2], cell.hidden_size),
        }
        found = self._of_cell(method, cell, given, shapes)
        parameters: Keywords = {name: found.get(name) for name in PACKED}
        return Gradients(**parameters, inputs=found["inputs"], state=found.get("state"))

    def _of_cell(
        self, method: str, cell: Cell, given: Mapping[str, NDArray | None], shapes: Shapes
    ) -> Arrays:
        steps = given.get("inputs")
        first = steps if steps is not None else given["x"]
        assert first is not None  # every method is given one of the two
        sizes = {"H": cell.hidden_size, "I": cell.input_size, "B": first.shape[-2]}
        sizes |= {} if steps is None else {"T": len(steps)}
        return self._ask(method, cell, {"sizes": sizes}, given, shapes)

    def _of_stack(
        self,
        method: str,
        stack: Stack,
        given: Mapping[str, NDArray | None],
        lengths: NDArray | None,
        batch_first: bool,
        shapes: Shapes,
    ) -> Arrays:
        sizes = {"H": stack.hidden_size, "I": stack.input_size}
        sizes |= {"L": stack.layers, "D": stack.directions}
        options = {
            "sizes": sizes,
            "lengths": None if lengths is None else lengths.tolist(),
            "batch_first": bool(batch_first),
        }
        return self._ask(method, stack, options, given, shapes)

    def _ask(
        self,
        method: str,
        subject: Cell | Stack,
        options: Keywords,
        given: Mapping[str, NDArray | None],
        shapes: Shapes,
    ) -> Arrays:
        """The arrays of those shapes that the program answers with."""
        fmt, arrays = subject.format, subject.packed() | dict(given)
        request = {
            "format": fmt.name,
            "variant": _words(subject.variant),
            **options,
            "arrays": {n: None if a is None else encoded(a) for n, a in arrays.items()},
        }
        optional = _biases_lacked(subject.variant, shapes)
        # Who declares no gradient of the state need not answer one.
        if not self._conversation.greeting.state_gradient:
            optional |= {"state", "states"}
        read = partial(arrays_in, shapes=shapes, optional=optional, fmt=fmt)
        return self._conversation.ask(method, request, longest(shapes.values(), fmt), read)


def _words(variant: Variant) -> dict[str, str]:
    return {"reset": variant.reset, "update": variant.update, "biases": variant.biases}


def _numbers(marks: NDArray, cell: Cell | Stack) -> NDArray:
    """Marks as 0 and 1 in the format of all arrays of a request."""
    return marks.astype(cell.format.dtype)


def _named(tangent: Gradients) -> Arrays:
    """The arrays of a tangent, by names of their own."""
    return {f"tangent_{name}": array for name, array in tangent.items()}


def _states(stack: Stack, inputs: NDArray, batch_first: bool) -> tuple[int, ...]:
    """The shape of the states: (L·D, B, H), or (L·D, H) where there is no batch."""
    batch = inputs.shape[:1] if batch_first else inputs.shape[1:2]
    return (
        stack.layers * stack.directions,
        *(batch if inputs.ndim > 2 else ()),
        stack.hidden_size,
    )


def _biases_lacked(variant: Variant, shapes: Shapes) -> set[str]:
    """The arrays among those whose biases the variant has not: an answer may lack them."""
    lacked = tuple(name for name in ("bias_ih", "bias_hh") if not any(variant.mask(name)))
    return {name for name in shapes if name.startswith(lacked)}


@dataclass(frozen=True, kw_only=True)
class ExecBackend(FunctionBackend):
    """A program as a backend: the methods that its greeting names, and what it declares."""

    conversation: Conversation
    program_version: str

    def close(self) -> None:
        """Let the program end; whoever asks again starts it again."""
        self.conversation.close()


def backend_of(conversation: Conversation) -> ExecBackend:
    """The backend that a program's greeting tells of.

    Raises:
        ProtocolBroken: what it declares is wrong.
    """
    greeting, asked = conversation.greeting, Asked(conversation)
    declared = cast(Declared, dict(greeting.declarations))
    methods: Keywords = {method: getattr(asked, method) for method in greeting.methods}
    try:
        made = declaring(
            backend(
                **methods,
                name=greeting.name,
                variants=greeting.variants,
                formats=greeting.formats,
            ),
            declared,
        )
    except BadDeclaration as wrong:
        place = "line 1 of the program's output"
        raise ProtocolBroken(Rule.CLAIMS, str(wrong), place) from None
    # Field by field: asdict would copy the methods and what they are bound to.
    kept = {field.name: getattr(made, field.name) for field in fields(made)}
    return ExecBackend(**kept, conversation=conversation, program_version=greeting.version)
