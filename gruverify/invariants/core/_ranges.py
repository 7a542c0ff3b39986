"""The ranges of the parts of a gradient: a bound claims something if it is small against them.

Where gates are saturated a gradient is tiny, or 0, and no bound is below it that allows the
roundings of a gate. That it is tiny is a claim all the same. So the range of a part is not only its
largest entry, but also what it would be if the gates were half open and nothing cancelled:
cotangents times operands, as large as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import Ball
from gruverify.cell import Parameters, Variant
from gruverify.formulas import Activations, GateCotangents, Run, gate_cotangents, pullback_through
from gruverify.invariants.core._residual import Floats


@dataclass(frozen=True)
class Ranges:
    """One number for each block of the parameters, each gate's cotangents, the inputs and the
    initial state.

    That of the initial state is that of any state: where the run forgets it, its gradient is small
    compared with others.
    """

    parameters: Parameters
    gates: tuple[float, float, float]
    inputs: float
    state: float


def ranges(v: Variant, p: Parameters, a: Activations, cotangents: Ball) -> Ranges:
    """The ranges of the gradient of a run in balls, from the activations of all its steps as one
    batch of T·B members, and the cotangents of their states, (T·B, H).
    """
    return _ranges(v, p, _half_open(_size(a.x), _size(a.h), _size(a.q)), _size(cotangents))


def ranges_of_run(run: Run, cotangents: Sequence[Ball]) -> Ranges:
    """The same of a run and the cotangents of the states after its T steps, (B, H) each."""
    half = _half_open(
        np.concatenate([_size(a.x) for a in run.steps]),
        np.concatenate([_size(a.h) for a in run.steps]),
        np.concatenate([_size(a.q) for a in run.steps]),
    )
    g = np.concatenate([_size(each) for each in cotangents])
    return _ranges(run.variant, run.parameters, half, g)


def _ranges(v: Variant, p: Parameters, half: Activations, g: Floats) -> Ranges:
    sizes = p.map(_size)
    α = gate_cotangents(v, sizes, half, g)
    # With all signs alike nothing cancels in the sums that follow.
    α = GateCotangents(*(np.abs(getattr(α, name)) for name in GateCotangents.__slots__))
    back = pullback_through(v, sizes, half, g, α)
    gates = _largest(α.r), _largest(α.z), _largest(α.c)
    return Ranges(back.parameters.map(_largest), gates, _largest(back.x), _largest(back.h))


def _half_open(x: Floats, h: Floats, q: Floats) -> Activations:
    """Steps with their gates half open and their candidates half of the way to -1, where no slope
    is small.
    """
    half = np.full(h.shape, 0.5)
    return Activations(
        x=x,
        h=h,
        q=q,
        r=half,
        z=half,
        c=-half,
        keep=half,
        take=half,
        a_r=0 * half,
        a_z=0 * half,
        a_c=0 * half,
    )


def _size(block: Ball | int) -> Floats:
    """Absolute values; of what is unknown, 0."""
    if not isinstance(block, Ball):  # a bias that is not there
        return np.zeros(())
    known = np.isfinite(block.mid)
    if known.all():
        return block.size
    return np.where(known, block.size, 0.0)


def _largest(values: Floats) -> float:
    return float(np.max(values, initial=0.0))
