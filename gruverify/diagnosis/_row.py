"""One direction of one layer, run over its inputs: what its gates and states are at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify._named import Keywords
from gruverify.cell import Cell
from gruverify.diagnosis._given import Given, stack_in_float64
from gruverify.diagnosis._model import CannotDiagnose
from gruverify.formulas import Activations, Run, stack
from gruverify.models import Gru

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Row:
    """A direction of a layer, in its own order of time: its cell, and its run in float64."""

    layer: int
    direction: int
    cell: Cell
    run: Run

    @cached_property
    def z(self) -> Floats:
        """The update gate, (T, B, H), as the model has it."""
        return self.over_time("z")

    @cached_property
    def r(self) -> Floats:
        """The reset gate, (T, B, H)."""
        return self.over_time("r")

    @cached_property
    def keep(self) -> Floats:
        """What of the old state is kept, (T, B, H): z, or 1-z in the convention "replace"."""
        if self.cell.variant.update == "keep":
            return self.z
        return self.over_time("keep")

    def over_time(self, name: str) -> Floats:
        """An activation of all steps, (T, B, n)."""
        return np.stack([getattr(step, name) for step in self.run.steps])

    @property
    def sizes(self) -> tuple[int, int, int]:
        """T, B and H."""
        B, H = self.run.states[0].shape
        return len(self.run.steps), B, H

    @cached_property
    def _for_jacobians(self) -> dict[str, Floats]:
        return {"z": self.z, "r": self.r} | {name: self.over_time(name) for name in ("h", "c", "q")}

    def activations_at(self, steps: Any, members: Any) -> Activations:
        """What the Jacobians of some steps (S,), each of one member (S,), are made of: a batch of
        S.
        """
        a = {name: array[steps, members] for name, array in self._for_jacobians.items()}
        # These follow from z, and are not gathered over all steps as the others are.
        keep, take = a["z"], 1 - a["z"]
        if self.cell.variant.update == "replace":
            keep, take = take, keep
        unused: Keywords = dict.fromkeys(("x", "a_r", "a_z", "a_c"))
        return Activations(**a, keep=keep, take=take, **unused)


def rows_of(gru: Gru, given: Given) -> Iterator[Row]:
    """Every layer and direction, from the first layer on; the runs of one layer are held at a
    time.
    """
    model, D = gru.stack, gru.stack.directions
    # A GRU that runs backward alone is a forward one over reversed inputs.
    xs = list(given.inputs[::-1] if gru.backward else given.inputs)
    for layer, parameters in enumerate(stack_in_float64(model)):
        states = list(given.states[layer * D : (layer + 1) * D])
        with np.errstate(over="ignore", invalid="ignore"):
            found = stack(model.variant, [parameters], xs, states)
        for direction, run in enumerate(found.parts[0].layers[0]):
            _require_finite(run, layer)
            yield Row(layer, direction or int(gru.backward), model.cells[layer][direction], run)
        xs = list(found.outputs)


def _require_finite(run: Run, layer: int) -> None:
    for t, a in enumerate(run.steps):
        if not all(np.isfinite(array).all() for array in (a.a_r, a.a_z, a.a_c)):
            raise CannotDiagnose(
                f"inputs and weights are so large that the gates of layer {layer} overflow in "
                f"float64, at step {t}: scale them down"
            )
