"""What the model is run on: recorded inputs, or standard normal ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import float64
from gruverify.cell import Stack
from gruverify.diagnosis._model import CannotDiagnose, Model
from gruverify.judging import BadRecord, initial_states, numbers, require_inputs

Floats: TypeAlias = npt.NDArray[np.float64]

#: Sizes of a run on inputs that nobody recorded.
STEPS, MEMBERS = 200, 16
#: States that a run may have, T·B·H: each takes some 200 bytes.
_MOST_NUMBERS = 2**23

HOW_TO_RECORD = (
    "record what the GRU itself is given, as a hook does: model.rnn.register_forward_pre_hook("
    "lambda _, args: numpy.save('x.npy', args[0].detach()))"
)


@dataclass(frozen=True, eq=False)
class Given:
    """Inputs (T, B, I) and initial states (L·D, B, H) in float64, in words where they come from,
    and whether they were recorded.
    """

    inputs: Floats
    states: Floats
    source: str
    recorded: bool


def given_inputs(
    model: Model,
    inputs: npt.ArrayLike,
    *,
    state: npt.ArrayLike | None,
    batch_first: bool,
    source: str,
) -> Given:
    """Recorded inputs, (T, B, I), or (B, T, I) if `batch_first`, or (T, I).

    Raises:
        CannotDiagnose: they do not fit the model, or hold what is not a number.
    """
    stack = model.gru.stack
    try:
        xs = numbers("inputs", inputs)
        shape = xs.shape
        if xs.dtype.kind in "iub" and (xs.ndim < 2 or xs.shape[-1] != stack.input_size):
            raise CannotDiagnose(
                f"inputs has shape {shape} and dtype {xs.dtype}: that looks like tokens, and the "
                f"GRU is given vectors of I={stack.input_size}; {HOW_TO_RECORD}"
            )
        unbatched = xs.ndim == 2
        axes = "(T, I)" if unbatched else "(B, T, I)" if batch_first else "(T, B, I)"
        if unbatched:
            xs = xs[:, None]
        elif batch_first and xs.ndim == 3:
            xs = xs.swapaxes(0, 1)
        require_inputs(stack, shape, xs, axes)
        states = initial_states(stack, state, xs.shape[1], float64, unbatched=unbatched)
    except BadRecord as wrong:
        raise CannotDiagnose(str(wrong)) from None
    found = Given(xs.astype(np.float64), states.astype(np.float64), source, True)
    _require_finite("inputs", found.inputs, "tbi")
    _require_finite("state", found.states, "sbi")
    return found


def drawn_inputs(model: Model, steps: int, members: int, seed: int) -> Given:
    """Standard normal inputs, and states of zeros.

    Raises:
        CannotDiagnose: a size is below 1, or such inputs do not fit into memory.
    """
    for name, value, least in (("steps", steps, 1), ("members", members, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            raise CannotDiagnose(f"{name}={value} must be a whole number of {least} or more")
    stack = model.gru.stack
    _require_short(stack, steps)
    try:
        # All members, though `fitting` may leave some out: fewer would be other numbers.
        drawn = np.random.default_rng(seed).normal(size=(steps, members, stack.input_size))
    except (MemoryError, ValueError):
        raise CannotDiagnose(
            f"steps={steps} and members={members} are inputs of more than fits in memory: give less"
        ) from None
    states = initial_states(stack, None, members, float64, unbatched=False)
    return Given(drawn, states, f"standard normal, seed {seed}: record yours", False)


def fitting(model: Model, given: Given) -> Given:
    """As many of the members as fit into memory, at least one; it is said if some are left out.

    Raises:
        CannotDiagnose: a single one is too long.
    """
    T, B, _ = given.inputs.shape
    _require_short(model.gru.stack, T)
    members = min(B, _MOST_NUMBERS // (T * model.gru.stack.hidden_size))
    if members == B:
        return given
    source = f"{given.source}, the first of its {B} members"
    return replace(
        given, inputs=given.inputs[:, :members], states=given.states[:, :members], source=source
    )


def _require_short(stack: Stack, T: int) -> None:
    """Raise CannotDiagnose if a single member has more states than a run may have."""
    H = stack.hidden_size
    if T * H > _MOST_NUMBERS:
        raise CannotDiagnose(
            f"T={T} steps of H={H} units take more memory than there should be: give at most "
            f"{_MOST_NUMBERS // H} steps"
        )


def require_no_embedding(model: Model) -> None:
    """Raise CannotDiagnose if the weights lie behind an embedding, which normal inputs skip."""
    if model.embedding:
        raise CannotDiagnose(
            f"{model.embedding} stands before the GRU, which never meets standard normal inputs: "
            f"{HOW_TO_RECORD}, and give --inputs x.npy (--inputs normal does without)"
        )


def _require_finite(name: str, values: Floats, letters: str) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        where = ", ".join(f"{letter}={i}" for letter, i in zip(letters, at, strict=True))
        raise CannotDiagnose(
            f"{name}[{where}] is {values[at]}: every number must be finite (of {len(wrong):,} that "
            "are not, the first; leave these members out)"
        )


def stack_in_float64(stack: Stack) -> list[list[Any]]:
    """The parameters by layer and direction, in float64."""
    return stack.each(lambda cell: cell.parameters(lambda array: array.astype(np.float64)))
