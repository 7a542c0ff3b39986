"""Which declaration would explain an implementation: what it answers, refuses and fails, against
features of the cases.

Whoever cannot do something that the defaults presume refuses, or fails, wherever it is asked for,
and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["answered", "refused", "failed"]

#: A pattern that would come about by chance more often than this, over all declarations, is not
#: named.
_CHANCE = 0.01


@dataclass(frozen=True)
class Fact:
    """One case: its features by their names, and what became of it."""

    features: Mapping[str, bool]
    outcome: Outcome


@dataclass(frozen=True)
class Suggestion:
    """A declaration, the feature that it is about, and how cases with and without its trouble are
    called.

    fits: the value that the feature has in the cases that an implementation of this kind can
    answer.
    """

    name: str
    value: bool | str
    feature: str
    fits: bool
    inside: str
    outside: str

    @property
    def declaration(self) -> str:
        """As one writes it."""
        return spelled(self.name, self.value)


#: Where two explain the same cases, the first is named.
SUGGESTIONS: tuple[Suggestion, ...] = (
    Suggestion(
        "initial_state",
        False,
        "an initial state of 0",
        True,
        "where the initial state is 0",
        "with another initial state",
    ),
    Suggestion("lengths", False, "lengths", False, "without lengths", "with lengths"),
    Suggestion(
        "unbatched", False, "no batch axis", False, "with an axis for the batch", "without one"
    ),
    Suggestion("batch_first", True, "batch first", True, "with the batch first", "with time first"),
    Suggestion(
        "batch_first", False, "batch first", False, "with time first", "with the batch first"
    ),
    Suggestion(
        "bidirectional", False, "two directions", False, "in one direction", "in two directions"
    ),
    Suggestion(
        "bidirectional", True, "two directions", True, "in two directions", "in one direction"
    ),
    Suggestion(
        "biases",
        "input",
        "recurrent biases of 0",
        True,
        "where bias_hh is 0",
        "with another bias_hh",
    ),
    Suggestion(
        "biases",
        "input",
        "a recurrent bias of the candidate of 0",
        True,
        "without",
        "with a recurrent bias of the candidate",
    ),
    Suggestion(
        "biases",
        "input+candidate",
        "recurrent biases of the gates of 0",
        True,
        "without",
        "with recurrent biases of the gates",
    ),
    Suggestion(
        "biases",
        "recurrent",
        "input biases of 0",
        True,
        "where bias_ih is 0",
        "with another bias_ih",
    ),
    Suggestion("biases", "none", "biases of 0", True, "where all biases are 0", "with biases"),
)


def suggested(
    facts: Iterable[Fact], bears_out: Callable[[Suggestion], bool] = lambda _: True
) -> str:
    """A sentence that names the declaration by which the cases would be explained; empty if there
    is none.

    Refusals come first: what is refused has not been judged, and what fails may do so for a reason
    of its own. So a failure is put down to a declaration only if it `bears_out` that too.
    """
    every = list(facts)
    answered = [fact for fact in every if fact.outcome == "answered"]
    for outcome in ("refused", "failed"):
        troubled = [fact for fact in every if fact.outcome == outcome]
        sentences = {
            s: said for s in SUGGESTIONS if (said := _sentence(s, outcome, answered, troubled))
        }
        # Of several that explain the trouble the one that leaves most to be asked says best what is
        # missing.
        for s in sorted(sentences, key=lambda s: -sum(_fits(s, fact) for fact in answered)):
            if outcome == "refused" or bears_out(s):
                return sentences[s]
    return ""


def _sentence(
    suggestion: Suggestion, outcome: str, answered: Sequence[Fact], troubled: Sequence[Fact]
) -> str:
    """What to say of one declaration; empty if it does not explain the trouble, or chance does as
    well.
    """
    # Facts that lack the feature are of another kind of case: of those nothing is said.
    known = [fact for fact in (*answered, *troubled) if suggestion.feature in fact.features]
    if len(known) < len(answered) + len(troubled) or not troubled:
        return ""
    fitting = sum(_fits(suggestion, fact) for fact in known)
    others = len(known) - fitting
    # One case that fits and is in trouble all the same speaks against it for good.
    if not fitting or any(_fits(suggestion, fact) for fact in troubled):
        return ""
    k = len(troubled)
    # Whoever refuses does so always; what fails may now and then come out right.
    if (outcome == "refused" and k < others) or 2 * k < others:
        return ""
    # As in `_conditions`: all the trouble where the declaration would have it, by chance, times how
    # many declarations were looked at.
    if math.comb(others, k) / math.comb(len(known), k) * len(SUGGESTIONS) > _CHANCE:
        return ""
    if outcome == "refused":
        return (
            f"answered only {suggestion.inside}, {fitting} of {fitting} times: declare "
            f"{suggestion.declaration}?"
        )
    return (
        f"failed in {k} of {others} cases {suggestion.outside}, in 0 of {fitting} "
        f"{suggestion.inside}: "
        f"declare {suggestion.declaration}?"
    )


def _fits(suggestion: Suggestion, fact: Fact) -> bool:
    return fact.features[suggestion.feature] == suggestion.fits


def spelled(name: str, value: object) -> str:
    """A declaration as one writes it."""
    if isinstance(value, str):
        return f'{name}="{value}"'
    return f"{name}={value}"
