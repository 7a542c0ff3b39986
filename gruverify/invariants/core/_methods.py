"""The methods of the contract, as what is checked on each of them alike sees them: the arrays of an
answer, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Ball, NDArray
from gruverify.backends import OPTIONAL_METHODS
from gruverify.cell import (
    AnyCase,
    Gradients,
    Parameters,
    StackGradients,
    masks_of,
    pack,
    restarts_of,
    stack_masks_of,
    unit_masks_of,
)
from gruverify.formulas import Bptt
from gruverify.invariants.core._calls import PAIRS
from gruverify.invariants.core._residual import STATES, Floats, Residual, agree_within, equal
from gruverify.invariants.core._stack_trial import StackBalls, StackTrial, gradients
from gruverify.invariants.core._tangent import tangent_of
from gruverify.invariants.core._trial import Trial

AnyTrial: TypeAlias = Trial | StackTrial
#: The arrays of an answer by name, each with the letters of its axes.
Parts: TypeAlias = dict[str, tuple[str, NDArray]]

_LETTERS = {
    "dh": "bij",
    "dx": "bij",
    "outputs": "tbi",
    "d_outputs": "tbi",
    "last": "bi",
    "d_last": "bi",
    "weight_ih": "ij",
    "weight_hh": "ij",
    "bias_ih": "i",
    "bias_hh": "i",
    "state": "bi",
}
#: What is in [-1, 1].
_OF_STATES = ("h", "outputs", "last")


def named(method: str) -> str:
    """A method as the ids of invariants have it."""
    return method.replace("_", "-")


def first_answer(trial: AnyTrial, method: str) -> Parts:
    """The first answer of a method to the case, which all invariants share.

    Raises:
        Obstacle: there is none.
    """
    return parts(trial.case, method, trial.observed.ask(method))


def parts(case: AnyCase, method: str, answer: Any) -> Parts:
    """The arrays of an answer that has the right form; what is returned for biases that are not
    there is left out.
    """
    if method == "step":
        return {"h": ("bi", answer)}
    if method in ("stack", "stack_masked"):
        return {"outputs": ("tbi", answer[0]), "last": ("sbi", answer[1])}
    if method in PAIRS:
        return {
            name: (_LETTERS[name], part)
            for (name, _), part in zip(PAIRS[method], answer, strict=True)
        }
    if isinstance(answer, StackGradients):
        return {
            f"gradient of {name}": (letters, array) for name, letters, array in gradients(answer)
        }
    inputs = "bj" if method == "step_vjp" else "tbj"
    return {
        f"gradient of {name}": ({**_LETTERS, "inputs": inputs}[name], array)
        for name, array in answer.items()
        if case.variant.bias or not name.startswith("bias")
    }


def radii(trial: AnyTrial, method: str, tangent: Gradients | None = None) -> dict[str, Floats]:
    """How far each array of an answer to the case may be from the truth; tangent: another than the
    case's.
    """
    if isinstance(trial, StackTrial):
        allowed = _of_stack(trial, method)
    else:
        allowed = _of_cell(
            trial, method, tangent_of(trial.case) if tangent is None else tangent, tangent is None
        )
    return {name: radius for name, (_, radius) in parts(trial.case, method, allowed).items()}


def _of_cell(trial: Trial, method: str, tangent: Gradients, own: bool) -> Any:
    exact, bias = trial.exact, trial.case.variant.bias
    if method == "step":
        return exact.next_state.radius
    if method == "step_jacobian":
        return exact.jacobian_of_state.radius, exact.jacobian_of_input.radius
    if method == "step_vjp":
        back = exact.pullback
        return pack(_radius_of(back.parameters), back.x.radius, back.h.radius, bias)
    if method == "sequence":
        return exact.outputs_radius, exact.outputs_radius[-1]
    if method == "sequence_jvp":
        # The case's own tangent is shared; another one costs an evaluation over duals.
        moved = _stacked(exact.jvp if own else exact.jvp_along(tangent))
        return moved, moved[-1]
    if method == "sequence_vjp":
        return _of_gradients(exact.gradients, bias)
    if method in OPTIONAL_METHODS:
        return _of_masked(trial, method)
    return _of_gradients(exact.hvp if own else exact.hvp_along(tangent), bias)


def _of_masked(trial: Trial, method: str) -> Any:
    """What a masked answer may miss; wider than need be where an output is 0 by declaration."""
    if method.startswith("sequence_zoneout"):
        return _of_zoneout(trial, method)
    exact, masks = trial.exact, masks_of(trial.case)
    none = np.zeros_like(masks)
    if method.startswith("sequence_marked"):
        both = masks, restarts_of(trial.case)
    elif method.startswith("sequence_masked"):
        both = masks, none
    else:
        both = none, masks
    if method.endswith("_vjp"):
        return _of_gradients(exact.masked_gradients(*both), trial.case.variant.bias)
    each = _stacked(exact.masked_run(*both).states[1:])
    return each, each[-1]


def _of_zoneout(trial: Trial, method: str) -> Any:
    """What an answer may miss where units keep their state."""
    keep_units = unit_masks_of(trial.case)
    if method.endswith("_vjp"):
        return _of_gradients(trial.exact.zoneout_gradients(keep_units), trial.case.variant.bias)
    each = _stacked(trial.exact.zoneout_run(keep_units).states[1:])
    return each, each[-1]


def _of_stack(trial: StackTrial, method: str) -> Any:
    exact, keep = trial.exact, stack_masks_of(trial.case)
    if method == "stack":
        return exact.outputs.radius, exact.last.radius
    if method == "stack_masked":
        run = exact.masked_run(keep)
        return _stacked(run.outputs), _stacked(run.last)
    balls: StackBalls = exact.gradients
    if method == "stack_masked_vjp":
        balls = exact.masked_gradients(keep, np.ones(trial.case.d_outputs.shape, bool))
    parameters = {name: ball.radius for name, ball in balls.parameters.items()}
    return StackGradients(parameters, balls.inputs.radius, balls.states.radius)


def _of_gradients(balls: Bptt, bias: bool) -> Gradients:
    return pack(_radius_of(balls.parameters), _stacked(balls.inputs), balls.state.radius, bias)


def _radius_of(parameters: Parameters) -> Parameters:
    return parameters.map(lambda ball: ball.radius)


def _stacked(balls: Sequence[Ball]) -> Floats:
    return np.stack([ball.radius for ball in balls])


def same_bits(how: str, found: Parts, expected: Parts) -> Iterator[Residual]:
    """Whether two answers have the same bits, array by array."""
    for name, (letters, array) in expected.items():
        yield equal(f"{name}, {how}", letters, found[name][1], array)


def close(
    how: str, found: Parts, expected: Parts, allowed: Callable[[], dict[str, Floats]]
) -> Iterator[Residual]:
    """Whether two answers have the same bits or, if they do not, are as close as two that each are
    within its radius of the truth; allowed: finds the radii, which takes long.
    """
    # Bits first: radii of a stack or of second derivatives can take longer than the call itself.
    bits = list(same_bits(how, found, expected))
    if all(residual.margin == 0 for residual in bits):
        yield from bits
        return
    radii_of = allowed()
    for name, (letters, array) in expected.items():
        scale = STATES if name in _OF_STATES else None
        yield agree_within(
            f"{name}, {how}", letters, found[name][1], array, 2 * radii_of[name], scale=scale
        )
