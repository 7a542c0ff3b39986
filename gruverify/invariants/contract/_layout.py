"""Wherever the numbers of an argument lie in memory, they are the same numbers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from gruverify.backends import EVERY_METHOD
from gruverify.invariants.core._calls import changed, copied
from gruverify.invariants.core._layouts import (
    AWKWARD,
    INPUTS_OVERLAP,
    STATES_OVERLAP,
    TRANSPOSED,
    Layout,
    relaid,
    relaid_argument,
)
from gruverify.invariants.core._methods import (
    AnyTrial,
    Parts,
    close,
    first_answer,
    named,
    parts,
    radii,
)
from gruverify.invariants.core._numbers import is_large
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, violated

#: Trials of the cases that fit a layout are kept by these.
_FITTED = {layout: layout.fitted for layout in (INPUTS_OVERLAP, STATES_OVERLAP)}
#: What answers at once, and is asked in both of those layouts at every case; of the others each is
#: asked in one.
_VALUES = ("step", "sequence", "stack")


def _layout(method: str) -> Callable[[AnyTrial], Iterator[Residual]]:
    def check(trial: AnyTrial) -> Iterator[Residual]:
        for layout in _sharing_layouts(trial, method):
            yield from _sharing(trial.on(_FITTED[layout]), method, layout)
        if is_large(trial.case):
            trial.forget_changes()
        plain, allowed = first_answer(trial, method), partial(radii, trial, method)
        for layout in (AWKWARD, TRANSPOSED):
            yield from close(layout.how, _Given(trial, method, layout).answer(), plain, allowed)

    return check


def _sharing_layouts(trial: AnyTrial, method: str) -> Sequence[Layout]:
    """The layouts in which numbers share memory; for a derivative the one whose turn it is."""
    both = tuple(_FITTED)
    if method in _VALUES:
        return both
    # By the case's own numbers, so that a replay asks the same.
    return (both[zlib.crc32(trial.case.inputs.tobytes()) % len(both)],)


def _sharing(trial: AnyTrial, method: str, layout: Layout) -> Iterator[Residual]:
    """Two calls with the same numbers, which share memory in one of them: afterwards they are what
    they were.
    """
    given, twin = _Given(trial, method, layout), _Given(trial, method, layout)
    # The numbers that overlapping arrays hold are not those of the case: the answer to compare with
    # is that to plain copies of them.
    twin.to_arrays_of_their_own()
    plain = twin.answer()
    allowed = partial(radii, trial, method, given.arguments.get("tangent"))
    yield from close(layout.how, given.answer(), plain, allowed)
    if written := given.changed_since(twin):
        yield violated(f"{', '.join(written)} changed by {method}, {layout.how}")


class _Given:
    """What a method is given for a case in a layout."""

    def __init__(self, trial: AnyTrial, method: str, layout: Layout) -> None:
        self._trial, self._method = trial, method
        self.subject: Any = relaid(trial.observed.subject, layout)
        given = trial.observed.arguments(method)
        self.arguments = {
            name: relaid_argument(name, argument, layout) for name, argument in given.items()
        }

    def to_arrays_of_their_own(self) -> None:
        """The array's numbers in C order."""
        self.subject = self.subject.writable_copy()
        self.arguments = {name: copied(argument) for name, argument in self.arguments.items()}

    def answer(self) -> Parts:
        """What the method returns for it."""
        observed = self._trial.observed
        returned = observed.as_given(self._method, self.subject, *self.arguments.values())
        return parts(self._trial.case, self._method, observed.checked(self._method, returned))

    def changed_since(self, other: _Given) -> list[str]:
        """The names of what has other numbers than there."""
        return changed(other.subject.packed(), self.subject.packed()) + changed(
            other.arguments, self.arguments
        )


for _method in EVERY_METHOD:
    invariant(
        "contract/layout" if _method == "sequence" else f"contract/layout-{named(_method)}",
        f"{_method} gives the same answer however its arguments are laid out in memory: "
        "read-only, backwards, with gaps, in "
        "Fortran order, overlapping or repeated with strides of 0",
        source="the Backend contract; theory 2, (2.1)",
        needs=[_method],
        asks_more=True,
    )(_layout(_method))
