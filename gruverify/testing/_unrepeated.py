"""Failures of a conformance test that do not repeat: Hypothesis is kept from shrinking what would
not fail again.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis.errors import Flaky as HypothesisFlaky

from gruverify.backends import declarations_of
from gruverify.cell import AnyCase
from gruverify.engine import (
    Flaky,
    Judgement,
    Witness,
    describe,
    entered,
    flaky,
    other_bits,
    tally_of_other_bits,
    trial_of,
)
from gruverify.testing._subject import Subject


class Unrepeated(BaseException):
    """A failure that does not repeat. No Exception, for those Hypothesis would shrink."""

    __module__ = "gruverify.testing"


def unrepeated(subject: Subject, judgement: Judgement, case: AnyCase) -> Flaky | None:
    """How an invariant that failed on a case does not fail on it each time; None if it does, or was
    expected to fail, or if this was found out before.
    """
    id, format = judgement.invariant.id, case.format.name
    # The examples that follow a failure are Hypothesis shrinking it: it did repeat.
    if (id, format) in subject.found.witnesses or subject.chosen.xfails_it(id, format):
        return None
    return flaky(judgement, trial_of(case, subject.backend))


def noted(subject: Subject, found: Flaky, judgement: Judgement, case: AnyCase) -> Unrepeated:
    """What to raise of a failure that does not repeat, which is entered in what was found of the
    target; so is the invariant about the same bits that it falsifies, whatever was selected.
    """
    id, format = judgement.invariant.id, case.format.name
    subject.found.witnesses[id, format] = Witness(subject.name, id, case, judgement.residual)
    subject.found.flaky[id, format] = found
    for broken in other_bits(judgement.invariant, case, subject.backend):
        tally = tally_of_other_bits(
            found, id, "xfail" if subject.chosen.xfails_it(broken, format) else ""
        )
        subject.found.tallies = entered(
            subject.found.tallies, [broken], (format, str(case.variant)), tally
        )
    few = declarations_of(subject.backend).shapes == "few"
    text = describe(judgement.invariant, judgement.residual, case, few=few)
    return Unrepeated(f"{text}\n  flaky    {found.text}")


def unrepeated_message(subject: Subject, raised: BaseException, format: str) -> str:
    """What a test that raised this says of a failure that does not repeat; empty if it is something
    else.
    """
    if isinstance(raised, Unrepeated):
        return str(raised)
    if not isinstance(raised, HypothesisFlaky):
        return ""
    for id, message in _inside(raised):
        found = Flaky(
            1, 2, "once", "it did not fail again when Hypothesis showed it the same example"
        )
        # What was found out with more calls is not overwritten.
        subject.found.flaky.setdefault((id, format), found)
        return f"{message}\n  flaky    {found.text}"
    return ""


def _inside(raised: BaseException) -> Iterator[tuple[str, str]]:
    """The invariants that failed in what Hypothesis raised, with what was said of them."""
    for each in getattr(raised, "exceptions", ()):
        # Hypothesis wraps what is not an Exception, such as a failure of pytest.
        shown = each.__cause__ or each
        if invariant := getattr(shown, "invariant", ""):
            yield invariant, str(shown)
        else:
            yield from _inside(each)
