"""Faults of manners: answers of the wrong kind, numbers that are none, calls that leave traces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import FORMATS, NDArray, bfloat16, float16, float32
from gruverify.backends import EVERY_METHOD, Backend, NumpyBackend, backend
from gruverify.cell import VARIANTS, Cell, Gradients, StackGradients
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair, TwoWays, altered, altered_stack

_RIGHT = NumpyBackend()


def _every_array(f: Callable[[NDArray], Any], answer: Any, *_: object) -> Any:
    if isinstance(answer, Gradients):
        return altered(answer, f)
    if isinstance(answer, StackGradients):
        return altered_stack(answer, f)
    if isinstance(answer, tuple):
        return tuple(map(f, answer))
    return f(answer)


def _everywhere(instead: Callable[[str], Callable[..., object]]) -> Backend:
    """The backend that answers with `instead` of each method."""
    answers: Keywords = {
        method: instead(method) for method in EVERY_METHOD if hasattr(TwoWays, method)
    }
    return Faulty(**answers)


_WRONG: dict[str, tuple[str, Callable[..., object]]] = {
    "in_double_precision": (
        "float64 for the case's format",
        partial(_every_array, lambda a: a.astype(np.float64)),
    ),
    "as_lists": ("lists for arrays", partial(_every_array, lambda a: a.tolist())),
    "with_another_axis": ("(1, …) for (…)", partial(_every_array, lambda a: a[None])),
    "as_a_bare_tuple": ("three answers for one", lambda answer, *_: (answer, answer, answer)),
}


def _misshapen(method: str, kind: str) -> Callable[[], Backend]:
    def build() -> Backend:
        formats = FORMATS
        # In float64 the answer would be right.
        if kind == "in_double_precision":
            formats = (float16, bfloat16, float32)
        return Faulty(formats=formats, **{method: _WRONG[kind][1]})  # type: ignore[arg-type]  # a method's name

    # The bank takes id and description from these two.
    build.__name__ = f"{method}_{kind}"
    build.__doc__ = f"{method} returns {_WRONG[kind][0]}."
    return build


for _method in EVERY_METHOD:
    if hasattr(TwoWays, _method):
        for _kind, (_what, _) in _WRONG.items():
            if _kind == "in_double_precision":
                _touches = "DTYPE"
            else:
                _touches = "SHAPE"
            fault("contract", f"{_method}: {_what}", touches=_touches)(_misshapen(_method, _kind))


@fault("contract", "h = NaN", touches="NAN FWD")
def not_a_number() -> Backend:
    """NaN for every state."""

    def none(a: NDArray) -> NDArray:
        nans: NDArray = a * a.dtype.type(np.nan)
        return nans

    return Faulty(step=lambda h, *_: none(h), sequence=lambda pair, *_: (none(pair[0]), pair[1]))


@fault("contract", "g·(g/g)", touches="NAN dθ dx dh0")
def gradients_divided_by_themselves() -> Backend:
    """0/0 where a gradient is 0."""
    # a/a = 1 wherever a gradient is not exactly 0: only a case with exact zeros shows it.
    return Faulty(sequence_vjp=lambda g, *_: altered(g, lambda a: a * (a / a)))


@fault("contract", "h, then h(1 + 2u), then h …", touches="DET")
def another_last_bit_at_every_call() -> Backend:
    """Sums in another order at every call."""
    calls = count()

    def unsteady(pair: Pair, *_: object) -> tuple[NDArray, ...]:
        # The first call is right: only who asks twice can see it.
        if next(calls) % 2:
            return tuple(np.nextafter(a, a.dtype.type(2)) for a in pair)
        return pair

    return Faulty(sequence=unsteady)


@fault("contract", "g₁, then g₁ + g₂, …", touches="DET dθ dx dh0")
def gradients_added_up_over_calls() -> Backend:
    """No zero_grad: each call adds to what the one before returned."""
    kept: list[Gradients] = []

    # A case of other sizes starts over, as adding would raise and so give the fault away.
    def fits(g: Gradients) -> bool:
        return bool(kept) and [a.shape for _, a in kept[-1].items()] == [
            a.shape for _, a in g.items()
        ]

    def added(g: Gradients, *_: object) -> Gradients:
        if fits(g):
            before = kept[-1]
        else:
            before = altered(g, np.zeros_like)
        grown = {
            name: array + getattr(before, name)
            for name, array in vars(g).items()
            if array is not None
        }
        kept.append(replace(g, **grown))
        return kept[-1]

    return Faulty(sequence_vjp=added)


@fault("contract", "seed(0), at every call", touches="DET")
def random_generators_seeded_at_every_call() -> Backend:
    """Every call seeds the shared generators, so that others draw the same numbers again."""

    def seeded(method: str) -> Callable[..., object]:
        def answered(answer: object, *_: object) -> object:
            np.random.seed(0)  # the shared generator is the fault
            return answer

        return answered

    return _everywhere(seeded)


@fault("contract", 'seterr(all="ignore"), never set back', touches="DET")
def warnings_turned_off_for_the_whole_program() -> Backend:
    """Every call silences NumPy's warnings of overflow for all that the program computes later."""

    def silenced(method: str) -> Callable[..., object]:
        def answered(answer: object, *_: object) -> object:
            np.seterr(all="ignore")
            return answer

        return answered

    return _everywhere(silenced)


