"""Cases worth trying first, in a database of Hypothesis: what failed, and what came closest to a
bound.

Hypothesis keeps the choices that lead to an example under a digest of the test, which another test
cannot read. Ours are cases, under the target's name: whoever has the target can try them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gruverify.engine._result import Result
from gruverify.engine._saved import Saved
from gruverify.engine._witness import (
    SCHEMA,
    BadWitness,
    Witness,
    decode_witness,
    encode_witness,
)

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

#: What a kept case is the one of: target, invariant and format; of the closest there is one per
#: target and format.
_Place = tuple[str, str, str]


def key_of(target: str) -> bytes:
    """Where the cases of a target are, whatever it is a database of beside."""
    return f"gruverify witnesses {SCHEMA} {target}".encode()


def saved_in(database: ExampleDatabase, target: str) -> Saved:
    """The cases of a target in a database, small ones first, and how many cannot be read, in a
    line.
    """
    found, unreadable = list[Witness](), 0
    for value in database.fetch(key_of(target)):
        try:
            found.append(decode_witness(_unpacked(value)))
        except BadWitness:
            unreadable += 1
    lines = list[str]()
    if unreadable:
        lines.append(f"{unreadable} saved cases of {target} cannot be read by this version")
    return Saved(tuple(sorted(found, key=Witness.order)), tuple(lines))


@dataclass
class Corpus:
    """What is kept in a database of the targets of a campaign."""

    database: ExampleDatabase
    _kept: dict[_Place, set[bytes]] = field(default_factory=dict)
    _seen: dict[_Place, Witness] = field(default_factory=dict)

    def saved(self, target: str) -> Saved:
        """What was kept before of a target. What comes closer than that takes its place."""
        found = saved_in(self.database, target)
        for witness in found.witnesses:
            if witness.residual.margin <= 1:
                self._kept.setdefault(_closest(witness), set()).add(_packed(witness))
        return found

    def keep(self, result: Result) -> bool:
        """Keep of a target the smallest case of each failure that repeats, and the closest case of
        each format, in place of what was kept of them; whether all of that is in the database.
        """
        written = True
        for place, witness in _worth_keeping(result):
            written &= self._put(place, witness)
        return written

    def _put(self, place: _Place, witness: Witness) -> bool:
        # A result that others were merged into has the same witness, unless there is a smaller one.
        if self._seen.get(place) is witness:
            return True
        key, value = key_of(witness.target), _packed(witness)
        before = self._kept.get(place, set())
        # The new one first: who is killed in between has both.
        self.database.save(key, value)
        if value not in self.database.fetch(key):  # a full disk, of which Hypothesis says nothing
            return False
        for other in before - {value}:
            self.database.delete(key, other)
        self._kept[place], self._seen[place] = {value}, witness
        return True


def _worth_keeping(result: Result) -> Iterator[tuple[_Place, Witness]]:
    for place, witness in result.witnesses.items():
        # What does not fail each time would stop a test at random.
        if place not in result.flaky:
            yield (witness.target, *place), witness
    for witness in result.closest.values():
        yield _closest(witness), witness


def _closest(witness: Witness) -> _Place:
    return witness.target, "", witness.case.format.name


def _packed(witness: Witness) -> bytes:
    return zlib.compress(json.dumps(encode_witness(witness), sort_keys=True).encode(), 9)


def _unpacked(value: bytes) -> Any:
    try:
        return json.loads(zlib.decompress(value))
    except (zlib.error, ValueError, RecursionError):
        raise BadWitness("this is not a case of gruverify") from None
