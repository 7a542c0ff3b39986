"""Where the numbers of an array may lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Cell, Gradients, Stack
from gruverify.invariants.core._changes import short

#: From an array to one of its shape; `name` is that of the argument or parameter.
Relay: TypeAlias = Callable[[str, NDArray], NDArray]
Subject = TypeVar("Subject", Cell, Stack)

#: What lies in the gaps: no number that a case would have there.
_FILLER = 3


# -- the same numbers elsewhere --------------------------------------------------------------------


def awkward(array: NDArray) -> NDArray:
    """The same numbers read-only, backwards in memory and with gaps between them."""
    # Twice as wide, every other entry filler: who reads the gaps computes with 3s.
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), _FILLER, array.dtype)
    backwards = (slice(None, None, -1),) * array.ndim
    wide[..., ::2] = array[backwards]
    view = wide[..., ::2][backwards]
    view.flags.writeable = False
    return view


def transposed(array: NDArray) -> NDArray:
    """The same numbers in Fortran order."""
    return np.array(array, order="F")


# -- numbers that share memory: those of an array, as far as the layout has room for them ----------


def overlapping(array: NDArray) -> NDArray:
    """An array whose rows overlap, each beginning one entry after the one before: a[i, j] is b[i +
    j].
    """
    places = sum(np.indices(array.shape, sparse=True))
    shared = np.zeros(sum(array.shape) - array.ndim + 1, array.dtype)
    shared[np.asarray(places).ravel()] = array.ravel()
    # One step along any axis is one entry further: that is what makes rows overlap.
    return as_strided(shared, array.shape, (array.itemsize,) * array.ndim)


def repeated(array: NDArray) -> NDArray:
    """An array whose rows are one and the same, or whose entries are, if it has no rows: its
    strides are 0.
    """
    row = array.reshape(-1)[: array.shape[-1]].copy()
    last = 0 if array.ndim == 1 else array.itemsize
    return as_strided(row, array.shape, (0,) * (array.ndim - 1) + (last,))


#: Arguments that say which steps there are, or what becomes of them, and are none to compute with.
NO_NUMBERS = ("lengths", "keep", "restart")
#: What overlaps while all the rest is repeated, and is repeated while all the rest overlaps.
_WITH_INPUTS = ("weight_ih", "bias_hh", "x", "inputs", "d_outputs")


def _inputs_overlap(name: str, array: NDArray) -> NDArray:
    if name in _WITH_INPUTS:
        return overlapping(array)
    return repeated(array)


def _states_overlap(name: str, array: NDArray) -> NDArray:
    if name in _WITH_INPUTS:
        return repeated(array)
    return overlapping(array)


# -- everything that a call is given ---------------------------------------------------------------


def relaid(subject: Subject, relay: Relay) -> Subject:
    """The cell or stack over other arrays, which nobody has checked or locked."""
    if isinstance(subject, Stack):
        return Stack(tuple(tuple(_relaid(cell, relay) for cell in row) for row in subject.cells))
    return _relaid(subject, relay)


def _relaid(cell: Cell, relay: Relay) -> Cell:
    copies = cell.writable_copy().packed()
    return cell.with_unchecked({name: relay(name, array) for name, array in copies.items()})


def relaid_argument(name: str, argument: object, relay: Relay) -> Any:
    """An argument, or all parts of a tangent; what is not an array stays as it is."""
    if isinstance(argument, Gradients):
        return Gradients(
            **{part: relaid_argument(part, array, relay) for part, array in vars(argument).items()}
        )
    if isinstance(argument, np.ndarray):
        return relay(name, argument)
    return argument


@dataclass(frozen=True)
class Layout:
    """A way for everything to lie in memory, and what a finding calls it.

    sharing: whether entries share memory, so that other numbers are needed; lengths and masks keep
    theirs.
    """

    how: str
    relay: Relay
    sharing: bool = False

    def __call__(self, name: str, array: NDArray) -> NDArray:
        """The array in this layout, with its numbers as far as they fit."""
        if self.sharing and name in NO_NUMBERS:
            return array.copy()
        return self.relay(name, array)

    def fitted(self, case: Any) -> Any:
        """The case, two steps of it where it is a cell's, with the numbers that its arrays have in
        this layout.
        """
        names = ("inputs", "d_outputs", "d_last", "state" if isinstance(case, Case) else "states")
        case = short(case) if isinstance(case, Case) else case
        arrays = {name: self._plain(name, getattr(case, name)) for name in names}
        if isinstance(case, Case):
            return replace(case, cell=relaid(case.cell, self._plain), regimes=(), **arrays)
        return replace(case, stack=relaid(case.stack, self._plain), **arrays)

    def _plain(self, name: str, array: NDArray) -> NDArray:
        return np.array(self(name, array), order="C")


#: Together they give every argument every layout.
AWKWARD = Layout("read-only, backwards and with gaps", lambda name, array: awkward(array))
TRANSPOSED = Layout("in Fortran order", lambda name, array: transposed(array))
INPUTS_OVERLAP = Layout("inputs overlapping, the state repeated", _inputs_overlap, sharing=True)
STATES_OVERLAP = Layout("inputs repeated, the state overlapping", _states_overlap, sharing=True)
