"""The relations that faults must falsify, beside what `_falsifies` says of them: cases changed in a known way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gruverify import Backend

from ._faulty import Faulty, fault

#: Faults of the bank.
RELATIONS: dict[str, tuple[str, ...]] = {
    "inverted-update-gate": (
        "regimes/forget-value",
        "regimes/elman-value",
        "regimes/update-moves-towards-the-state",
        "regimes/constant-gates",
        "regimes/constant-gates-gradient",
        "regimes/chrono",
        "regimes/chrono-gradient",
    ),
    "jacobian-without-the-carry": ("regimes/unit-eigenvalue",),
}


# -- regimes ----------------------------------------------------------------------------------------------------------


class _LeakySigmoid(np.ndarray):
    def sigmoid(self) -> Any:
        return np.clip(1 / (1 + np.exp(-np.clip(self, -80, 80))), 2.0**-10, 1 - 2.0**-10).astype(self.dtype)


@fault("regimes/hard-reset", "regimes/hard-reset-gradient", "regimes/hard-reset-cuts-gradient")
def gates_kept_off_their_ends() -> Backend:
    """A σ that is never quite 0 or 1."""
    return Faulty(given=lambda a: a.view(_LeakySigmoid))


# -- symmetry ---------------------------------------------------------------------------------------------------------


def _both(*names: str) -> list[str]:
    """Of the step and of the sequence."""
    return [f"symmetry/{prefix}{name}" for name in names for prefix in ("", "sequence-")]


class _LopsidedTanh(np.ndarray):
    def tanh(self) -> Any:
        return np.floor(np.tanh(self) * 64) / 64


@fault(*_both("sign-flip"))
def tanh_rounded_down() -> Backend:
    """A table of tanh that is not odd."""
    return Faulty(given=lambda a: a.view(_LopsidedTanh))


@fault(*_both("permutation", "dead-unit", "block-diagonal"))
def last_unit_left_behind() -> Backend:
    """The unit that does not fill a vector register keeps its state."""

    def left(h: Any, state: Any) -> Any:
        return np.concatenate([h[..., :-1], np.broadcast_to(state, h.shape)[..., -1:]], axis=-1)

    return Faulty(
        step=lambda h, cell, x, before: left(h, before),
        sequence=lambda pair, cell, inputs, state: (left(pair[0], state), left(pair[1], state)),
    )


@fault(*_both("input-permutation", "unused-input", "bias-as-input"))
def last_input_dropped() -> Backend:
    """One column of W_x too few."""
    return Faulty(
        cell=lambda cell: replace(
            cell, weight_ih=np.concatenate([cell.weight_ih[:, :-1], 0 * cell.weight_ih[:, -1:]], axis=1)
        )
    )


@fault(*_both("scaling"))
def numbers_in_fixed_point() -> Backend:
    """Inputs and states in sixteenths."""
    return Faulty(given=lambda a: np.round(a * 16) / 16)


@fault(*_both("clone", "dead-unit", "block-diagonal"))
def recurrence_averaged_over_units() -> Backend:
    """W_h divided by H."""
    return Faulty(cell=lambda cell: replace(cell, weight_hh=cell.weight_hh / np.float32(cell.hidden_size)))
