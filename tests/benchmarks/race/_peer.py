"""What a peer is: a check that a GRU passes or not, on data of its own, and the faults that it
could possibly see.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gruverify.arithmetic import float64
from gruverify.backends import Backend, offers
from gruverify.cell import Cell, Variant
from gruverify.faults import Fault

#: How often a check that draws data is repeated, each time with another seed, before a fault is
#: said to survive it.
SEEDS = 5


@dataclass(frozen=True)
class Peer:
    """name; scope: which faults it could possibly see, in words; sees: the same as a test of fault
    and backend; trials: the checks, one after the other, each of which raises or returns False
    where it finds something wrong.
    """

    name: str
    scope: str
    sees: Callable[[Fault, Backend], bool]
    trials: Callable[[Backend, Variant], Iterator[Callable[[], Any]]]

    def found(self, backend: Backend, variant: Variant) -> int | None:
        """The number of the first check that fails, counted from 1; None if none does."""
        for number, check in enumerate(self.trials(backend, variant), 1):
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    if check() is False:
                        return number
            except Exception:  # a check that raises has found something, whatever it is
                return number
        return None


def differentiable(fault: Fault, backend: Backend) -> bool:
    """Whether a checker of gradients can be given it: a sequence and its gradients, in float64, of
    the right kind.
    """
    return (
        all(offers(backend, m) for m in ("sequence", "sequence_vjp")) and float64 in backend.formats
    )


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def drawn(
    seed: int,
    variant: Variant,
    dtype: Any = np.float64,
    H: int = 3,
    I: int = 2,
    B: int = 2,
    T: int = 3,
) -> Any:
    """Parameters, inputs and state as practice has them: uniform weights within 1/√H, standard
    normal inputs, state.
    """
    random, k = np.random.default_rng(seed), 1 / np.sqrt(H)
    shapes = [(3 * H, I), (3 * H, H), (3 * H,), (3 * H,)][: 4 if variant.bias else 2]
    parameters = [random.uniform(-k, k, shape).astype(dtype) for shape in shapes]
    return [
        *parameters,
        random.normal(size=(T, B, I)).astype(dtype),
        random.normal(size=(B, H)).astype(dtype),
    ]


def cell_of(variant: Variant, arrays: Any) -> Cell:
    """The cell of the parameters among `arrays`."""
    return Cell(variant, *(np.asarray(a) for a in arrays[:-2]))


def values(backend: Any, variant: Variant, arrays: Any) -> Any:
    """Outputs (T, B, H) and last state (B, H)."""
    return backend.sequence(cell_of(variant, arrays), *(np.asarray(a) for a in arrays[-2:]))


def pulled(backend: Any, variant: Variant, arrays: Any, d_outputs: Any, d_last: Any) -> list[Any]:
    """The gradients of all `arrays` at these cotangents."""
    inputs, state = (np.asarray(a) for a in arrays[-2:])
    g = backend.sequence_vjp(
        cell_of(variant, arrays), inputs, state, np.asarray(d_outputs), np.asarray(d_last)
    )
    parameters = [getattr(g, name) for name in NAMES[: len(arrays) - 2]]
    return [*parameters, g.inputs, g.state]
