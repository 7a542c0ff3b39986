"""A unit of a campaign: some cases of a target in one format, the same wherever and whenever they
are judged.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any

from gruverify._named import JsonObject
from gruverify.arithmetic import Format
from gruverify.backends import (
    TargetDied,
    in_subprocess,
    limits,
    processes,
    resolve,
    set_limits,
)
from gruverify.campaigning._subject import Subject
from gruverify.cell import AnyCase
from gruverify.engine import (
    Aim,
    Event,
    Plan,
    ProcessDied,
    Result,
    Witness,
    check_apart,
    drawn_again,
    encode_death,
    encode_part,
    encode_witness,
)
from gruverify.invariants import Residual
from gruverify.store import KeptUnit

#: Parts of a result that another run of the same does not repeat.
_TIMES = ("seconds", "cpu")


@dataclass(frozen=True)
class Unit:
    """So many cases of a target in one format; `block` counts the units of both, from 0.

    aim: what its cases are drawn at, None: at random.
    """

    target: str
    format: Format
    block: int
    cases: int
    aim: Aim | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the other units of its campaign."""
        return self.target, self.format.name, self.block

    @property
    def aim_text(self) -> str:
        """What it is aimed at, as the store has it."""
        if self.aim is None:
            return ""
        # Compared as text with what the store has: a unit with another aim is another unit.
        return json.dumps(asdict(self.aim))

    def plan(self, plan: Plan) -> Plan:
        """Its part of the campaign's plan: that of `gruverify check` with a seed of its own, unless
        it is aimed.
        """
        own = replace(plan, formats=(self.format,), seed=seed_of(plan.seed, self.block))
        return replace(own, max_cases=self.cases, aim=self.aim)


def seed_of(seed: int, block: int) -> int:
    """The seed of a block of a campaign."""
    # Six bytes: short enough to be typed in `gruverify check --seed`, and too many to meet twice.
    return int.from_bytes(hashlib.sha256(f"{seed}/block {block}".encode()).digest()[:6], "big")


@dataclass(frozen=True)
class Task:
    """A unit, and all that is needed to work on it: the campaign's plan, what the target is where
    the campaign was begun, the seconds that it may be silent, and the bytes that it may take.
    """

    unit: Unit
    plan: Plan
    subject: Subject
    patience: float
    memory: int


def work(task: Task) -> KeptUnit:
    """What a unit finds. A target that dies in it is a finding, and ends a child process alone."""
    plan, deaths = task.unit.plan(task.plan), list[ProcessDied]()
    # A worker of a cluster was started by somebody else, without the options of this command.
    set_limits(replace(limits(), memory=task.memory))

    def keep(event: Event) -> None:
        if isinstance(event, ProcessDied):
            deaths.append(event)

    found = check_apart(task.unit.target, plan, task.subject.header, task.patience, keep)
    return KeptUnit(packed(_values(task, plan, found, deaths)), found.cpu or 0.0)


def packed(values: JsonObject) -> bytes:
    """What a unit found, the same bytes for the same values."""
    return zlib.compress(json.dumps(values, sort_keys=True).encode(), 9)


def unpacked(content: bytes) -> Any:
    """The values that `packed` stored."""
    return json.loads(zlib.decompress(content))


def _values(task: Task, plan: Plan, found: Result, deaths: list[ProcessDied]) -> JsonObject:
    # Without what another run does not repeat, a unit is a function of its key, byte for byte.
    part = {name: value for name, value in encode_part(found).items() if name not in _TIMES}
    crashes = found.crashes
    if plan.aim is not None:  # no options of `check` draw the same
        crashes = tuple(crash.partition("; again: ")[0] for crash in crashes)
    told = list[JsonObject]()
    for died in deaths:
        witness = _witness_of(task, plan, died)
        encoded = None if witness is None else encode_witness(witness)
        told.append({**encode_death(died.death), "number": died.number, "witness": encoded})
    return {"part": part, "crashes": list(crashes), "deaths": told}


def _witness_of(task: Task, plan: Plan, died: ProcessDied) -> Witness | None:
    """The case that the target died of. It is drawn again, without calling the target."""
    target, asked = task.unit.target, (plan, task.unit.format, died.number)
    context = processes(target)
    try:
        case = in_subprocess(context, _drawn, target, *asked, name=target, patience=task.patience)
    except TargetDied:
        return None
    if case is None:
        return None
    nan, inf = float("nan"), float("inf")
    return Witness(
        target, died.death.call.invariant, case, Residual(str(died.death), nan, nan, inf, 0.0, inf)
    )


def _drawn(target: str, plan: Plan, fmt: Format, number: int) -> AnyCase | None:
    return drawn_again(plan, resolve(target), fmt, number)
