"""Kinds of weights worth testing with, and kinds of biases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from gruverify_strategies._codes import Floats, powers

Change: TypeAlias = Callable[[Floats], Floats]

#: Powers of two from 2^-10 to 32, around 1 for the most part.
SCALES = powers({0: 8, -1: 5, 1: 5, -2: 2, 2: 2} | dict.fromkeys([*range(-3, -11, -1), 3, 4, 5], 1))


def _as_drawn(W: Floats) -> Floats:
    return W


def _sparse(W: Floats) -> Floats:
    """About one entry in four."""
    # Entries are uniform in [-1, 1].
    return np.where(np.abs(W) < 0.75, 0.0, W)


def _power_of_two(W: Floats) -> Floats:
    nearest = np.exp2(np.round(np.log2(np.abs(W), out=np.zeros_like(W), where=W != 0)))
    return np.where(W == 0, 0.0, np.copysign(nearest, W))


def _orthogonal(W: Floats) -> Floats:
    """The orthogonal factor of every gate's block; the identity for zeros."""
    Q, R = np.linalg.qr(W.reshape(3, -1, W.shape[1]))
    # With a positive diagonal of R the factor is unique, whichever LAPACK computes it.
    signs = np.where(np.diagonal(R, axis1=1, axis2=2) < 0, -1.0, 1.0)
    return np.asarray((Q * signs[:, None]).reshape(W.shape))


#: How far the last row of a near-singular block is from the sum of the others.
_NEARLY = 2.0**-12


def _near_singular(W: Floats) -> Floats:
    """In every gate's block the last row is all but the sum of the others (of one row, all but
    zero).
    """
    blocks = W.reshape(3, -1, W.shape[1]).copy()
    blocks[:, -1] = blocks[:, :-1].sum(1) + _NEARLY * blocks[:, -1]
    return blocks.reshape(W.shape)


@dataclass(frozen=True)
class Kind:
    """What is done to weights (3H, n) in [-1, 1], and the powers of two by which they are then
    scaled.

    structural: scaling a row for itself, as a driven gate needs, would destroy what the kind is
    named for.
    """

    both: Change = _as_drawn
    recurrent: Change = _as_drawn
    scales: tuple[float, ...] = SCALES
    structural: bool = False


KINDS: dict[str, Kind] = {
    "dense": Kind(),
    "sparse": Kind(both=_sparse),
    "power-of-two": Kind(both=_power_of_two),
    "orthogonal": Kind(recurrent=_orthogonal, scales=(1.0,), structural=True),
    "near-singular": Kind(recurrent=_near_singular, structural=True),
    "large-norm": Kind(scales=powers({6: 1, 7: 1, 8: 1}), structural=True),
    "tiny": Kind(scales=powers(dict.fromkeys(range(-12, -25, -1), 1))),
    "contractive": Kind(structural=True),
}

#: What is drawn where no kind is asked for.
USUAL = ("dense",) * 60 + tuple(KINDS)[1:]

BIASES = ("drawn", "zero", "chrono")

#: The time scales T among which chrono initialisation draws.
_LONGEST = 1000.0


def chrono(biases: Floats, update: str) -> Floats:
    """(3H, 2) with the update gate's such that the state kept decays over 3 to 1000 steps, all
    other biases 0.

    z, or 1-z where it replaces, is 1 - 1/T for T log-uniform, so b_z = ±log(T - 1). Source: Tallec
    and Ollivier 2018, M72; theory.md 1.
    """
    H = len(biases) // 3
    # From 3, at a drawn 0, to 1000, at a drawn ±1.
    T = 2 + (_LONGEST - 2) ** np.abs(biases[H : 2 * H, 0])
    found = np.zeros_like(biases)
    found[H : 2 * H, 0] = np.log(T - 1) * (1 if update == "keep" else -1)
    return found
