"""Last states of which nothing else is recorded: held from the initial state, wherever rounding may
take a run in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import Ball, NDArray, as_recorded, format_of
from gruverify.engine import ENOUGH, readings
from gruverify.judging._causes import Cause, source_of
from gruverify.judging._held import Held, Source, share_within
from gruverify.judging._record import Record
from gruverify.judging._ruling import NO_STEP, Ruling, ruling_of

#: How many departures of a reading are tried, on runs of up to that many steps of members.
_DEPARTURES, _SOUGHT = 2, 8


def rule_last(
    found: Record,
    last: Mapping[int, NDArray],
    declared: DeclaredValues,
    *,
    explain: bool = True,
) -> Ruling:
    """The verdict on last states (D, B, H) by layer. Nothing else of those layers is taken from the
    record: its outputs may be there of others, or of none. explain: as `rule` has it.
    """
    outputs = {layer: values for layer, values in found.outputs.items() if layer not in last}
    alone = replace(found, outputs=outputs)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        source = source_of(alone, declared)
        each = _held(source, last)
        if any(one.beyond.any() for one in each):
            if not explain:
                return ruling_of("bug", (), found, declared, each)
            cause = _reading_that_explains(source, last)
            reason = "no other reading was found to explain it"
            if cause is not None:
                reason = f"this explains all of it: {cause.words}"
            return ruling_of("bug", (reason,), found, declared, each, cause=cause)
    entries, claimed = share_within(each)
    if not entries:
        return ruling_of("undecidable", (NO_STEP,), found, declared, each)
    if claimed >= ENOUGH * entries:
        return ruling_of("rounding", (), found, declared, each)
    reason = (
        f"of {entries:,} last states the bounds claim something of {claimed:,} alone: what "
        "rounding may do on the way to them is not small"
    )
    return ruling_of("undecidable", (reason,), found, declared, each)


def _reading_that_explains(source: Source, last: Mapping[int, NDArray]) -> Cause | None:
    """The reading that departs least and holds of all of them."""
    declared, found = source.record.stack.variant, list[str]()
    if source.record.steps * len(source.record.lengths) > _SOUGHT:
        return None  # each reading has a run of its own to enclose
    least = _DEPARTURES
    for reading in readings(declared)[1:]:
        differences = reading.differences(declared)
        if len(differences) > least:
            break
        each = _held(source.read_as(reading), last)
        if all(not one.beyond.any() and one.residual.claims for one in each):
            found.append(", ".join(differences))
            least = len(differences)
    if not found:
        return None
    return Cause(found[0], {}, tuple(found[1:]))


def _held(source: Source, last: Mapping[int, NDArray]) -> list[Held]:
    """Each direction of these layers, as one step."""
    found = list[Held]()
    for layer, states in last.items():
        around = source.inputs(layer + 1)
        H, fmt = source.record.stack.hidden_size, format_of(states.dtype)
        record = replace(source.record, outputs={layer: states})  # which says their format
        for direction, recorded in enumerate(states):
            # The state behind each member's last step; backward that is the one at t = 0.
            lengths = source.record.lengths
            ends = lengths - 1 if direction == 0 else np.zeros_like(lengths)
            place = ends, np.arange(len(lengths)), slice(direction * H, (direction + 1) * H)
            radius = None if around.radius is None else around.radius[place]
            ball = as_recorded(Ball(source.model.mode, around.mid[place], radius), fmt)
            found.append(
                Held(
                    layer,
                    direction,
                    record,
                    recorded[None].astype(np.float64),
                    ball.mid[None],
                    np.where(around.lost[place[:2]][:, None], np.inf, ball.radius)[None],
                    (lengths > 0)[None],
                    ends[None],
                )
            )
    return found
