"""Two outputs of one model: where they part, and how far apart rounding alone may take them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import STATES
from gruverify.judging._causes import source_of
from gruverify.judging._envelope import affordable, envelope
from gruverify.judging._held import Source
from gruverify.judging._order import reordered
from gruverify.judging._record import Record
from gruverify.judging._ruling import Ruling
from gruverify.judging._walk import Floats, initial


@dataclass(frozen=True, eq=False)
class Distance:
    """Two records of the same run, step by step.

    apart: the largest difference of any entry, by step (T,); explained: how large it may be by
    rounding alone, by step (T,), infinite where nothing can be said; None if it was not found, and
    why_not says why.
    part: the first step, member and column at which they differ; None if they are the same bit for
    bit. most: how far apart any two states are, GRU or not.
    """

    apart: Floats
    explained: Floats | None
    part: tuple[int, int, int] | None
    why_not: str = ""
    most: float = STATES

    @property
    def sentence(self) -> str:
        """The distance and what it means, in one sentence."""
        if self.part is None:
            return "the two outputs are equal, bit for bit"
        t, b, i = self.part
        if np.isfinite(self.apart).any():
            k = int(np.nanargmax(self.apart))
        else:
            k = len(self.apart) - 1
        said = (
            f"they part at t={t} (member {b}, column {i}), and are at most "
            f"{self.apart[k]:.2g} apart, at t={k}"
        )
        if self.explained is None:
            return f"{said}; {self.why_not}"
        if not np.isfinite(self.explained[k]):
            return (
                f"{said}; no bound over {k + 1} steps is finite, and each was judged step by "
                "step alone"
            )
        if self.explained[k] >= self.most:
            return (
                f"{said}; a bound over {k + 1} steps says nothing here, and each was judged step "
                "by step alone"
            )
        return (
            f"{said}: after {k + 1} steps a difference of {self.explained[k]:.2g} is "
            "explained by rounding"
        )


def distance(
    one: Record, other: Record, declared: DeclaredValues, rulings: tuple[Ruling, Ruling]
) -> Distance:
    """How far two outputs of the same model and inputs are apart, and how far they may be.

    What rounding explains is found where each of them is a run that rounding allows, step by step.
    """
    last = one.stack.layers - 1
    pair = [record.outputs[last].astype(np.float64) for record in (one, other)]
    there = (np.arange(one.steps)[:, None] < one.lengths)[..., None]
    # NaN next to NaN is alike, and so is padding, whatever stands there.
    alike = (pair[0] == pair[1]) | (np.isnan(pair[0]) & np.isnan(pair[1])) | ~there
    with np.errstate(invalid="ignore"):
        apart = np.where(alike, 0.0, np.abs(pair[0] - pair[1]))
    differ = np.argwhere(~alike)
    if not len(differ):
        part = None
    else:
        part = (int(differ[0][0]), int(differ[0][1]), int(differ[0][2]))
    curve = apart.max((1, 2))
    if part is None:
        return Distance(curve, None, None)
    # Only of two runs that rounding allows does the bound on their distance speak.
    if any(ruling.verdict != "rounding" and ruling.leaning is None for ruling in rulings):
        return Distance(curve, None, part, "not both are what rounding allows, step by step")
    # The member that is farthest apart speaks for all.
    member = int(np.nan_to_num(apart).max((0, 2)).argmax())
    walks = one.stack.layers * one.stack.directions
    if not affordable(one.steps, walks, one.stack.hidden_size):
        return Distance(
            curve, None, part, "what rounding may come to takes too long to find at this size"
        )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        own = _explained(_of_member(one, member), _of_member(other, member), declared)
    # Behind its last step the member has no numbers that could differ.
    radius = np.concatenate([own, np.zeros(one.steps - len(own))])
    most = one.functions[0].scale or np.inf
    return Distance(apart[:, member].max(-1), radius, part, most=most)


def _of_member(record: Record, b: int) -> Record:
    """The record of one member alone, as long as it is."""
    n = int(record.lengths[b])
    outputs = {layer: values[:n, b : b + 1] for layer, values in record.outputs.items()}
    return replace(
        record,
        inputs=record.inputs[:n, b : b + 1],
        outputs=outputs,
        state=record.state[:, b : b + 1],
        lengths=record.lengths[b : b + 1],
    )


def _explained(one: Record, other: Record, declared: DeclaredValues) -> Floats:
    """How far apart rounding may take two runs, by step (T,): all layers enclosed, for each may
    differ in both.
    """
    last = one.stack.layers - 1
    alone = replace(one, outputs={last: one.outputs[last]})
    source = source_of(alone, declared)
    second = Source(other, source.model)
    found = list[Floats]()
    for direction in range(one.stack.directions):
        index, xs, states, _ = source.walk(last, direction)
        first = initial(one, source.model.mode, last, direction)
        around = envelope(source.model, last, direction, xs, first, through=states)
        stored = second.walk(last, direction)[2]
        radius = around.radius
        assert radius is not None  # an envelope has a radius
        if stored.radius is not None:
            radius = radius + stored.radius
        found.append(reordered(radius, index).max((1, 2)))
    furthest: Floats = np.maximum.reduce(found)
    return furthest
