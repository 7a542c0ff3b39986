"""What a run may conclude: the doubts that keep it from `conforms`, and what a pass covers.

Nothing failed is not enough. Every planned case must have been judged, and in every format the core
must have been claimed: values, and gradients where the target offers them, on at least 90 % of the
drawn cases and of the entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from gruverify._named import JsonObject
from gruverify.backends import EVERY_METHOD, METHODS
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._tally import NO_CASES, OURSELVES, Tally
from gruverify.invariants import INVARIANTS

#: The share of drawn cases, and of compared entries, of which the core must claim something.
ENOUGH = 0.9

Tallies = Mapping[tuple[str, str, str], Tally]
ByFormat = Mapping[str, Mapping[str, Tally]]


@dataclass(frozen=True)
class Core:
    """What a verdict rests on: the methods that show it, and invariants of them, in ways of which
    any one suffices.
    """

    what: str
    methods: tuple[str, ...]
    ways: tuple[tuple[str, ...], ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """All invariants of all ways."""
        return tuple(chain.from_iterable(self.ways))


def _gradients(family: str) -> tuple[str, ...]:
    """The invariants of each part of a gradient at both cotangents."""
    return tuple(
        id for id in INVARIANTS if id.startswith(f"{family}/gradient-") and "gradient-of-" not in id
    )


VALUES = Core(
    "values",
    ("step", "sequence", "stack"),
    (
        ("agreement/step",),
        ("agreement/each-step",),
        ("agreement/outputs",),
        ("stack/outputs",),
    ),
)
GRADIENTS = Core(
    "gradients",
    ("step_vjp", "sequence_vjp", "stack_vjp"),
    (
        ("agreement/each-cotangent",),
        ("agreement/step-vjp",),
        _gradients("agreement"),
        _gradients("stack"),
    ),
)

#: What a step alone does not show, where sequences are checked at all: that one goes on from
#: where the last ended.
OF_SEQUENCES = (
    Core("sequences", ("sequence",), (("agreement/each-step",), ("agreement/outputs",))),
    Core(
        "gradients of sequences",
        ("sequence_vjp",),
        (
            ("agreement/each-cotangent",),
            ("agreement/long-gradient",),
            _gradients("agreement"),
        ),
    ),
)


#: The families that show the core.
CORE_FAMILIES = tuple(dict.fromkeys(INVARIANTS[id].family for id in (*VALUES.ids, *GRADIENTS.ids)))


def doubts(
    header: JsonObject, tallies: Tallies, drawn: Mapping[tuple[str, Kind], Drawn]
) -> tuple[str, ...]:
    """Why a run in which nothing failed is inconclusive, one line per reason; empty if it is
    not.
    """
    found = list[str]()
    for fmt, rows in _by_format(header, tallies).items():
        said = [
            *_unjudged(fmt, drawn),
            *_failed_ourselves(rows),
            *_refused(rows),
            *_unclaimed(header, rows),
        ]
        found += [f"{fmt}: {line}" for line in said]
    return tuple(found)


def doubts_of_family(rows: Mapping[str, Tally], *, decides: bool = True) -> tuple[str, ...]:
    """Why a test of one family in one format, in which nothing failed, is inconclusive; empty if it
    is not.

    rows: the tally of each invariant checked. Something of the family must be claimed. What the
    family shows of the core must be claimed as in a run, if it `decides`: if no other family shows
    the same of the target.
    """
    # What was skipped is the user's own choice: it is neither an answer nor a doubt.
    answered = {id: tally for id, tally in rows.items() if tally.mark != "skip" and tally.cases}
    found = [*_failed_ourselves(rows), *_refused(rows)]
    if answered and not any(tally.judged for tally in answered.values()):
        return (
            *found,
            f"nothing is claimed in any of {max(tally.cases for tally in answered.values())} cases",
        )
    for core in (VALUES, GRADIENTS, *OF_SEQUENCES) if decides else ():
        asked = {id: answered[id] for id in core.ids if id in answered}
        if asked and not any(_is_enough(way) for way in _ways(core, asked)):
            found.append(_too_little(core, asked))
    return tuple(found)


def _by_format(header: JsonObject, tallies: Tallies) -> dict[str, dict[str, Tally]]:
    """Format, then invariant, to its tally over all variants."""
    found: dict[str, dict[str, Tally]] = {fmt: {} for fmt in header["formats"]}
    for (id, fmt, _), tally in tallies.items():
        if fmt in found:
            found[fmt][id] = found[fmt].get(id, NO_CASES) + tally
    return found


def _unjudged(fmt: str, drawn: Mapping[tuple[str, Kind], Drawn]) -> Iterator[str]:
    mine = {kind: found for (of, kind), found in drawn.items() if of == fmt}
    # Without any case the lines below would each say the same of its kind.
    if not any(found.judged for found in mine.values()):
        yield "no case was judged"
        return
    for kind, found in mine.items():
        if found.judged < found.planned:
            yield f"{found.judged} of {found.planned} cases of {kind} judged: time was up"


def _failed_ourselves(rows: Mapping[str, Tally]) -> Iterator[str]:
    """Invariants that gruverify could not judge."""
    for id, tally in rows.items():
        if tally.cause == OURSELVES:
            yield f"{id} was not judged ({tally.reason})"


def _refused(rows: Mapping[str, Tally]) -> Iterator[str]:
    """Methods that answered some cases and refused more than a tenth."""
    for method, tally in _answers(rows).items():
        asked = tally.cases + tally.declined
        if tally.cases and tally.cases < ENOUGH * asked:
            yield f"{method} answered {tally.cases} of {asked} cases ({tally.reason})"


def _answers(rows: Mapping[str, Tally]) -> dict[str, Tally]:
    """Method to how it answered, as far as that was checked."""
    ids = {method: f"contract/shape-{method.replace('_', '-')}" for method in EVERY_METHOD}
    return {
        method: rows[id] for method, id in ids.items() if id in rows and rows[id].mark != "skip"
    }


def _unclaimed(header: JsonObject, rows: Mapping[str, Tally]) -> Iterator[str]:
    for core in (VALUES, GRADIENTS):
        offered = [method for method in core.methods if method in header["methods"]]
        if not offered:
            # That gradients are missing is said under `not covered`; without values there is
            # nothing to conclude.
            if core is VALUES:
                yield f"the target has no {', no '.join(core.methods)}: nothing shows its values"
            continue
        asked = {id: rows[id] for id in core.ids if id in rows and _was_asked(rows[id])}
        if not asked:
            yield f"the selection leaves out what shows its {core.what} ({', '.join(_shown(core))})"
        elif not any(tally.cases for tally in asked.values()):
            if core is VALUES:
                refused = min(tally.reason for tally in asked.values())
                yield f"no case was answered ({refused})"
        elif not any(_is_enough(way) for way in _ways(core, asked)):
            yield _too_little(core, asked)
            return
    # Only where sequences were compared: a target of steps alone conforms as what it is.
    for core in OF_SEQUENCES:
        asked = {id: rows[id] for id in core.ids if id in rows and rows[id].compared}
        if asked and not any(_is_enough(way) for way in _ways(core, asked)):
            yield _too_little(core, asked)


def _was_asked(tally: Tally) -> bool:
    return tally.mark != "skip" and bool(tally.cases or tally.declined)


def _shown(core: Core) -> Iterator[str]:
    """The first invariant of each way."""
    return (way[0] for way in core.ways if way)


def _ways(core: Core, asked: Mapping[str, Tally]) -> Iterator[Tally]:
    for way in core.ways:
        if own := [asked[id] for id in way if id in asked]:
            yield sum(own, Tally())


def _is_enough(tally: Tally) -> bool:
    cases = tally.cases + tally.declined
    # Both shares: a few large cases may have most entries, and many small ones most cases.
    return tally.judged >= ENOUGH * cases and tally.claimed >= ENOUGH * tally.compared > 0


def _too_little(core: Core, asked: Mapping[str, Tally]) -> str:
    # Of several ways that do not suffice, the one that came closest says what is missing.
    best = max(_ways(core, asked), key=lambda tally: (share(tally), tally.judged))
    cases = best.cases + best.declined
    return (
        f"too little is claimed of its {core.what}: something in {_percent(best.judged, cases)} "
        "of the cases, "
        f"{_percent(best.claimed, best.compared)} of the entries (at least {ENOUGH:.0%} of both "
        "are needed)"
    )


def share(tally: Tally) -> float:
    """The share of the compared entries of which something is claimed; 0 if none was compared."""
    if tally.compared:
        return tally.claimed / tally.compared
    return 0.0


def _percent(part: int, whole: int) -> str:
    if whole:
        return f"{part / whole:.0%}"
    return "0%"


# -- what a pass covers ----------------------------------------------------------------------------

#: How many of the weakest claims are named.
_WEAKEST = 3


def declarations(header: JsonObject) -> str:
    """What the target declares that is not the default, in words; `kappa` for both functions where
    they are alike.
    """
    said = dict(header.get("declarations", {}))
    if "kappa_sigma" in said and said["kappa_sigma"] == said.get("kappa_tanh"):
        said = {
            "kappa": said["kappa_sigma"],
            **{n: value for n, value in said.items() if not n.startswith("kappa_")},
        }
    return ", ".join(f"{name}={value!r}" for name, value in said.items())


def is_of_few_shapes(header: JsonObject) -> bool:
    """Whether the target is called with few shapes alone."""
    return bool(header.get("declarations", {}).get("shapes") == "few")


def variants_in_words(header: JsonObject) -> str:
    """The variants of which cases are drawn, in words; empty if the header lacks them.

    Whoever declares none sees here what was found of the target, such as the biases of a module.
    """
    by_biases: dict[tuple[str, ...], list[str]] = {}
    sides: dict[str, list[str]] = {}
    for each in header.get("variants", []):
        sides.setdefault(f"reset {each['reset']}, {each['update']}", []).append(each["biases"])
    for side, biases in sides.items():
        by_biases.setdefault(tuple(biases), []).append(side)
    return " · ".join(
        f"{'; '.join(found)} (biases: {', '.join(biases)})" for biases, found in by_biases.items()
    )


#: Of a format whose cases were not all drawn.
ENDED_EARLY = (
    "ended when the likely cause explained all that had failed: --keep-going draws the rest"
)


def covers(
    header: JsonObject,
    tallies: Tallies,
    drawn: Mapping[tuple[str, Kind], Drawn],
    ended_early: Iterable[str] = (),
) -> tuple[str, ...]:
    """What a run covered, one line per fact: cases and sizes, claims, what was declared, what was
    not covered.
    """
    formats, by_format = header["formats"], _by_format(header, tallies)
    lines = list[str]()
    for (fmt, kind), found in sorted(
        drawn.items(), key=lambda item: (formats.index(item[0][0]), item[0][1])
    ):
        lines.append(f"{fmt}: {found.judged} of {found.planned} cases of {kind}{_sizes(found)}")
    # Who looks for more than one fault has to know that more was not looked for.
    lines += [f"{fmt}: {ENDED_EARLY}" for fmt in ended_early]
    if header.get("max_size") is not None:
        lines.append(f"sizes up to {header['max_size']} only: --max-size")
    if refused := list(_some_refused(by_format)):
        lines.append(f"refused: {'; '.join(refused)}")
    for core in (VALUES, GRADIENTS):
        if said := list(_claims(core, by_format)):
            lines.append(f"{core.what} claimed: {', '.join(said)}")
    if weakest := list(_weakest(by_format)):
        lines.append(f"weakest claims: {', '.join(weakest)}")
    if header["declarations"]:
        lines.append(f"declared: {declarations(header)}")
    if missing := list(_not_covered(header, by_format)):
        lines.append(f"not covered: {'; '.join(missing)}")
    return tuple(lines)


def _sizes(found: Drawn) -> str:
    ranges = list[str]()
    for letter, (least, most) in found.sizes.items():
        ranges.append(f"{letter} {least}" if least == most else f"{letter} {least}–{most}")
    return "".join(f", {told}" for told in ranges)


def _claims(core: Core, by_format: ByFormat) -> Iterator[str]:
    """How much is claimed in each format, those together that have the same share."""
    alike: dict[str, list[str]] = {}
    for fmt, rows in by_format.items():
        asked = {id: rows[id] for id in core.ids if id in rows and rows[id].compared}
        if ways := list(_ways(core, asked)):
            alike.setdefault(f"{max(map(share, ways)):.0%}", []).append(fmt)
    for percent, found in alike.items():
        yield f"{', '.join(found)} {percent} of the entries"


def _weakest(by_format: ByFormat) -> Iterator[str]:
    """The invariants of which least was claimed, of those that were checked at all."""
    found = list[tuple[float, str]]()
    for fmt, rows in by_format.items():
        for id, tally in rows.items():
            if tally.compared and share(tally) < ENOUGH:
                found.append((share(tally), f"{id} in {fmt} ({share(tally):.0%})"))
    return (said for _, said in sorted(found)[:_WEAKEST])


def _some_refused(by_format: ByFormat) -> Iterator[str]:
    """Methods that answered most cases and refused some."""
    for fmt, rows in by_format.items():
        for method, tally in _answers(rows).items():
            if tally.declined and tally.cases:
                asked = tally.cases + tally.declined
                yield f"{method}: {tally.declined} of {asked} cases in {fmt} ({tally.reason})"


def _not_covered(header: JsonObject, by_format: ByFormat) -> Iterator[str]:
    """Methods that the target lacks, or answers in no case, and why."""
    lacking = [method for method in METHODS if method not in header["methods"]]
    if lacking:
        yield f"the target has no {', no '.join(lacking)}"
    refusals: dict[tuple[str, str], list[str]] = {}
    for fmt, rows in by_format.items():
        for method, tally in _answers(rows).items():
            if tally.declined and not tally.cases:
                refusals.setdefault((method, tally.reason), []).append(fmt)
    for (method, reason), formats in refusals.items():
        yield f"{method} in {', '.join(formats)} ({reason})"
