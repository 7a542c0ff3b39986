"""What follows from what a backend offers: a step from a sequence of one step, a sequence from a
stack of one layer, or from a sequence with a mask, and that from one with two kinds of marks; a
stack from one with a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import NDArray
from gruverify.backends._attributes import value_of
from gruverify.backends._declarations import BadDeclaration, Declarations, declarations_of
from gruverify.backends._protocol import (
    EVERY_METHOD,
    STACK_METHODS,
    STACK_OPTIONS,
    Backend,
    offers,
)
from gruverify.backends.contract import (
    HasSequence,
    HasSequenceVjp,
    HasStack,
    HasStackMasked,
    HasStackMaskedVjp,
    HasStackVjp,
)
from gruverify.cell import Cell, Gradients, Stack, StackGradients


def completed(backend: Backend) -> Backend:
    """The backend with the methods that follow from those it has; the backend itself if none does.

    A step is a sequence of one step, a sequence a stack of one layer in one direction, or one with
    a mask that masks no step, and so are their gradients. Where the backend is built for longer
    sequences or for other stacks, nothing follows.

    Raises:
        BadDeclaration: it declares what is about sequences, or about stacks, and has none.
    """
    try:
        declared = declarations_of(backend)
    except BadDeclaration:  # for whoever runs the backend to report
        return backend
    offered = [method for method in EVERY_METHOD if offers(backend, method)]
    derived: dict[str, str] = {}
    for (method, base), (_, fits) in _DERIVATIONS.items():
        # A step may follow from a sequence that itself follows from a stack.
        there = (*offered, *derived)
        if method not in there and base in there and fits(declared):
            derived[method] = base
    # Of its own methods alone: what follows from others declares nothing.
    _require_methods(declared, offered)
    if not derived:
        return backend
    found: Any = _Completed(backend, derived)
    with_them: Backend = found
    return with_them


def _require_methods(declared: Declarations, offered: Sequence[str]) -> None:
    """Raise BadDeclaration if something is declared of sequences, or of stacks, where there are
    none.
    """
    if declared.min_length > 1 and not any(method in _OF_SEQUENCES for method in offered):
        raise BadDeclaration(
            f"min_length={declared.min_length} is about sequences, and the target has steps "
            "alone: leave it out"
        )
    if any(method in (*STACK_METHODS, *STACK_OPTIONS) for method in offered):
        return
    usual = {"num_layers": (None, 1), "bidirectional": (None, False), "batch_first": (None, False)}
    for name, values in usual.items():
        if (value := getattr(declared, name)) not in values:
            raise BadDeclaration(
                f"{name}={value} is about stacks, and the target has none: a step and a sequence "
                "are of one layer in "
                "one direction, with time first; leave it out"
            )


def redeclared(backend: Backend, declares: DeclaredValues) -> Backend:
    """The same backend, declaring something else: what it answers stays, and so does what was
    derived for it.
    """
    found: Any
    # What it said of the gradient of that state it says no more.
    if declares.get("initial_state") is False:
        declares = {**declares, "state_gradient": False}
    if isinstance(backend, _Completed):
        found = _Completed(redeclared(backend.backend, declares), backend.derived)
    else:
        found = _Redeclared(backend, declares)
    as_declared: Backend = found
    return as_declared


def derived_methods(backend: object) -> Mapping[str, str]:
    """The methods that were derived, and the method of each that answers for it."""
    if isinstance(backend, _Completed):
        return backend.derived
    return {}


class _Completed:
    """A backend and what follows from it; everything else is the backend's own."""

    def __init__(self, backend: Backend, derived: Mapping[str, str]) -> None:
        self.backend = backend
        self.derived = derived
        for answers in derived.items():
            # From this object: what a step is derived from may be derived, too.
            setattr(self, answers[0], partial(_DERIVATIONS[answers][0], self))

    def __getattr__(self, name: str) -> Any:
        if name in ("backend", "derived"):  # not there yet while a copy is being made
            raise AttributeError(name)
        return value_of(self.backend, name)


class _Redeclared:
    """A backend with other declarations; everything else is its own."""

    def __init__(self, backend: Backend, declares: DeclaredValues) -> None:
        self.backend = backend
        vars(self).update(declares)

    def __getattr__(self, name: str) -> Any:
        if name == "backend":  # not there yet while a copy is being made
            raise AttributeError(name)
        return value_of(self.backend, name)


