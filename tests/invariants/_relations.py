"""The relations that faults must falsify, beside what `_falsifies` says of them: cases changed in a known way."""

from __future__ import annotations

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
