"""What every method owes besides its numbers: the same bits again, memory of its own, the weights
of this call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from itertools import chain
from typing import Any

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.backends import EVERY_METHOD
from gruverify.cell import Cell, Gradients, Stack, StackGradients
from gruverify.invariants.core._calls import copied
from gruverify.invariants.core._changes import single
from gruverify.invariants.core._layouts import NO_NUMBERS, relaid, relaid_argument
from gruverify.invariants.core._methods import (
    AnyTrial,
    Parts,
    first_answer,
    named,
    parts,
    same_bits,
)
from gruverify.invariants.core._registry import Check, invariant
from gruverify.invariants.core._residual import Residual, ok, violated
from gruverify.invariants.core._stack_changes import one_step
from gruverify.invariants.core._stack_trial import StackTrial


def _of_every_method(
    duty: str, statement: str, source: str, check: Callable[[str], Check], since: dict[str, str]
) -> dict[str, str]:
    """Ask a duty of every method, and return the id by method; since: the ids of those of which it
    was asked before the others.
    """
    ids = {method: since.get(method, f"contract/{duty}-{named(method)}") for method in EVERY_METHOD}
    for method, id in ids.items():
        invariant(
            id,
            statement.format(method=method),
            source=source,
            bound="exact",
            needs=[method],
            asks_more=True,
        )(check(method))
    return ids


# -- the same call again ---------------------------------------------------------------------------


def _same_bits(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        first = first_answer(trial, method)
        yield from same_bits(
            "called twice", parts(trial.case, method, trial.observed.second_answer(method)), first
        )

    return check


def _second_thread(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        first = first_answer(trial, method)
        # A fresh thread: buffers and streams that a library keeps for each thread are new there.
        with ThreadPoolExecutor(1) as executor:
            again = executor.submit(trial.observed.fresh_answer, method).result()
        yield from same_bits("in a second thread", parts(trial.case, method, again), first)

    return check


#: The invariant that asks each method for the same bits again.
SAME_BITS = _of_every_method(
    "same-bits",
    "{method} called twice returns the same bits",
    "the Backend contract; faults S14, S26, S44",
    _same_bits,
    {
        "sequence": "contract/same-bits",
        "sequence_vjp": "contract/same-gradient-bits",
        "stack": "contract/stack-same-bits",
        "stack_vjp": "contract/stack-same-gradient-bits",
    },
)
_of_every_method(
    "second-thread",
    "{method} called in a second thread returns the same bits",
    "the Backend contract; fault S26",
    _second_thread,
    {"sequence": "contract/second-thread"},
)


# -- random numbers --------------------------------------------------------------------------------


def _no_random_numbers(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        trial.observed.ask(method)
        # A first call may draw once, to initialise; a second one has no reason to.
        trial.observed.second_answer(method)
        drawn = sorted(trial.observed.drawn[method])
        yield (
            violated(f"{', '.join(drawn)} drawn from, or seeded, by {method}")
            if drawn
            else ok("random generators")
        )

    return check


_of_every_method(
    "no-random-numbers",
    "a second call of {method} without dropout draws nothing from the program's shared random "
    "generators, and seeds none of them",
    "the Backend contract; fault P21",
    _no_random_numbers,
    {"stack": "contract/stack-no-random-numbers"},
)


# -- settings --------------------------------------------------------------------------------------


def _settings(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        trial.observed.ask(method)
        changed = trial.observed.unsettled[method]
        for name, how in changed.items():
            yield violated(f"{name} left changed by {method}, {how}")
        if not changed:
            yield ok("settings")

    return check


_of_every_method(
    "settings",
    "{method} leaves what a program shares as it was set: its folder, NumPy's error handling and "
    "printing, PyTorch's default dtype, gradient mode and threads, how the processor rounds",
    "the Backend contract; mistake P25",
    _settings,
    {},
)


# -- memory ----------------------------------------------------------------------------------------


def _own_memory(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        yield from _unshared(trial, method)
        if _returns_a_run(method) and trial.case.sizes["T"] > 1 and _takes_one_step(trial):
            yield from _unshared(_of_one_step(trial), method)

    return check


def _returns_a_run(method: str) -> bool:
    """Of one step a view of the outputs, or what the loop began with, may do for the last state."""
    derivative = method.endswith(("jvp", "vjp", "hvp", "reverse"))
    return not method.startswith("step") and not derivative


def _takes_one_step(trial: AnyTrial) -> bool:
    return trial.declared.min_length <= 1 and trial.declared.shapes == "any"


def _of_one_step(trial: AnyTrial) -> AnyTrial:
    if isinstance(trial, StackTrial):
        return trial.on(one_step)
    return trial.on(single)


def _unshared(trial: AnyTrial, method: str) -> Iterator[Residual]:
    """Whether what the method returns is in memory of its own."""
    # Kept alive, or its memory could be used again and look shared.
    before, observed = trial.observed.ask(method), trial.observed
    subject = observed.subject.writable_copy()
    arguments = {name: copied(argument) for name, argument in observed.arguments(method).items()}
    answers = _arrays(observed.as_given(method, subject, *arguments.values()))
    given = dict[str, NDArray]()
    for each, argument in arguments.items():
        given |= _arrays(argument, each)
    others = {**given, **subject.packed(), **_arrays(before, "earlier answer")}
    names = list(answers)
    for i, name in enumerate(names):
        beside = {**others, **{other: answers[other] for other in names[i + 1 :]}}
        shared = [
            other for other, array in beside.items() if np.shares_memory(answers[name], array)
        ]
        yield (
            violated(f"{name} of {method} shares memory with {shared[0]}") if shared else ok(name)
        )


def _arrays(value: Any, name: str = "answer") -> dict[str, NDArray]:
    """The arrays of an answer, or of an argument, by what they are called; empty ones share
    nothing.
    """
    if isinstance(value, Gradients):
        found = {f"{name} {part}": array for part, array in value.items()}
    elif isinstance(value, StackGradients):
        found = {
            f"{name} {part}": array for part, array in (*value.parameters.items(), *_outer(value))
        }
    elif isinstance(value, tuple):
        found = {f"{name} {i}": array for i, array in enumerate(value)}
    else:
        found = {name: value}
    return {what: array for what, array in found.items() if isinstance(array, np.ndarray)}


def _outer(value: StackGradients) -> Iterator[tuple[str, Any]]:
    yield "inputs", value.inputs
    yield "states", value.states


_of_every_method(
    "own-memory",
    "what {method} returns shares no memory with its arguments, with another answer, or with an "
    "earlier one",
    "the Backend contract; mistake P20",
    _own_memory,
    {},
)


# -- the same objects with other numbers in them, and other objects at the same place --------------


def _fresh_weights(method: str) -> Check:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        first, kept = first_answer(trial, method), _Kept(trial, method)
        yield from same_bits("the first time", kept.answer(), first)
        # Same objects, other numbers: whoever keeps results by identity answers for the old ones.
        kept.write_others()
        others = kept.answer_of_strangers()
        yield from same_bits("with other numbers in the same arrays", kept.answer(), others)
        # Other arrays in the same cell: whoever keeps references to arrays answers for those.
        kept.restore_in_new_arrays()
        yield from same_bits(
            "with the first weights in new arrays of the same cell", kept.answer(), first
        )
        # Another cell at the address of one that is gone: whoever keeps by id() takes it for that.
        kept.write_others(in_another_cell=True)
        yield from same_bits(
            "with other weights in a cell where another one was", kept.answer(), others
        )

    return check


def _other(name: str, array: NDArray) -> NDArray:
    """Other numbers of about the same size; lengths and masks stay."""
    if name in NO_NUMBERS:
        return array
    other: NDArray = array * array.dtype.type(-0.5)
    return other


class _Kept:
    """Objects that a method is given again and again."""

    def __init__(self, trial: AnyTrial, method: str) -> None:
        self._trial, self._method, self._observed = trial, method, trial.observed
        self._subject: Any = self._observed.subject.writable_copy()
        self._arguments = {
            name: copied(argument) for name, argument in self._observed.arguments(method).items()
        }
        self._strangers: list[Cell | Stack] = []

    def answer(self) -> Parts:
        """What the method returns for these very objects."""
        return self._answer(self._subject, self._arguments)

    def answer_of_strangers(self) -> Parts:
        """What it returns for the same numbers in objects that it has never seen, and that nobody
        sees later.
        """
        # Held, so that no later object takes its address.
        self._strangers.append(self._subject.writable_copy())
        given = {name: copied(argument) for name, argument in self._arguments.items()}
        return self._answer(self._strangers[-1], given)

    def _answer(self, subject: Cell | Stack, arguments: Keywords) -> Parts:
        returned = self._observed.as_given(self._method, subject, *arguments.values())
        return parts(self._trial.case, self._method, self._observed.checked(self._method, returned))

    def write_others(self, in_another_cell: bool = False) -> None:
        """Write other numbers into the arrays of the arguments and of the cell, or of one made in
        its place.
        """
        if in_another_cell:
            self._give_up_the_cell()
        else:
            _write(self._subject.packed(), relaid(self._subject, _other).packed())
        for name, argument in self._arguments.items():
            _write(_arrays(argument), _arrays(relaid_argument(name, argument, _other)))

    def restore_in_new_arrays(self) -> None:
        """Give the cells new arrays with the weights of the case, and write its arguments over the
        others.
        """
        for cell, new in zip(
            _cells(self._subject), _cells(self._observed.subject.writable_copy()), strict=True
        ):
            for name, array in new.packed().items():
                object.__setattr__(cell, name, array)
        for name, argument in self._observed.arguments(self._method).items():
            _write(_arrays(self._arguments[name]), _arrays(argument))

    def _give_up_the_cell(self) -> None:
        """One of other weights that lies, if Python so pleases, where the one before lay."""
        place, other = id(self._subject), relaid(self._observed.subject, _other)
        self._subject = None
        while id(self._subject) != place and len(self._strangers) < _TRIES:
            # All over the same arrays: of a large cell as many copies would fill the memory.
            self._subject = _over_the_same_arrays(other)
            self._strangers.append(self._subject)


def _over_the_same_arrays(subject: Cell | Stack) -> Cell | Stack:
    if isinstance(subject, Stack):
        return Stack(tuple(map(tuple, subject.each(copy))))
    return copy(subject)


def _write(arrays: dict[str, NDArray], numbers: dict[str, NDArray]) -> None:
    for name, array in arrays.items():
        array[...] = numbers[name]


#: How often an object is made in the hope that it lies where another lay.
_TRIES = 16


def _cells(subject: Cell | Stack) -> list[Cell]:
    if isinstance(subject, Stack):
        return [*chain.from_iterable(subject.cells)]
    return [subject]


_of_every_method(
    "fresh-weights",
    "{method} uses the numbers that its arguments hold at the call, "
    "as it does for objects that it never saw",
    "the Backend contract; fault S40",
    _fresh_weights,
    {"sequence": "contract/fresh-weights"},
)
