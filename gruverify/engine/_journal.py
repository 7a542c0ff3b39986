"""Cases that an earlier run of the same judged: they are drawn again, and what was found of them is
taken over.

So everything that follows from the cases, from the first failure to the witnesses, comes about as
in a run that was never killed.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gruverify._named import JsonObject
from gruverify.cell import AnyCase
from gruverify.coverage import Coverage
from gruverify.engine._codec import (
    decode_coverage,
    decode_judgement,
    encode_coverage,
    encode_judgement,
)
from gruverify.engine._events import CasesJudged, JudgedCase, Listener
from gruverify.engine._judge import Judgement
from gruverify.engine._witness import encode_variant, particulars

#: What was found of cases, by the stream and the number there (see `JudgedCase`).
Judged: TypeAlias = Mapping[tuple[str, int], bytes]
#: Seconds between two messages: a run that is killed loses no more work than this and a case.
_OFTEN = 0.5


@dataclass
class CpuClock:
    """The processor seconds of this process since the clock was made, and those of what was taken
    over.
    """

    taken: float = 0.0
    _began: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        """Both together."""
        return self.taken + time.process_time() - self._began


@dataclass(frozen=True)
class Found:
    """How a case was judged, and what it visited."""

    judgements: tuple[Judgement, ...]
    visited: Coverage


@dataclass
class Journal:
    """Of one format: `judged`, the cases that were judged before; the others are told to the
    listener.
    """

    format: str
    judged: Judged
    listener: Listener
    cpu: CpuClock
    _new: list[JudgedCase] = field(default_factory=list)
    _sent: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.process_time)

    def found(self, stream: str, number: int, case: AnyCase, asked: Sequence[str]) -> Found | None:
        """What was found of a case that is asked these invariants, by id; None if it has to be
        judged.

        It was found of the very same case, bit for bit, and the same invariants: else it is not
        taken over.
        """
        # From here on until the case is kept: what judging it took, drawing left out.
        self._began = time.process_time()
        if (stream, number) not in self.judged:
            return None
        try:
            return self._taken_over(
                json.loads(zlib.decompress(self.judged[stream, number])), case, asked
            )
        except (zlib.error, ValueError, KeyError, TypeError):  # bits that have changed on the disk
            return None

    def keep(self, stream: str, number: int, case: AnyCase, found: Found) -> None:
        """Have a case kept that was judged now."""
        cpu = time.process_time() - self._began
        values = {
            "case": digest_of(case),
            "judgements": [encode_judgement(judgement) for judgement in found.judgements],
            "visited": encode_coverage(found.visited),
            "cpu": cpu,
        }
        self._new.append(
            JudgedCase(stream, number, zlib.compress(json.dumps(values).encode()), cpu)
        )
        if time.monotonic() > self._sent + _OFTEN:
            self.send()

    def _taken_over(self, values: JsonObject, case: AnyCase, asked: Sequence[str]) -> Found | None:
        # Another version of a strategy or of the catalogue may have drawn or asked something else.
        if values["case"] != digest_of(case) or [id for id, *_ in values["judgements"]] != list(
            asked
        ):
            return None
        judgements = tuple(decode_judgement(judgement) for judgement in values["judgements"])
        found = Found(judgements, decode_coverage(values["visited"]))
        # So that a run in two parts says what one in a single part would have taken.
        self.cpu.taken += values["cpu"]
        return found

    def send(self) -> None:
        """Tell of what was judged since this was last done."""
        self._sent = time.monotonic()
        if self._new:
            self.listener(CasesJudged(self.format, tuple(self._new)))
            self._new.clear()


def digest_of(case: AnyCase) -> str:
    """What tells a case from any other: format, variant, sizes, how it is called, and every bit of
    its arrays.
    """
    found = hashlib.blake2b(digest_size=16)
    about: list[Any] = [
        case.format.name,
        encode_variant(case.variant),
        case.sizes,
        particulars(case),
    ]
    # Names stand before arrays, and sizes before all: no two cases have the same bytes in a row.
    found.update(json.dumps(about).encode())
    for name, array in case.arrays().items():
        found.update(name.encode())
        found.update(array.tobytes())
    return found.hexdigest()
