"""What a new process tells of a run: whether what failed in it fails alone, and what explains
it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gruverify.backends import Backend, resolve
from gruverify.engine._explained import explained
from gruverify.engine._flaky import alone, entered, other_bits, tally_of_other_bits
from gruverify.engine._result import Result
from gruverify.engine._witness import Witness
from gruverify.invariants import INVARIANTS


def concluded(result: Result, target: str) -> Result:
    """The result with what a process that has called nothing yet finds out of it: call it in a new
    one.
    """
    backend: Any = resolve(target)
    # As every format of the run began: else a seeded target would answer something else.
    if callable(getattr(backend, "seed", None)):
        backend.seed(result.header["seed"])
    return explained(tried_alone(result, backend), target)


def tried_alone(result: Result, backend: Backend) -> Result:
    """The result where failures that came in every call of the run, and do not come alone, are said
    to be flaky.

    Of each format one witness is tried: if that fails, so do the others, as far as anybody knows.
    """
    for witness in _plainest(result).values():
        id, place = witness.invariant, (witness.invariant, witness.case.format.name)
        found = alone(INVARIANTS[id], witness.case, backend)
        if found is None:
            continue
        tallies = result.tallies
        for broken in other_bits(INVARIANTS[id], witness.case, backend):
            own = (known.mark for key, known in tallies.items() if key[:2] == (broken, place[1]))
            tally = tally_of_other_bits(found, id, "xfail" if "xfail" in own else "")
            tallies = entered(tallies, [broken], (place[1], str(witness.case.variant)), tally)
        # What remembers is not less accurate, whatever hypothesis its answers agreed with.
        lesser = {fmt: None if fmt == place[1] else found for fmt, found in result.lesser.items()}
        result = replace(
            result, tallies=tallies, flaky={**result.flaky, place: found}, lesser=lesser
        )
    return result


def _plainest(result: Result) -> dict[str, Witness]:
    """By format, of the failures that repeated, the witness to try: the smallest of an invariant
    about the first answers, if there is one, for others make earlier calls of their own.
    """
    found: dict[str, Witness] = {}
    for place, witness in result.witnesses.items():
        if place not in result.flaky:
            found[place[1]] = min(witness, found.get(place[1], witness), key=_plainness)
    return found


def _plainness(witness: Witness) -> tuple[Any, ...]:
    invariant = INVARIANTS[witness.invariant]
    return (invariant.family != "agreement", invariant.asks_more, *witness.order())
