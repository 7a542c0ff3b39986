"""What came of one target of several: a row, and the result that it was made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gruverify.backends import TARGETS, meant_by
from gruverify.reporting._reader import Document
from gruverify.reporting._summary import (
    JUDGED,
    STATUSES,
    Fate,
    counts,
    doubted,
    fates,
    flaky,
    root_causes,
    verdict,
    witnesses,
    worst,
)

#: Verdicts of a target of which there is no result, and what each means.
NOT_ASKED = {
    "unavailable": "cannot be had here",
    "refused": "its name, its declarations or its options are wrong",
    "died": "its process ended before there was a result",
    "interrupted": "the run was interrupted before its turn",
}


@dataclass(frozen=True)
class FamilyMargin:
    """How a family fared in a format: the gravest status of its invariants, the largest margin of
    those that were judged, how many there are and on how many cases they were checked, and the
    invariant that is the worst.
    """

    family: str
    format: str
    status: str
    margin: float
    invariants: int
    checks: int
    worst: str

    @property
    def judged(self) -> bool:
        """Whether there is a margin."""
        return self.status in JUDGED


@dataclass(frozen=True)
class Worst:
    """The worst finding: an invariant in a format, its status and margin, and where it shows."""

    invariant: str
    format: str
    status: str
    margin: float
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One target of several.

    verdict: that of its result, or one of NOT_ASKED, with the `reason`, and `install`, the command
    that makes it available; exit: the exit code of its check, None where it was not run; date: of
    the run, as ISO 8601 has it, empty if unknown; counts: how many pairs of invariant and format
    have which status; cause: what is likely to have caused its failures, in words; result: the
    file of its result, relative to that of the rows, empty if there is none; accuracy: the worst
    errors of σ, tanh and steps by format, where somebody measured them; not_asked: the methods that
    it lacks or refuses, in words.
    """

    target: str
    verdict: str
    exit: int | None = None
    reason: str = ""
    install: str = ""
    date: str = ""
    seconds: float | None = None
    cpu: float | None = None
    backend: str = ""
    seed: int | None = None
    profile: str = ""
    cases: int = 0
    formats: tuple[str, ...] = ()
    declarations: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    families: tuple[FamilyMargin, ...] = ()
    worst: Worst | None = None
    cause: str = ""
    doubts: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    result: str = ""
    accuracy: dict[str, dict[str, float]] = field(default_factory=dict)
    not_asked: tuple[str, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether there is a result."""
        # "died" and "interrupted" are verdicts of results as well: then there are formats.
        return bool(self.formats) or self.verdict not in NOT_ASKED

    @property
    def said(self) -> str:
        """What there is to say besides the verdict, in a line: empty where it conforms."""
        if self.unexpected:
            return f"passed, and was expected to fail: {', '.join(self.unexpected)}"
        return self.reason or self.cause or "; ".join(self.doubts)

    @property
    def accuracies(self) -> list[str]:
        """The worst errors in words, format by format."""
        said = list[str]()
        for fmt, errors in self.accuracy.items():
            each = [f"{function} {_error(worst)}" for function, worst in errors.items()]
            said.append(f"{fmt}: {', '.join(each)}")
        return said

    def in_format(self, fmt: str) -> FamilyMargin | None:
        """The worst of its families in a format: of those that claim something, if any does."""
        mine = [each for each in self.families if each.format == fmt]
        if not mine:
            return None

        # One invariant of a family that claims nothing would hide the margins of all the others.
        def rank(each: FamilyMargin) -> tuple[bool, int, float]:
            silent = each.status == "nothing claimed"
            return silent, STATUSES.index(each.status), -each.margin

        return min(mine, key=rank)


def _error(worst: float) -> str:
    if not math.isfinite(worst):
        return "∞"
    return f"{worst:.3g}"


@dataclass(frozen=True)
class Outcome:
    """A row, and the document of the result where it is at hand."""

    row: Row
    document: Document | None = None


def unasked(target: str, verdict: str, reason: str, **known: Any) -> Outcome:
    """What came of a target of which there is no result: the verdict is one of NOT_ASKED."""
    row = Row(target=target, verdict=verdict, reason=reason, install=_install(target))
    return Outcome(replace(row, **known))


def _install(target: str) -> str:
    """The command that makes a shipped target available; empty if it is, or is none."""
    meant = meant_by(target)
    for shipped in TARGETS:
        if shipped.name == meant and not shipped.available:
            return shipped.remedy
    return ""


def outcome_of(document: Document, **known: Any) -> Outcome:
    """What a result comes to, and what else is known of the run: `exit`, `date`, a `reason`."""
    timing = document["timing"]
    row = Row(
        target=document["target"],
        verdict=document["verdict"],
        seconds=timing["seconds"],
        cpu=timing.get("cpu"),
        backend=document["backend"],
        seed=document["seed"],
        profile=document["profile"],
        cases=document["cases"],
        formats=tuple(document["formats"]),
        declarations=document["declarations"],
        versions=document["versions"],
        counts=counts(document),
        families=tuple(_families(document)),
        worst=_worst(document),
        cause=_cause(document),
        doubts=tuple(doubted(document)),
        unexpected=tuple(document["unexpected"]),
        not_asked=tuple(_not_asked(document)),
    )
    return Outcome(replace(row, **known), document)


def outcome_of_model(target: str, found: Mapping[str, Any], **known: Any) -> Outcome:
    """What the check of a model in a runtime comes to; `found` is its `file_document`."""
    row = Row(
        target=target,
        verdict=found["verdict"],
        backend=found["runtime"],
        seed=found["seed"],
        declarations=dict(found["declared"]),
        versions=dict(found["versions"]),
        cause=_cause_of_model(found["nodes"]),
    )
    return Outcome(replace(row, **known))


def _cause_of_model(nodes: Iterable[Mapping[str, Any]]) -> str:
    """The first node that is not as it should be, and why, as far as anybody knows."""
    for node in nodes:
        if node["verdict"] == "conforms":
            continue
        # Failures before what is undecided, which explains less.
        for one in sorted(node["inputs"], key=lambda one: one["verdict"] != "failed"):
            if one["verdict"] != "passed":
                said = next(filter(None, [one["trouble"], *one.get("ruling", ())]), "")
                return f"{node['name']}: {said}"
        return f"{node['name']}: {node['refused'] or node['verdict']}"
    return ""


def _not_asked(document: Document) -> Iterator[str]:
    """What a run says that it did not cover."""
    for line in document.get("covers", ()):
        what, _, rest = line.partition(": ")
        if what == "not covered":
            yield rest


def _families(document: Document) -> Iterator[FamilyMargin]:
    """By family, then by format: of those in which something was asked."""
    grouped: dict[tuple[str, str], list[Fate]] = {}
    for id, row in fates(document).items():
        for fmt, fate in row.items():
            # What nobody asked makes no family worse, nor better.
            if fate.status not in ("skipped", "not applicable"):
                grouped.setdefault((id.partition("/")[0], fmt), []).append(fate)
    for (family, fmt), found in grouped.items():
        gravest = worst(found)
        margins = [fate.margin for fate in found if fate.judged]
        yield FamilyMargin(
            family,
            fmt,
            gravest.status,
            max(margins, default=0.0),
            len(found),
            sum(fate.cases for fate in found),
            gravest.id,
        )


def _worst(document: Document) -> Worst | None:
    """Of what failed the gravest; else what came closest to its bound."""
    for id, [smallest, *_] in witnesses(document).items():
        residual = smallest["residual"]
        fmt, margin = smallest["format"], float(residual["margin"])
        return Worst(id, fmt, "falsified", margin, residual["where"])
    every = list[Fate]()
    for row in fates(document).values():
        # Without a witness: margins alone, of what was checked on some case.
        every += [fate for fate in row.values() if fate.cases]
    if not every:
        return None
    found = worst([fate for fate in every if fate.status != "nothing claimed"] or every)
    return Worst(found.id, found.format, found.status, found.margin, found.reason)


def _cause(document: Document) -> str:
    if document["crashes"]:
        # The command behind it is for whoever looks at that one target.
        return str(document["crashes"][0]).partition("; again: ")[0]
    if document["explanation"]:
        return str(document["explanation"])
    if document["less_accurate"]:
        # The verdict in words says how the lines are meant.
        words = verdict(document).partition(": ")[2]
        return f"{words}: {document['less_accurate'][0]}"
    if lines := flaky(document):
        return f"flaky: {lines[0]}"
    for cause in root_causes(document):
        return f"{cause['id']}: {cause['reason']}"
    return ""
