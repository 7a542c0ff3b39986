"""What a run found, as JSON values that read back to the same: finished formats, and judgements of
single cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from gruverify._named import JsonObject
from gruverify.backends import Call
from gruverify.coverage import Coverage
from gruverify.engine._conditions import Outcomes
from gruverify.engine._deaths import Death
from gruverify.engine._drawn import Drawn
from gruverify.engine._flaky import Flaky
from gruverify.engine._judge import NOT_SHOWN, Judgement
from gruverify.engine._less_accurate import LessAccurate
from gruverify.engine._result import Result
from gruverify.engine._saved import Replay, Saved
from gruverify.engine._tally import NO_CASES, Tally
from gruverify.engine._witness import (
    decode_residual,
    decode_witness,
    encode_residual,
    encode_witness,
    number_as_json,
    read_number,
)
from gruverify.invariants import INVARIANTS


def encode_part(part: Result) -> JsonObject:
    """A result of finished formats, but for its header, crashes and explanation: those are of the
    whole run.
    """
    return {
        # Keys of several parts are lists: an object of JSON has strings alone for keys.
        "tallies": [[*key, encode_tally(tally)] for key, tally in part.tallies.items()],
        "witnesses": [
            [*place, encode_witness(witness)] for place, witness in part.witnesses.items()
        ],
        "coverage": {fmt: encode_coverage(coverage) for fmt, coverage in part.coverage.items()},
        "drawn": [[*key, asdict(drawn)] for key, drawn in part.drawn.items()],
        "hints": [[*key, hint] for key, hint in part.hints.items()],
        "lesser": {
            fmt: None if found is None else _encode_lesser(found)
            for fmt, found in part.lesser.items()
        },
        "ended_early": part.ended_early,
        "flaky": [[*place, asdict(found)] for place, found in part.flaky.items()],
        "replays": [[replay.invariant, replay.format, replay.fate] for replay in part.replays],
        "closest": {fmt: encode_witness(witness) for fmt, witness in part.closest.items()},
        "seconds": part.seconds,
        "cpu": part.cpu,
    }


def decode_part(values: JsonObject, header: JsonObject) -> Result:
    """The result that `encode_part` wrote, as one of a run with that header.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    return Result(
        header,
        {(id, fmt, variant): decode_tally(tally) for id, fmt, variant, tally in values["tallies"]},
        {(id, fmt): decode_witness(witness) for id, fmt, witness in values["witnesses"]},
        True,
        values["seconds"],
        coverage={fmt: decode_coverage(coverage) for fmt, coverage in values["coverage"].items()},
        drawn={(fmt, kind): _decode_drawn(drawn) for fmt, kind, drawn in values["drawn"]},
        hints={(fmt, kind): hint for fmt, kind, hint in values["hints"]},
        lesser={
            fmt: None if found is None else LessAccurate(**found)
            for fmt, found in values["lesser"].items()
        },
        # Stores of before it was counted have none.
        ended_early=values.get("ended_early", {}),
        cpu=values["cpu"],
        flaky={(id, fmt): Flaky(**found) for id, fmt, found in values["flaky"]},
        replays=tuple(Replay(id, fmt, fate) for id, fmt, fate in values["replays"]),
        # Parts of gruverify 0.1 have none.
        closest={fmt: decode_witness(each) for fmt, each in values.get("closest", {}).items()},
    )


# -- tallies and judgements ------------------------------------------------------------------------


def encode_tally(tally: Tally) -> JsonObject:
    """What differs from a tally of no cases."""
    found = {f.name: getattr(tally, f.name) for f in fields(Tally)}
    # Most fields of most tallies are 0, and a long run keeps hundreds of thousands of them.
    found = {name: value for name, value in found.items() if value != getattr(NO_CASES, name)}
    for name, encode in _ENCODED.items():
        if name in found:
            found[name] = encode(found[name])
    return found


def decode_tally(values: JsonObject) -> Tally:
    """The tally that `encode_tally` wrote."""
    return Tally(
        **{
            name: _DECODED[name](value) if name in _DECODED else value
            for name, value in values.items()
        }
    )


_ENCODED: JsonObject = {
    "largest": number_as_json,
    "histogram": lambda counts: {str(bin): count for bin, count in sorted(counts.items())},
    # In hexadecimal: each number holds some 200 counts, and decimal takes time that grows with the
    # square of that.
    "outcomes": lambda outcomes: [f"{outcomes.failed:x}", f"{outcomes.passed:x}"],
}
_DECODED: JsonObject = {
    "largest": read_number,
    "histogram": lambda counts: {int(bin): count for bin, count in counts.items()},
    "outcomes": lambda counts: Outcomes(*(int(count, 16) for count in counts)),
}


def encode_judgement(judgement: Judgement) -> list[Any]:
    """How an invariant judged a case; the residual only of a failure, for no other is shown."""
    if judgement.failed:
        residual = encode_residual(judgement.residual)
    else:
        residual = None
    return [judgement.invariant.id, encode_tally(judgement.tally), judgement.obstacle, residual]


def decode_judgement(values: Iterable[Any]) -> Judgement:
    """The judgement that `encode_judgement` wrote."""
    id, tally, obstacle, residual = values
    if residual is None:
        shown = NOT_SHOWN
    else:
        shown = decode_residual(residual)
    return Judgement(INVARIANTS[id], decode_tally(tally), shown, obstacle)


# -- the rest --------------------------------------------------------------------------------------


def encode_coverage(coverage: Coverage) -> JsonObject:
    """Hits by group, in the group's shape, and what cannot be reached."""
    excluded = [[group, list(bin), why] for (group, bin), why in coverage.excluded.items()]
    return {
        "hits": {name: hits.tolist() for name, hits in coverage.hits.items()},
        "excluded": excluded,
    }


def decode_coverage(values: JsonObject) -> Coverage:
    """The coverage that `encode_coverage` wrote."""
    hits = {name: np.array(counts, np.int64) for name, counts in values["hits"].items()}
    return Coverage(hits, {(group, tuple(bin)): why for group, bin, why in values["excluded"]})


def encode_saved(saved: Saved) -> JsonObject:
    """Saved witnesses that a run tries."""
    return {
        "witnesses": [encode_witness(each) for each in saved.witnesses],
        "left_out": list(saved.left_out),
    }


def decode_saved(values: JsonObject) -> Saved:
    """The saved witnesses that `encode_saved` wrote."""
    return Saved(
        tuple(decode_witness(each) for each in values["witnesses"]), tuple(values["left_out"])
    )


def encode_death(death: Death) -> JsonObject:
    """How a process of the target ended."""
    return asdict(death)


def decode_death(values: JsonObject) -> Death:
    """The death that `encode_death` wrote."""
    return Death(values["format"], Call(**values["call"]), values["how"])


def _decode_drawn(values: JsonObject) -> Drawn:
    sizes = {letter: (least, most) for letter, (least, most) in values["sizes"].items()}
    return Drawn(values["planned"], values["judged"], sizes)


def _encode_lesser(found: LessAccurate) -> JsonObject:
    return {f.name: getattr(found, f.name) for f in fields(LessAccurate)}
