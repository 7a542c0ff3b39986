"""From any case to one that an invariant asks for: pure functions, so that no drawn case is ever
thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.cell import Case, Cell, Parameters, Variant

#: A pre-activation at which σ is exactly 1, its negative one at which it is exactly 0, and tanh
#: exactly ±1, in every format and however they are computed (theory.md 5); a power of two, so that
#: every format holds
#: it.
SATURATED = 2048.0


def edited(case: Case, edit: Callable[[Parameters], Parameters]) -> Case:
    """The case with its cell's parameters changed gate by gate; where there are no biases they stay
    away.

    edit: from the twelve blocks (NumPy arrays, or 0 for a missing bias) to those of the new cell.
    """
    return replace(case, cell=packed(case.cell.variant, edit(case.cell.parameters())), regimes=())


def packed(variant: Variant, p: Parameters) -> Cell:
    """A cell of these twelve blocks; biases that the variant lacks are ignored."""
    # A cell refuses numbers in biases that its variant lacks.
    p = Parameters(*(block if variant.has(name) else 0 * block for name, block in p.items()))
    weights = np.concatenate([p.W_xr, p.W_xz, p.W_xc]), np.concatenate([p.W_hr, p.W_hz, p.W_hc])
    if not variant.bias:
        return Cell(variant, *weights)
    return Cell(
        variant,
        *weights,
        np.concatenate([p.b_xr, p.b_xz, p.b_xc]),
        np.concatenate([p.b_hr, p.b_hz, p.b_hc]),
    )


def with_inputs(case: Case, inputs: NDArray) -> Case:
    """The case over other inputs (T', B, I), with a loss on the last state alone."""
    return replace(
        case, inputs=inputs, d_outputs=np.zeros((len(inputs), *case.state.shape), case.format.dtype)
    )


def from_zero(case: Case) -> Case:
    """The case from a state of zeros."""
    return replace(case, state=np.zeros_like(case.state))


def resized(cell: Cell, inputs: NDArray, state: NDArray) -> Case:
    """A case of another size, without a loss: only its states are asked for."""
    T, nothing = len(inputs), np.zeros_like(state)
    return Case(cell, inputs, state, np.broadcast_to(nothing, (T, *state.shape)), nothing)


def single(case: Case) -> Case:
    """The first step of the case alone; the case itself if it has no more."""
    if len(case.inputs) == 1:
        return case
    return with_inputs(case, case.inputs[:1])


def short(case: Case) -> Case:
    """The first two steps of the case, which is where relations of states show; the case itself if
    it has no more.
    """
    if len(case.inputs) <= 2:
        return case
    return replace(case, inputs=case.inputs[:2], d_outputs=case.d_outputs[:2])


def stretched(case: Case) -> Case:
    """At least two steps: a single one is followed by one over its negated inputs."""
    if len(case.inputs) > 1:
        return case
    return with_inputs(case, np.concatenate([case.inputs, -case.inputs]))


def pinned(case: Case, **levels: npt.ArrayLike) -> Case:
    """Gates r, z or c with pre-activations that are these numbers, (H,) or one for all, whatever
    state and input are.

    A unit whose number is NaN stays as it is. The numbers are put into b_x or, where there is none,
    into the weights of input 0, which then is 1 at every step.
    """

    def edit(p: Parameters) -> Parameters:
        blocks = dict[str, NDArray]()
        for gate, at in levels.items():
            blocks.update(_pin(case, p, gate, at))
        return replace(p, **blocks)

    if case.cell.variant.input_bias:
        return edited(case, edit)
    inputs = case.inputs.copy()
    inputs[..., 0] = 1
    return edited(replace(case, inputs=inputs), edit)


def _pin(
    case: Case, p: Parameters, gate: str, level: npt.ArrayLike
) -> Iterator[tuple[str, NDArray]]:
    at = np.broadcast_to(np.asarray(level, np.float64), (case.cell.hidden_size,))
    # NaN stands for "as it is", and must not reach a cell.
    free, numbers = np.isnan(at), np.nan_to_num(at).astype(case.format.dtype)
    bias, input_bias = case.cell.variant.bias, case.cell.variant.input_bias
    for name in (f"W_x{gate}", f"W_h{gate}", *((f"b_x{gate}", f"b_h{gate}") if bias else ())):
        block = getattr(p, name).copy()
        block[~free] = 0
        if name.startswith("b_x") and input_bias:
            block[~free] = numbers[~free]
        elif name.startswith("W_x") and not input_bias:
            block[~free, 0] = numbers[~free]
        yield name, block


def update_preactivation(variant: Variant, level: npt.ArrayLike) -> NDArray:
    """The pre-activation of the update gate at which the share of the state that is kept is
    σ(level).
    """
    # 1 - σ(a) = σ(-a): for "replace" the share that is kept is 1-z.
    return np.asarray(level, np.float64) * (1 if variant.update == "keep" else -1)


def cycled(case: Case, *levels: float) -> NDArray:
    """One of the levels for each unit, in turn; where the turn begins depends on the cell's sizes.
    (H,).
    """
    # So that small cells, which are drawn most, do not all begin with the same level.
    H, first = case.cell.hidden_size, case.cell.input_size + case.cell.hidden_size
    return np.array([levels[(first + i) % len(levels)] for i in range(H)])


def unequal_state(case: Case) -> NDArray:
    """Another state (B, H): that of the members in reverse order, negated."""
    other: NDArray = -case.state[::-1]
    return other


def clipped(array: NDArray, size: float) -> NDArray:
    """The array's numbers, those beyond ±size cut off; of its own dtype."""
    return np.asarray(np.clip(array.astype(np.float64), -size, size)).astype(array.dtype)
