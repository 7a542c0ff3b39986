"""Failures that do not repeat: how often the same arguments failed, and whether that depends on
earlier calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from gruverify.backends import Backend, derived_methods, offers
from gruverify.cell import AnyCase
from gruverify.engine._judge import Judgement, judge, judge_trial, trial_of
from gruverify.engine._smaller import with_arrays
from gruverify.engine._tally import Mark, Tally, judged
from gruverify.invariants import INVARIANTS, SAME_BITS, Invariant, StackTrial, Trial

#: Why a failure does not repeat: the target remembers what it was called with; it is random, or
#: what it remembers follows no pattern that is looked for; or nothing failed again in all the calls
#: that were made.
Manner: TypeAlias = Literal["remembers", "random", "once"]

#: How often a case that failed is judged, the first time included, before it is shrunk.
CALLS = 5
#: Where it did not repeat, it is judged in pairs, after that many judgements of another case and
#: after itself. The second ones fall on every remainder of 2 to 6: who is wrong at every third
#: call, say, cannot keep step.
_OTHERS = (1, 1, 1, 1, 1, 1, 2, 1, 2, 1)
_PAIRS = len(_OTHERS)
_MANNERS: tuple[Manner, ...] = ("once", "remembers", "random")


@dataclass(frozen=True)
class Flaky:
    """A failure that does not repeat: it came in `failed` of `calls` calls with the same arguments,
    for that reason.

    evidence: what tells of the reason, in words; empty if nothing does.
    """

    failed: int
    calls: int
    manner: Manner
    evidence: str = ""

    @property
    def text(self) -> str:
        """It in words, after the invariant and its format: "failed in 2 of 5 calls ..."."""
        if self.evidence:
            said = f" ({self.evidence})"
        else:
            said = ""
        return (
            f"failed in {self.failed} of {self.calls} calls with the same arguments: "
            f"{_WORDS[self.manner]}{said}"
        )

    def __add__(self, other: Flaky) -> Flaky:
        latest = max((self, other), key=lambda one: (_MANNERS.index(one.manner), one.evidence))
        calls = self.calls + other.calls
        return Flaky(self.failed + other.failed, calls, latest.manner, latest.evidence)


_WORDS: dict[Manner, str] = {
    "remembers": "the target remembers earlier calls",
    "random": "the target's answers are random, or depend on more than the arguments",
    "once": "the target's answers depend on more than the arguments",
}


def flaky(
    judgement: Judgement,
    trial: Trial | StackTrial,
    beat: Callable[[], None] = lambda: None,
    known: Flaky | None = None,
) -> Flaky | None:
    """How a failure on the case of a trial does not repeat; None if each of the calls failed.

    beat: called between the calls, since a slow target may need a while for them; known: what was
    found out of another invariant that reads the same methods, whose reasons are not sought again.
    """

    def fails(trial: Trial | StackTrial) -> bool:
        beat()
        judgements = judge_trial(trial.asked_again(), [judgement.invariant], asked=True)
        return any(found.failed for found in judgements)

    # The failure that brought the case here is the first of the calls.
    again = [fails(trial) for _ in range(CALLS - 1)]
    if all(again):
        return None
    failed = 1 + sum(again)
    if known is None:
        return _described(failed, trial, fails)
    return Flaky(failed, CALLS, known.manner)


def _described(
    failed: int, trial: Trial | StackTrial, fails: Callable[[Trial | StackTrial], bool]
) -> Flaky:
    """Whether it goes with the call before: after a case of the same sizes with other numbers, or
    after itself.
    """
    # Negated: of the same shapes, so that a cache keyed by shape is hit, and with other answers.
    other = trial_of(with_arrays(trial.case, _negated), trial.backend, trial.declared)
    after_other, after_itself = 0, 0
    for others in _OTHERS:
        for _ in range(others):
            fails(other)
        # This call goes after another case, and the next one after this very case.
        after_other += fails(trial)
        after_itself += fails(trial)
    evidence = f"it failed in {after_other} of {_PAIRS} calls after other arguments, "
    evidence += f"in {after_itself} of {_PAIRS} after the same ones"
    # Whoever is random fails after itself, too, sooner or later in as many pairs.
    if not after_itself and 2 * after_other >= _PAIRS:
        return Flaky(failed, CALLS, "remembers", evidence)
    if failed == 1 and not after_other + after_itself:
        return Flaky(failed, CALLS, "once", f"it failed in none of {2 * _PAIRS} further calls")
    return Flaky(failed, CALLS, "random", evidence)


def _negated(_: str, array: Any) -> Any:
    return np.where(array == 0, array, -array)


def alone(invariant: Invariant, case: AnyCase, backend: Backend) -> Flaky | None:
    """How a case that failed in each call of a run fares in a process that has called nothing else
    yet.

    None if it fails there, too, at the first call.
    """
    failed = list[bool]()
    for _ in range(CALLS):
        failed.append(any(found.failed for found in judge(case, backend, [invariant])))
    if failed[0]:
        return None
    evidence = (
        f"it failed in {CALLS} of {CALLS} calls of the run, in {sum(failed)} of {CALLS} in a "
        "new process"
    )
    # What comes with the first call and stays is remembered, as well as what never comes.
    if len(set(failed[1:])) == 1:
        manner: Manner = "remembers"
    else:
        manner = "random"
    return Flaky(CALLS + sum(failed), 2 * CALLS, manner, evidence)


# -- what it says of the contract ------------------------------------------------------------------


def other_bits(invariant: Invariant, case: AnyCase, backend: Backend) -> tuple[str, ...]:
    """The invariants, of those that ask for the same bits again, that a failure which does not
    repeat is one of.

    Of the methods that the invariant reads, those that are seen to return other bits; if none is,
    the last one: for a judgement depends on the answers alone.
    """
    # What is derived has no bits of its own: they are those of the method below it.
    derived = derived_methods(backend)
    read = invariant.needs or tuple(method for method in SAME_BITS if offers(backend, method))
    methods = (derived.get(method, method) for method in read)
    ids = tuple(dict.fromkeys(SAME_BITS[method] for method in methods if method in SAME_BITS))
    if not ids or invariant.id in SAME_BITS.values():
        return ()
    asked = [INVARIANTS[id] for id in ids]
    seen = set[str]()
    for _ in range(CALLS):
        seen |= {found.invariant.id for found in judge(case, backend, asked) if found.failed}
    return tuple(id for id in ids if id in seen) or ids[-1:]


def tally_of_other_bits(found: Flaky, id: str, mark: Mark = "") -> Tally:
    """The tally of an invariant about the same bits, of the case that showed other ones."""
    return replace(judged(np.inf, f"{id} {found.text}"), mark=mark)


def entered(
    tallies: dict[tuple[str, str, str], Tally],
    ids: Iterable[str],
    place: tuple[str, str],
    tally: Tally,
) -> dict[tuple[str, str, str], Tally]:
    """The tallies with that of each id at (format, variant), unless it failed in the format
    already.

    What a selection left out is checked after all: the entry that says so goes.
    """
    fmt, variant = place
    found = dict(tallies)
    for id in ids:
        own = {key: known for key, known in found.items() if key[:2] == (id, fmt)}
        # It failed by itself, with numbers of its own: those say more.
        if any(known.falsified or known.error for known in own.values()):
            continue
        found.pop((id, fmt, "-"), None)
        found[id, fmt, variant] = found.get((id, fmt, variant), Tally()) + tally
    return found