# -- a step from a sequence of one step ------------------------------------------------------------


def _step(backend: HasSequence, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
    outputs, _ = backend.sequence(cell, x[None], h)
    # Copied: a step's answer has memory of its own, and a view would not.
    after: NDArray = outputs[0].copy()
    return after


def _step_vjp(
    backend: HasSequenceVjp, cell: Cell, x: NDArray, h: NDArray, cotangent: NDArray
) -> Gradients:
    g = backend.sequence_vjp(cell, x[None], h, None, cotangent)
    return Gradients(g.weight_ih, g.weight_hh, g.bias_ih, g.bias_hh, g.inputs[0].copy(), g.state)


def _takes_one_step(declared: Declarations) -> bool:
    return declared.min_length <= 1


# -- a sequence from a stack of one layer ----------------------------------------------------------


def _sequence(
    backend: HasStack, cell: Cell, inputs: NDArray, state: NDArray | None
) -> tuple[NDArray, NDArray]:
    first = _batch_first(backend)
    outputs, last = backend.stack(
        Stack(((cell,),)), _arranged(inputs, first), _one_layer(state), None, first
    )
    return _arranged(outputs, first), last[0].copy()


def _sequence_vjp(
    backend: HasStackVjp,
    cell: Cell,
    inputs: NDArray,
    state: NDArray | None,
    d_outputs: NDArray | None,
    d_last: NDArray | None,
) -> Gradients:
    first = _batch_first(backend)
    cotangents = None if d_outputs is None else _arranged(d_outputs, first), _one_layer(d_last)
    given = _arranged(inputs, first), _one_layer(state), None, first
    found: StackGradients = backend.stack_vjp(Stack(((cell,),)), *given, *cotangents)
    d_cell = {name.removesuffix("_l0"): gradient for name, gradient in found.parameters.items()}
    if found.states is None:
        d_state: Any = None
    else:
        d_state = found.states[0].copy()
    return Gradients(
        d_cell["weight_ih"],
        d_cell["weight_hh"],
        d_cell.get("bias_ih"),
        d_cell.get("bias_hh"),
        _arranged(found.inputs, first),
        d_state,
    )


def _takes_one_layer(declared: Declarations) -> bool:
    return declared.num_layers in (None, 1) and not declared.bidirectional


def _batch_first(backend: object) -> bool:
    return declarations_of(backend).batch_first is True


def _arranged(steps: NDArray, batch_first: bool) -> NDArray:
    """(T, B, n) as (B, T, n) or the other way round, if the backend has the batch first."""
    if batch_first:
        return np.ascontiguousarray(steps.swapaxes(0, 1))
    return steps


def _one_layer(state: NDArray | None) -> NDArray | None:
    if state is None:
        return None
    return state[None]


# -- a stack from one with a mask ------------------------------------------------------------------


def _stack(
    backend: HasStackMasked,
    stack: Stack,
    inputs: NDArray,
    states: NDArray | None,
    lengths: NDArray | None,
    batch_first: bool,
) -> tuple[NDArray, NDArray]:
    keep = _behind(inputs, lengths, batch_first)
    outputs, last = backend.stack_masked(stack, inputs, states, keep, batch_first)
    # What is returned at padding is 0, whatever it is at steps that are skipped.
    return np.where(keep[..., None], np.zeros_like(outputs), outputs), last


def _stack_vjp(
    backend: HasStackMaskedVjp,
    stack: Stack,
    inputs: NDArray,
    states: NDArray | None,
    lengths: NDArray | None,
    batch_first: bool,
    d_outputs: NDArray | None,
    d_last: NDArray | None,
) -> StackGradients:
    keep = _behind(inputs, lengths, batch_first)
    if d_outputs is not None:
        d_outputs = np.where(keep[..., None], np.zeros_like(d_outputs), d_outputs)
    return backend.stack_masked_vjp(stack, inputs, states, keep, batch_first, d_outputs, d_last)


def _behind(inputs: NDArray, lengths: NDArray | None, batch_first: bool) -> NDArray:
    """The steps behind each member's length, as the steps of the inputs are arranged."""
    if lengths is None:
        return np.zeros(inputs.shape[:-1], bool)
    T = inputs.shape[1 if batch_first else 0]
    members: NDArray = np.arange(T)[:, None] >= np.asarray(lengths)
    if batch_first:
        return np.ascontiguousarray(members.T)
    return members


# -- a sequence from one with a mask, of which no step is masked -----------------------------------


def _unmasked(
    method: str, backend: object, cell: Cell, inputs: NDArray, state: NDArray | None
) -> object:
    none = _no_mask(method, cell, inputs)
    answered: object = value_of(backend, method)(cell, inputs, state, none)
    return answered


def _unmasked_vjp(
    method: str,
    backend: object,
    cell: Cell,
    inputs: NDArray,
    state: NDArray | None,
    *cotangents: NDArray | None,
) -> object:
    pulled = value_of(backend, method)
    answered: object = pulled(cell, inputs, state, _no_mask(method, cell, inputs), *cotangents)
    return answered


def _no_mask(method: str, cell: Cell, inputs: NDArray) -> NDArray:
    members: NDArray = np.zeros(inputs.shape[:2], bool)
    if method.startswith("sequence_zoneout"):
        return np.repeat(members[..., None], cell.hidden_size, axis=2)
    return members


def _always(declared: Declarations) -> bool:
    return True


# -- a sequence with one kind of marks from one with both ------------------------------------------


def _skipping(
    method: str,
    backend: object,
    cell: Cell,
    inputs: NDArray,
    state: NDArray | None,
    keep: NDArray,
    *cotangents: NDArray | None,
) -> object:
    both = keep, np.zeros_like(keep)
    answered: object = value_of(backend, method)(cell, inputs, state, *both, *cotangents)
    return answered


def _starting(
    method: str,
    backend: object,
    cell: Cell,
    inputs: NDArray,
    state: NDArray | None,
    restart: NDArray,
    *cotangents: NDArray | None,
) -> object:
    both = np.zeros_like(restart), restart
    answered: object = value_of(backend, method)(cell, inputs, state, *both, *cotangents)
    return answered


#: What takes sequences, whose shortest length can be declared.
_OF_SEQUENCES = [method for method in EVERY_METHOD if not method.startswith("step")]
#: Each method that may follow, and from which other, bases first and the plainest of several: how,
#: and of backends that declare what.
_DERIVATIONS: dict[
    tuple[str, str], tuple[Callable[..., object], Callable[[Declarations], bool]]
] = {
    ("sequence_masked", "sequence_marked"): (partial(_skipping, "sequence_marked"), _always),
    ("sequence_restarted", "sequence_marked"): (partial(_starting, "sequence_marked"), _always),
    ("sequence_masked_vjp", "sequence_marked_vjp"): (
        partial(_skipping, "sequence_marked_vjp"),
        _always,
    ),
    ("sequence_restarted_vjp", "sequence_marked_vjp"): (
        partial(_starting, "sequence_marked_vjp"),
        _always,
    ),
    ("stack", "stack_masked"): (_stack, _always),
    ("stack_vjp", "stack_masked_vjp"): (_stack_vjp, _always),
    ("sequence", "stack"): (_sequence, _takes_one_layer),
    ("sequence", "sequence_masked"): (partial(_unmasked, "sequence_masked"), _always),
    ("sequence", "sequence_restarted"): (partial(_unmasked, "sequence_restarted"), _always),
    ("sequence", "sequence_zoneout"): (partial(_unmasked, "sequence_zoneout"), _always),
    ("sequence_vjp", "stack_vjp"): (_sequence_vjp, _takes_one_layer),
    ("sequence_vjp", "sequence_masked_vjp"): (
        partial(_unmasked_vjp, "sequence_masked_vjp"),
        _always,
    ),
    ("sequence_vjp", "sequence_restarted_vjp"): (
        partial(_unmasked_vjp, "sequence_restarted_vjp"),
        _always,
    ),
    ("sequence_vjp", "sequence_zoneout_vjp"): (
        partial(_unmasked_vjp, "sequence_zoneout_vjp"),
        _always,
    ),
    ("step", "sequence"): (_step, _takes_one_step),
    ("step_vjp", "sequence_vjp"): (_step_vjp, _takes_one_step),
}