@fault("contract", "outputs[0] is h_T for T = 1", touches="ALIAS")
def last_of_one_step_is_a_view_of_the_outputs() -> Backend:
    """Of a single step the last state is not copied out of the outputs."""
    return Faulty(
        sequence=lambda pair, cell, inputs, *_: (
            pair[0],
            pair[0][0] if len(inputs) == 1 else pair[1],
        )
    )


@fault("contract", "h' := h", touches="ALIAS")
def state_advanced_in_place() -> Backend:
    """The argument h is overwritten by the next state."""

    def advanced(answer: NDArray, cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        h[...] = answer
        return answer

    return Faulty(step=advanced)


@fault("contract", "x := x/2", touches="ALIAS")
def inputs_scaled_in_place() -> Backend:
    """Inputs are normalised where they lie."""

    def scaled(answer: Pair, cell: Cell, inputs: NDArray, state: NDArray | None) -> Pair:
        inputs *= inputs.dtype.type(0.5)
        return answer

    return Faulty(sequence=scaled)


@fault("contract", "W_h := W_h - dL/dW_h", touches="ALIAS")
def weights_updated_by_their_gradient() -> Backend:
    """A step of descent that nobody asked for."""

    def descended(g: Gradients, cell: Cell, *_: object) -> Gradients:
        cell.weight_hh[...] -= g.weight_hh
        return g

    return Faulty(sequence_vjp=descended)


# -- memory, empty arguments, threads --------------------------------------------------------------


@fault("contract", "h_T is a view of the outputs", touches="ALIAS")
def last_is_a_view_of_the_outputs() -> Backend:
    """Whoever changes the last state changes the outputs."""
    # Values are the same; only writing to one of the two shows it.
    return Faulty(sequence=lambda pair, *_: (pair[0], pair[0][-1] if len(pair[0]) else pair[1]))


@fault("contract", "every answer is the same buffer", touches="ALIAS")
def one_buffer_for_every_answer() -> Backend:
    """An answer lasts until the next call of its size."""
    buffers: dict[tuple[tuple[int, ...], str], NDArray] = {}

    def put(a: NDArray) -> NDArray:
        # By shape and dtype, as an allocator's pool would be.
        buffer = buffers.setdefault((a.shape, a.dtype.name), np.zeros_like(a))
        buffer[...] = a
        return buffer

    return _everywhere(lambda method: partial(_every_array, put))


@fault("contract", "h_T = 0 for T = 0", touches="CARRY", thread="microsoft/onnxruntime#749")
def no_steps_lose_the_state() -> Backend:
    """A sequence of no steps ends in zeros."""
    return Faulty(
        sequence=lambda pair, cell, inputs, state: pair if len(inputs) else (pair[0], 0 * pair[1])
    )


@fault("contract", "h_T + 1 for T = 0 and no h_0", touches="CARRY")
def no_steps_without_a_state_end_in_ones() -> Backend:
    """A sequence of no steps and no initial state ends in a state that nobody set to zero."""
    return Faulty(
        sequence=lambda pair, cell, inputs, state: (
            pair if len(inputs) or state is not None else (pair[0], pair[1] + 1)
        )
    )


@fault("contract", "(T, 1, H) for (T, 0, H)", touches="SHAPE")
def empty_batch_has_a_member() -> Backend:
    """An empty batch is given a member of zeros."""

    def grown(pair: Pair, cell: Cell, inputs: NDArray, state: NDArray | None) -> Pair:
        T, B, _ = inputs.shape
        H = cell.hidden_size
        if B:
            return pair
        return np.zeros((T, 1, H), inputs.dtype), np.zeros((1, H), inputs.dtype)

    return Faulty(sequence=grown)


@fault("contract", "x[T-t] for x[t]", touches="FWD")
def strides_ignored() -> Backend:
    """Arrays are read in the order in which they lie in memory."""
    return Faulty(given=lambda a: a[::-1] if a.strides and min(a.strides) < 0 else a)


@fault(
    "contract",
    "θ of the first call of each cell",
    touches="FWD ALIAS",
    thread="pytorch/pytorch#33238",
)
def weights_flattened_once() -> Backend:
    """A cell's weights are copied when it is first seen; what is written to them later is lost."""
    seen: dict[int, tuple[Cell, Cell]] = {}

    def flattened(cell: Cell) -> Cell:
        copied = replace(cell, **{name: array.copy() for name, array in cell.packed().items()})  # type: ignore[arg-type]
        # The cell itself is kept as well, so that no later object gets its id.
        _, first = seen.setdefault(id(cell), (cell, copied))
        return first

    return Faulty(cell=flattened)


@fault("contract", "θ of a step's first call with each cell", touches="FWD ALIAS")
def weights_of_a_step_kept_by_cell() -> Backend:
    """A step alone, which copies a cell's weights when it first sees the object."""
    seen: dict[int, tuple[Cell, Cell]] = {}

    def step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        copied = replace(cell, **{name: array.copy() for name, array in cell.packed().items()})  # type: ignore[arg-type]
        _, first = seen.setdefault(id(cell), (cell, copied))
        return _RIGHT.step(first, x, h)

    return backend(step=step, variants=VARIANTS)


def _kept_without(name: str) -> Callable[[], Backend]:
    def build() -> Backend:
        seen: dict[object, Cell] = {}

        def first_like(cell: Cell) -> Cell:
            others = (array.tobytes() for each, array in cell.packed().items() if each != name)
            key = cell.variant, cell.format, cell.weight_ih.shape, *others
            return seen.setdefault(key, cell.writable_copy())

        return Faulty(cell=first_like)

    build.__name__ = f"weights_kept_whatever_{name}_is"
    build.__doc__ = f"What is made of a cell's weights is kept under a key that lacks {name}."
    return build


for _name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
    fault("contract", f"θ of an earlier call, whatever {_name}", touches="FWD dθ ALIAS")(
        _kept_without(_name)
    )


@fault("contract", "x from where its memory begins", touches="FWD")
def inputs_of_a_step_read_from_their_base() -> Backend:
    """A step alone, which reads x as if it lay in C order at the beginning of what it is a view
    of.
    """

    def step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        base = x
        # To the array that owns the memory: a view of a view names the first view as its base.
        while isinstance(base.base, np.ndarray):
            base = base.base
        flat = (base if base.size >= x.size else x).reshape(-1)[: x.size]
        return _RIGHT.step(cell, flat.reshape(x.shape), h)

    return backend(step=step, variants=VARIANTS)


@fault("contract", "h' := h where the rows of h are one", touches="FWD ALIAS")
def state_of_a_step_written_where_rows_share_memory() -> Backend:
    """A step alone, which keeps the next state where the state lay, and so has one row for all if
    its stride is 0.
    """

    def step(cell: Cell, x: NDArray, h: NDArray) -> NDArray:
        after = _RIGHT.step(cell, x, h)
        if len(h) > 1 and h.strides[0] == 0:
            after[:-1] = after[-1]
        return after

    return backend(step=step, variants=VARIANTS)


@fault("contract", "fl depends on the thread", touches="DET")
def another_last_bit_in_another_thread() -> Backend:
    """Sums in another order on another thread."""
    # The thread that built it, which is the one that judges unless an invariant starts another.
    home = threading.get_ident()

    def unsteady(answer: object, *_: object) -> object:
        if threading.get_ident() == home:
            return answer
        return _every_array(_next, answer)

    return _everywhere(lambda method: unsteady)


@fault("contract", "g, then g(1 + 2u), then g …", touches="DET")
def another_last_bit_at_every_call_of_anything() -> Backend:
    """Sums in another order at every call, whatever is called."""

    def unsteady(method: str) -> Callable[..., object]:
        calls = count()
        return lambda answer, *_: _every_array(_next, answer) if next(calls) % 2 else answer

    return _everywhere(unsteady)


@fault("contract", "(1, …) for (0, …)", touches="SHAPE")
def empty_arguments_are_padded() -> Backend:
    """No steps are a step of zeros, no members one of zeros."""

    def filled(argument: Any) -> Any:
        if isinstance(argument, Gradients):
            return altered(argument, filled)
        if not isinstance(argument, np.ndarray) or argument.size:
            return argument
        return np.zeros([max(1, n) for n in argument.shape], argument.dtype)

    return Faulty(given=filled)


def _next(a: NDArray) -> NDArray:
    # By its bits, in any format: the next number away from 0.
    bits: NDArray = a.view(f"i{a.dtype.itemsize}") + 1
    return bits.view(a.dtype)
