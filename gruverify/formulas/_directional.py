"""Derivatives along a direction: the same formulas over dual numbers (theory.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gruverify.arithmetic import Array, Dual, NDArray, placed
from gruverify.cell import PACKED, Gradients, Parameters, Variant, unpack
from gruverify.formulas._bptt import Bptt, Run, bptt, sequence
from gruverify.formulas._step import Kept, whole


def directional_run(
    v: Variant,
    p: Parameters,
    inputs: Sequence[Array],
    state: Array,
    tangent: Gradients,
    lift: Callable[[NDArray], Array | None],
) -> Run:
    """The sequence over dual numbers: parameters, T inputs (B, I) and state (B, H), in any
    arithmetic, each moving along its part of the tangent, which `lift` turns into that arithmetic,
    or into None where nothing moves.
    """
    assert tangent.state is not None  # a direction has every part
    xs = [Dual(x, lift(d)) for x, d in zip(inputs, tangent.inputs, strict=True)]
    start = Dual(state, lift(tangent.state))
    return sequence(v, moving_parameters(p, tangent, lift), xs, start)


def moving_parameters(
    p: Parameters, tangent: Gradients, lift: Callable[[NDArray], Array | None]
) -> Parameters:
    """The parameters as dual numbers, each moving along its part of the tangent."""
    lifted = {name: lift(along) for name, along in tangent.items() if name in PACKED}
    moving = unpack(lifted, len(tangent.weight_hh) // 3)
    return Parameters(*(_moving(block, getattr(moving, name)) for name, block in p.items()))


def _moving(block: Array, along: Array) -> Array:
    """A block as a dual number, without a tangent where nothing moves; a bias that is not there
    stays 0.
    """
    if isinstance(block, int):
        return block
    return Dual(block, None if isinstance(along, int) else along)


def jvp(run: Run) -> list[Array]:
    """The derivatives of h_1 ... h_T, (B, H) each, of a directional run."""
    return [_tangent(state) for state in run.states[1:]]


def hvp(
    run: Run, d_outputs: Sequence[Array] | None, d_last: Array | None, kept: Kept = whole
) -> Bptt:
    """The derivative of `bptt` at constant cotangents, of a directional run: a Hessian-vector
    product. Needs T ≥ 1. kept: as of `into_parameters`.
    """
    if d_outputs is None:
        held = None
    else:
        # Without a tangent: the cotangents stay, so that what moves is the Hessian's part alone.
        held = [Dual(d) for d in d_outputs]
    end = None if d_last is None else Dual(d_last)
    back = bptt(run, held, end, lambda block: kept(_tangent(block)))
    return Bptt(back.parameters, [_tangent(x) for x in back.inputs], _tangent(back.state))


def _tangent(number: Dual) -> Array:
    """The derivative; zeros of a number that does not move."""
    value = number.value
    if number.tangent is None:
        return placed(value, value.shape)
    return number.tangent
