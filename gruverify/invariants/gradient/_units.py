"""A gradient does not know which unit is which: permuted, signed and cloned units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.cell import Case
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual
from gruverify.invariants.core._trial import Trial
from gruverify.invariants.core._vectors import (
    Vector,
    agree_within,
    combined,
    observed,
    radii,
    vector,
)

# -- the units in reverse order, every other one with the other sign: h becomes S h ----------------


def reversed_units(case: Case) -> Case:
    """The same function of other names: units in reverse order, every other one negated."""
    packed: Keywords = {name: _reversed(name, array) for name, array in case.cell.packed().items()}
    states = {name: _signed(getattr(case, name)) for name in ("state", "d_outputs", "d_last")}
    return replace(case, cell=replace(case.cell, **packed), regimes=case.regimes[::-1], **states)


def _signed(a: NDArray) -> NDArray:
    """S a: the last axis reversed, every other entry negated."""
    return a[..., ::-1] * _signs(a.shape[-1], a)


def _signs(H: int, like: NDArray) -> NDArray:
    return np.where(np.arange(H) % 2, -1, 1).astype(like.dtype)


def _reversed(name: str, packed: NDArray) -> NDArray:
    """Rows of every gate reversed; those of the candidate, and recurrent columns, signed too."""
    gates = [gate[::-1] for gate in np.split(packed, 3)]
    signs = _signs(len(gates[2]), packed)
    # Of a unit that changes its sign the candidate does, and neither gate (theory.md 7).
    gates[2] = gates[2] * (signs[:, None] if packed.ndim == 2 else signs)
    rows = np.concatenate(gates)
    if name == "weight_hh":
        return _signed(rows)
    return rows


@invariant(
    "gradient/permuted-units",
    "the gradient of permuted and signed units is the gradient, permuted and signed",
    source="theory 7; M66",
    needs=["sequence_vjp"],
)
def permuted_units(trial: Trial) -> Iterator[Residual]:
    other = observed(trial.on(reversed_units))
    # The same formula with its sums in another order and its signs turned: the same balls hold it,
    # permuted.
    back = {name: _back(name, part) for name, part in other.items()}
    allowed = combined(lambda radius: 2 * radius, radii(trial, trial.exact.gradients))
    yield from agree_within("permuted back:", back, observed(trial), allowed)


def _back(name: str, part: NDArray) -> NDArray:
    """The inverse, for `_reversed` is one up to the sign that an even number of units turns
    round.
    """
    if name == "inputs":
        return part
    if name == "state":
        return _unsigned(part)
    gates = [gate[::-1] for gate in np.split(_unsigned(part) if name == "weight_hh" else part, 3)]
    signs = _signs(len(gates[2]), part)[::-1]
    gates[2] = gates[2] * (signs[:, None] if part.ndim == 2 else signs)
    return np.concatenate(gates)


def _unsigned(a: NDArray) -> NDArray:
    return (a * _signs(a.shape[-1], a))[..., ::-1]


# -- the last unit twice ---------------------------------------------------------------------------


def cloned_unit(case: Case) -> Case:
    """The last unit twice; what listens to it listens to both, each with a share of the weight."""
    packed: Keywords = {name: _clone(name, array) for name, array in case.cell.packed().items()}
    states: Keywords = {"state": np.concatenate([case.state, case.state[:, -1:]], axis=1)}
    states |= {name: _shared(getattr(case, name)) for name in ("d_outputs", "d_last")}
    return replace(case, cell=replace(case.cell, **packed), regimes=(), **states)


def _shared(a: NDArray) -> NDArray:
    """The last entry of the last axis as two that add up to it, exactly even where halving
    rounds.
    """
    half = a[..., -1:] * a.dtype.type(0.5)
    return np.concatenate([a[..., :-1], a[..., -1:] - half, half], axis=-1)


def _clone(name: str, packed: NDArray) -> NDArray:
    gates = [np.concatenate([gate, gate[-1:]]) for gate in np.split(packed, 3)]
    rows = np.concatenate(gates)
    if name == "weight_hh":
        return _shared(rows)
    return rows


@invariant(
    "gradient/cloned-unit",
    "clones of a unit: the gradients of their rows add up to the unit's, that of each column is "
    "the unit's",
    source="theory 7; M67",
    needs=["sequence_vjp"],
    resizes=True,
)
def cloned(trial: Trial) -> Iterator[Residual]:
    twins, variant = trial.on(cloned_unit), trial.case.cell.variant
    allowed = combined(
        np.add, _merged(radii(twins, twins.exact.gradients)), radii(trial, trial.exact.gradients)
    )
    merged = _merged(vector(variant, twins.observed.sequence_vjp))
    yield from agree_within("clones merged:", merged, observed(trial), allowed, additions=2)


def _merged(twins: Vector) -> Vector:
    """The clones' rows added up, and of their columns the one: as a gradient of the cell before."""
    return {name: _merge(name, part) for name, part in twins.items()}


def _merge(name: str, part: NDArray) -> NDArray:
    if name == "inputs":
        return part
    if name == "state":
        return np.concatenate([part[:, :-2], part[:, -2:].sum(1, keepdims=True)], axis=1)
    if name == "weight_hh":
        # dL/dW of both clones' columns is that of the one column, so one of them is left out.
        columns = part[:, :-1]
    else:
        columns = part
    return np.concatenate(
        [np.concatenate([g[:-2], g[-2:].sum(0, keepdims=True)]) for g in np.split(columns, 3)]
    )
