"""Weights reach a module by every way that its framework has: it answers at the weights that it
shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gruverify.backends import WAYS
from gruverify.invariants.core._registry import invariant
from gruverify.invariants.core._residual import Residual, equal, ok, violated
from gruverify.invariants.core._trial import Trial

#: Letters for the axes of whatever the module returns.
_AXES = "abcdefghijklmnopqrstuvwxyz"


def _reached_by(way: str) -> Callable[[Trial], Iterator[Residual]]:
    def check(trial: Trial) -> Iterator[Residual]:
        case = trial.case
        given = case.cell.writable_copy(), case.inputs.copy(), case.state.copy(), case.d_last.copy()
        reached = trial.observed.as_given("reloaded", way, *given)
        for name, expected in reached.expected.items():
            found = reached.found[name]
            if found.shape != expected.shape:
                yield violated(f"{name}, by {way}, has the shape {found.shape}")
            else:
                yield equal(f"{name}, by {way}", _AXES[: expected.ndim], found, expected)
        for stray in reached.strays:
            yield violated(f"{stray}, by {way}")
        yield ok(f"gradients, by {way}")

    return check


for _way, _how in WAYS.items():
    invariant(
        f"contract/weights-{_way}",
        f"a module whose weights were set by {_how} returns the bits of a fresh one with these "
        "weights, and gradients of its own parameters",
        source="the Backend contract; fault S40",
        bound="exact",
        needs=["reloaded"],
        since="0.2",
        asks_more=True,
    )(_reached_by(_way))
