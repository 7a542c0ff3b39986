"""Faults of manners: answers of the wrong kind, numbers that are none, calls that leave traces."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from gruverify import Backend, Cell, Gradients
from gruverify.backends import METHODS

from ._faulty import Faulty, altered, fault


def _every_array(f: Callable[[Any], Any], answer: Any, *_: Any) -> Any:
    if isinstance(answer, Gradients):
        return altered(answer, f)
    return tuple(map(f, answer)) if isinstance(answer, tuple) else f(answer)


_WRONG = {
    "in_double_precision": partial(_every_array, lambda a: a.astype(np.float64)),
    "as_lists": partial(_every_array, lambda a: a.tolist()),
    "with_another_axis": partial(_every_array, lambda a: a[None]),
    "as_a_bare_tuple": lambda answer, *_: (answer, answer, answer),
}


def _misshapen(method: str, kind: str) -> Callable[[], Backend]:
    def build() -> Backend:
        return Faulty(**{method: _WRONG[kind]})

    build.__name__ = f"{method}_{kind}"
    return build


for _method in METHODS:
    for _kind in _WRONG:
        fault(f"contract/shape-{_method.replace('_', '-')}")(_misshapen(_method, _kind))


@fault("contract/finite-values", "agreement/outputs", "bounds/between")
def not_a_number() -> Backend:
    """NaN for every state."""
    return Faulty(
        step=lambda h, *_: h * np.float32(np.nan), sequence=lambda pair, *_: (pair[0] * np.float32(np.nan), pair[1])
    )


@fault("contract/finite-gradients", "agreement/gradient-inputs", "agreement/gradient-state")
def gradients_divided_by_themselves() -> Backend:
    """0/0 where a gradient is 0."""
    return Faulty(sequence_vjp=lambda g, *_: altered(g, lambda a: a * (a / a)))


@fault("contract/same-bits")
def another_last_bit_at_every_call() -> Backend:
    """Sums in another order at every call."""
    calls = count()

    def unsteady(pair: Any, *_: Any) -> Any:
        return tuple(np.nextafter(a, np.float32(2)) for a in pair) if next(calls) % 2 else pair

    return Faulty(sequence=unsteady)


@fault("contract/same-gradient-bits")
def gradients_added_up_over_calls() -> Backend:
    """No zero_grad: each call adds to what the one before returned."""
    kept: list[Gradients] = []

    def added(g: Gradients, *_: Any) -> Gradients:
        before = kept[-1] if kept and kept[-1].inputs.shape == g.inputs.shape else altered(g, np.zeros_like)
        kept.append(Gradients(*(None if a is None else a + getattr(before, name) for name, a in vars(g).items())))
        return kept[-1]

    return Faulty(sequence_vjp=added)


@fault("contract/no-mutation")
def state_advanced_in_place() -> Backend:
    """The argument h is overwritten by the next state."""

    def advanced(answer: Any, cell: Cell, x: Any, h: Any) -> Any:
        h[...] = answer
        return answer

    return Faulty(step=advanced)


@fault("contract/no-mutation")
def inputs_scaled_in_place() -> Backend:
    """Inputs are normalised where they lie."""

    def scaled(answer: Any, cell: Cell, inputs: Any, state: Any) -> Any:
        inputs *= np.float32(0.5)
        return answer

    return Faulty(sequence=scaled)


@fault("contract/no-mutation")
def weights_updated_by_their_gradient() -> Backend:
    """A step of descent that nobody asked for."""

    def descended(g: Gradients, cell: Cell, *_: Any) -> Gradients:
        cell.weight_hh[...] -= g.weight_hh
        return g

    return Faulty(sequence_vjp=descended)
