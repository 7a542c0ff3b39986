"""What the gates of one GRU have to do with its memory: everything that is found out about it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, bfloat16, float16, float32, formats_named
from gruverify.diagnosis._claims import Claim, claims_of
from gruverify.diagnosis._formats import InFormat, in_format
from gruverify.diagnosis._given import (
    MEMBERS,
    STEPS,
    Given,
    drawn_inputs,
    fitting,
    given_inputs,
    require_no_embedding,
)
from gruverify.diagnosis._memory import Memory, memory_of
from gruverify.diagnosis._model import Model, model_of
from gruverify.diagnosis._paths import ByLag, norms_by_lag
from gruverify.diagnosis._row import Row, rows_of
from gruverify.diagnosis._spectrum import spectrum_of
from gruverify.diagnosis._terms import Terms, terms_of
from gruverify.diagnosis._units import Units, Variance, units_of, variance_of
from gruverify.diagnosis._windows import Windows, windows_of
from gruverify.models import Gru

Floats: TypeAlias = npt.NDArray[np.float64]

#: What a model may be run in instead of float64.
FORMATS = (float16, bfloat16, float32)


@dataclass(frozen=True, eq=False)
class Layer:
    """One direction of a layer; a backward one counts its steps from the last.

    z, r: the gates of the first member, (T, H). spectrum: eigenvalues of J, (n, H).
    """

    number: int
    direction: int
    update: str
    memory: Memory
    units: Units
    variance: Variance
    windows: Windows
    by_lag: ByLag
    terms: Terms
    claims: tuple[Claim, Claim]
    spectrum: npt.NDArray[Any]
    formats: tuple[InFormat, ...]
    z: Floats
    r: Floats

    @property
    def steps(self) -> int:
        """T."""
        return len(self.z)

    def __repr__(self) -> str:
        memory = f"{self.memory.length.steps:.4g} steps"
        if self.memory.length.at_least:
            memory = f"at least {memory}"
        way = ", backward" if self.direction else ""
        return f"<Layer {self.number}{way}: remembers {memory} ({self.memory.source})>"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A GRU, where its inputs came from and whether they were recorded, their T and B, and what was
    found of each layer and direction.
    """

    model: Gru
    inputs: str
    recorded: bool
    steps: int
    members: int
    layers: tuple[Layer, ...]

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"<Diagnosis of {self.model}, T={self.steps}, B={self.members}: {layers}>"


def diagnose(
    model: object,
    inputs: npt.ArrayLike | None = None,
    *,
    state: npt.ArrayLike | None = None,
    batch_first: bool = False,
    gru: str | None = None,
    layout: str | None = None,
    reset: str | None = None,
    update: str | None = None,
    formats: str | Iterable[Format | str] = FORMATS,
    steps: int = STEPS,
    members: int = MEMBERS,
    seed: int = 0,
) -> Diagnosis:
    """What the gates of a GRU have to do with its memory, on these inputs: numbers, as arrays.

    Args:
        model: A `Cell` or `Stack`, an `nn.Module` instance, a mapping of arrays by name (a
            state_dict), the path of a file of weights, or "pkg.module:object".
        inputs: What the GRU was given, (T, B, I), or (T, I); None: standard normal numbers, of
            `steps` and `members`, drawn from `seed`.
        state: The initial state, (L·D, B, H) or (B, H); None: zeros.
        batch_first: Whether inputs are (B, T, I).
        gru: Which GRU of the model, where it has several.
        layout: The layout of the arrays, where their names do not tell.
        reset: "after" or "before" the recurrent product, where the arrays do not tell.
        update: What z multiplies, "keep" the state or "replace" it.
        formats: What to compare with float64.
        steps: T of inputs that are drawn.
        members: B of inputs that are drawn.
        seed: Draws them.

    Raises:
        ValueError: nothing there can be diagnosed; the message has names and shapes.
    """
    named = model_of(
        os.fspath(model) if isinstance(model, os.PathLike) else model,
        gru=gru,
        layout=layout,
        reset=reset,
        update=update,
    )
    if inputs is None:
        # Only where inputs are drawn: recorded ones are what the embedding made.
        require_no_embedding(named)
        given = drawn_inputs(named, steps, members, seed)
    else:
        given = given_inputs(named, inputs, state=state, batch_first=batch_first, source="as given")
    return diagnosed(named, given, formats)


def diagnosed(model: Model, given: Given, formats: str | Iterable[Format | str]) -> Diagnosis:
    """The same of a model and inputs that are read and checked already."""
    # All that follows keeps every activation of a layer, in float64.
    given = fitting(model, given)
    T, B, _ = given.inputs.shape
    wanted = formats_named(formats)
    layers = tuple(_layer(row, wanted) for row in rows_of(model.gru, given))
    return Diagnosis(model.gru, given.source, given.recorded, T, B, layers)


def _layer(row: Row, formats: tuple[Format, ...]) -> Layer:
    windows = windows_of(*row.sizes)
    found = norms_by_lag(row, windows)
    memory = memory_of(found)
    return Layer(
        row.layer,
        row.direction,
        row.cell.variant.update,
        memory,
        units_of(row),
        variance_of(row),
        windows,
        found,
        terms_of(row),
        claims_of(row, windows, found, memory),
        spectrum_of(found.jacobians),
        tuple(in_format(row, fmt) for fmt in formats),
        # Copied: a view would keep the gates of all members alive with it.
        row.z[:, 0].copy(),
        row.r[:, 0].copy(),
    )
