"""Rounding, a bug, or undecidable: the verdict on what was recorded of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify._named import DeclaredValues
from gruverify.arithmetic import Format, Said
from gruverify.cell import Cell, Stack
from gruverify.engine import ENOUGH
from gruverify.judging._causes import (
    Cause,
    causes,
    first_step_that_explains,
    function_accuracy_that_explains,
    source_of,
)
from gruverify.judging._held import Entry, Held, Source, every_direction, share_within
from gruverify.judging._leaning import Leaning, leaning_of, unsought
from gruverify.judging._record import Record, record

Verdict: TypeAlias = Literal["rounding", "bug", "undecidable"]

#: Why nothing is decided where nothing was compared.
NO_STEP = "no step was recorded: every length is 0"


@dataclass(frozen=True)
class Ruling:
    """What a record is worth.

    verdict: "rounding" if every number is within its bound and the bounds claim enough; "bug" if
    one is beyond it and nothing but another GRU explains that; "undecidable" if the bounds claim
    too little, if less accuracy than was declared explains everything, or if the errors of all
    steps together lean, which `leaning` says. entries: how many numbers
    were judged, and claimed: of how many the bound claims something; beyond: how many are beyond
    it. worst is the number nearest to its bound, or farthest beyond it, first the worst one of the
    first step with one beyond it. cause explains a bug, or says what to declare; hint is what would
    explain it besides. where says which steps, members and units are off, notes what was found out
    about formats.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    format: Format
    sizes: Mapping[str, int]
    entries: int
    claimed: int
    beyond: int
    worst: Entry | None
    first: Entry | None = None
    cause: Cause | None = None
    hint: Cause | None = None
    where: str = ""
    notes: tuple[str, ...] = ()
    declared: DeclaredValues | None = None
    leaning: Leaning | None = None
    unsought: str = ""


def judge(
    model: Cell | Stack,
    inputs: npt.ArrayLike,
    outputs: npt.ArrayLike,
    *,
    state: npt.ArrayLike | None = None,
    lengths: npt.ArrayLike | None = None,
    format: Format | str | None = None,
    batch_first: bool = False,
    activations: Said = ("sigmoid", "tanh"),
    keep: npt.ArrayLike | None = None,
    restart: npt.ArrayLike | None = None,
    zero_outputs: bool = False,
    leaning: bool = True,
    **declared: object,
) -> Ruling:
    """Whether recorded outputs differ from the mathematics by rounding alone.

    model: the weights; inputs: (T, B, I), or (B, T, I) with batch_first, or (T, I) without a batch;
    outputs: (T, B, D·H) alike, those of the last layer, or (L, T, B, D·H) those of every layer;
    state: the initial one, (L·D, B, H) or, of a single cell, (B, H), zeros unless given; lengths:
    (B,), what stands after a member's last step is not judged; format: that the run was computed
    in, the weights' unless given; activations: the functions of the gates and of the candidate, as
    ("hard_sigmoid(0.2, 0.5)", "relu"), or those of both directions; keep: (T, B), 1 where a step is
    masked and the state stays, or of a single layer (T, B, D·H), the mask of zoneout or its shares;
    restart: (T, B), 1 where a step starts from zeros; zero_outputs: whether 0 is returned of masked
    steps; leaning: whether to look for what the errors of all steps have in common; declared: what
    the implementation declares of its accuracy, such as kappa_sigma=5 or accumulates="float64" (see
    docs/tolerances.md).

    Raises:
        BadRecord: an array does not fit the weights; the message names it with shapes and letters.
        BadDeclaration: a declaration is unknown, or has a value that it cannot have.
    """
    found = record(
        model,
        inputs,
        outputs,
        state=state,
        lengths=lengths,
        format=format,
        batch_first=batch_first,
        activations=activations,
        keep=keep,
        restart=restart,
        zero_outputs=zero_outputs,
    )
    return rule(found, declared, leaning=leaning)


def rule(
    found: Record, declared: DeclaredValues, *, explain: bool = True, leaning: bool = True
) -> Ruling:
    """The verdict on a record: see `judge`. explain: whether to look for what explains a number
    beyond its bound; without, it is a bug.
    """
    # Bounds overflow to infinity where nothing can be claimed, which is counted and no error.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        source = source_of(found, declared)
        each = every_direction(source)
        failed = [one for one in each if one.beyond.any()]
        if failed and explain:
            return _failed(source, declared, each, failed)
        if failed:
            return ruling_of("bug", (), found, declared, each)
        entries, claimed = share_within(each)
        reasons = _too_little(found, each, entries, claimed)
        if reasons:
            return ruling_of("undecidable", reasons, found, declared, each)
        ruling = ruling_of("rounding", (), found, declared, each)
        if leaning:
            ruling = _together(ruling, source, declared, each)
    return ruling


def _together(
    ruling: Ruling, source: Source, declared: DeclaredValues, each: Sequence[Held]
) -> Ruling:
    """The same, unless the errors of all steps have something in common."""
    why = next(filter(None, (unsought(source, one) for one in each)), "")
    leaning = leaning_of(source, each)
    if leaning is None:
        return replace(ruling, unsought=why)
    found = [_place(leaning, source.record) + str(leaning)]
    if _decides(source.record, declared, "float64"):
        found.append("it is a bug if sums add up in float64: declare accumulates='float64'")
    return replace(
        ruling, verdict="undecidable", reasons=tuple(found), leaning=leaning, unsought=why
    )


def _place(leaning: Leaning, found: Record) -> str:
    """The layer and direction, where there are several."""
    layer = f"layer {leaning.layer}: " if found.stack.layers > 1 else ""
    if leaning.direction:
        return f"{layer}backward, "
    return layer


def _decides(found: Record, declared: DeclaredValues, accumulates: str) -> bool:
    """Whether a number is beyond its bound if sums add up in another format."""
    if declared.get("accumulates") is not None or found.format.name == accumulates:
        return False
    source = source_of(found, {**declared, "accumulates": accumulates})
    return any(one.beyond.any() for one in every_direction(source))


def _failed(
    source: Source, declared: DeclaredValues, each: Sequence[Held], failed: Sequence[Held]
) -> Ruling:
    found = source.record
    one_unit = _singled_out(failed)
    # A generator: each cause may judge the whole record again, and the first one is enough.
    tried = causes(source, declared, failed, one_unit=one_unit)
    cause = next((cause for cause in tried if cause is not None), None)
    if cause is not None and cause.is_accuracy:
        reasons = (f"it is rounding if this GRU has {cause.words}: {cause.advice}",)
        return ruling_of("undecidable", reasons, found, declared, each, cause=cause)
    if cause is not None:
        return _another_gru(cause, found, declared, each)
    if one_unit:
        reason = "no other reading explains it, and less accuracy would not single out one unit"
        return ruling_of("bug", (reason,), found, declared, each)
    # A hint and no excuse: wide enough a κ explains many a bug.
    hint = function_accuracy_that_explains(found, declared, failed)
    if hint is None:
        cause = first_step_that_explains(source, failed)
    if cause is not None:
        return _another_gru(cause, found, declared, each)
    return ruling_of("bug", ("no other reading explains it",), found, declared, each, hint=hint)


def _another_gru(
    cause: Cause, found: Record, declared: DeclaredValues, each: Sequence[Held]
) -> Ruling:
    """A bug that is explained."""
    reason = f"this explains all of it: {cause.words}"
    return ruling_of("bug", (reason,), found, declared, each, cause=cause)


#: From that many numbers on, all in one unit of a direction that has at least as many units, one
#: unit is singled out.
_MANY = 8


def _singled_out(failed: Sequence[Held]) -> bool:
    """Whether it is single units that are off: less accurate sums or functions would spare none for
    long.
    """
    for one in failed:
        units = np.count_nonzero(one.beyond.any((0, 1)))
        if units > 1 or min(one.beyond.shape[2], np.count_nonzero(one.beyond)) < _MANY:
            return False
    return True


def ruling_of(
    verdict: Verdict,
    reasons: tuple[str, ...],
    found: Record,
    declared: DeclaredValues,
    each: Sequence[Held],
    *,
    cause: Cause | None = None,
    hint: Cause | None = None,
) -> Ruling:
    """The verdict with what it rests on: what was held, direction by direction."""
    entries, claimed = share_within(each)
    firsts = [one.first for one in each if one.first is not None]
    worst = max(
        (one.worst for one in each if one.worst is not None),
        key=lambda entry: entry.margin,
        default=None,
    )
    T, B, I = found.inputs.shape
    s = found.stack
    return Ruling(
        verdict,
        reasons,
        found.format,
        {"L": s.layers, "D": s.directions, "H": s.hidden_size, "I": I, "B": B, "T": T},
        entries,
        claimed,
        sum(int(np.count_nonzero(one.beyond)) for one in each),
        worst,
        min(firsts, key=lambda entry: (entry.layer, entry.step), default=None),
        cause,
        hint,
        _where([one for one in each if one.beyond.any()]),
        found.notes,
        dict(declared),
    )


def _too_little(found: Record, each: Sequence[Held], entries: int, claimed: int) -> tuple[str, ...]:
    """Why the bounds claim too little for a verdict; nothing if they do not."""
    if not entries:
        return (NO_STEP,)
    # The same share as `gruverify check` asks for before it says that a target conforms.
    if claimed >= ENOUGH * entries:
        return ()
    reasons = [f"of {entries:,} numbers the bounds claim something of {claimed:,} alone"]
    lost = sum(int(np.count_nonzero(~np.isfinite(one.recorded[one.there]))) for one in each)
    if lost or not np.isfinite(found.inputs.astype(np.float64)).all():
        reasons.append(
            "inputs or outputs are not finite there, and nothing is known of the steps after such "
            "a number"
        )
    if len(found.outputs) < found.stack.layers:
        reasons.append(
            "inner layers are not recorded, and what rounding may do to them is not small: "
            "record the outputs of every layer, (L, T, B, D·H), to decide"
        )
    elif not lost:
        reasons.append(
            f"sums in {found.format.name} may lose as much: declare accumulates, if they add up "
            "in more"
        )
    return tuple(reasons)


def _where(failed: Sequence[Held]) -> str:
    """Which steps, members and units are off, where that tells something."""
    parts = list[str]()
    for one in failed:
        beyond = one.beyond
        steps, members, units = (
            np.flatnonzero(beyond.any(other)) for other in ((1, 2), (0, 2), (0, 1))
        )
        T, B, H = beyond.shape
        if len(failed) == 1:
            place = ""
        elif one.direction:
            place = f"layer {one.layer} backward: "
        else:
            place = f"layer {one.layer}: "
        said = [f"{len(steps)} of {T} steps"]
        said += [f"{len(members)} of {B} members"] if B > 1 else []
        if len(units) == 1 and H > 1:
            only = f"unit {units[0]} alone"
        else:
            only = f"{len(units)} of {H} units"
        parts.append(f"{place}{', '.join([*said, only])}")
    return "; ".join(parts)
