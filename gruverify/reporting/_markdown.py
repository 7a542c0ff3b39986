"""Results as Markdown, for the page of a CI job: short, since that is all that is read there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from gruverify.reporting._reader import Document
from gruverify.reporting._summary import (
    Fate,
    command,
    covered,
    doubted,
    fates,
    flaky,
    numbers,
    root_causes,
    sentence,
    sizes,
    verdict,
    witnesses,
    worst,
)
from gruverify.reporting._table import margin

_VERDICTS = {
    "conforms": "✅",
    "falsified": "❌",
    "died": "💥",
    "inconclusive": "❔",
    "interrupted": "⚠️",
}
#: What Markdown or the HTML in it would take for its own.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
#: More rows than this are counted, not listed.
MOST = 25


def markdown(documents: Sequence[Document]) -> str:
    """A section for each result, ending in a newline."""
    return "\n".join(chain.from_iterable(map(_section, documents)))


def _section(document: Document) -> Iterator[str]:
    yield (
        f"## {_VERDICTS[document['verdict']]} {escaped(document['target'])}: {verdict(document)}\n"
    )
    yield f"{escaped(sentence(document))}\n"
    yield from (f"* **{escaped(line)}**" for line in document["less_accurate"])
    yield from (f"* **flaky: {escaped(line)}**" for line in flaky(document))
    yield from (f"* inconclusive: {escaped(reason)}" for reason in doubted(document))
    yield from (f"* {escaped(line)}" for line in covered(document))
    yield from (f"* died: {escaped(note)}" for note in document["crashes"])
    if document["explanation"]:
        yield f"* likely cause: {escaped(document['explanation'])}"
    for cause in root_causes(document):
        yield (
            f"* root cause: {escaped(cause['id'])}: {escaped(cause['reason'])}; blocks "
            f"{len(cause['blocked'])}"
        )
    formats = document["formats"]
    shown = _not_passed(document)
    if shown:
        yield f"\n| not passed | {' | '.join(formats)} |\n|---|{'---:|' * len(formats)}"
        for id, row in list(shown.items())[:MOST]:
            yield f"| {escaped(id)} | {' | '.join(_cell(row.get(fmt)) for fmt in formats)} |"
        yield f"\n{len(shown) - MOST} more are not listed.\n" if len(shown) > MOST else ""
    for id, [smallest, *_] in list(witnesses(document).items())[:1]:
        where = escaped(smallest["residual"]["where"])
        told = "".join(
            f", {name} {escaped(value)}" for name, value in numbers(smallest["residual"]).items()
        )
        yield (
            f"\nFirst witness: {escaped(id)}, {smallest['format']}, "
            f"{escaped(sizes(smallest))}: {where}{told}\n"
        )
    yield f"\nAgain:\n\n{_code(command(document))}\n"


#: The gravest first.
_LISTED = ("died", "falsified", "error", "xpassed", "blocked", "nothing claimed")


def _not_passed(document: Document) -> dict[str, dict[str, Fate]]:
    """What failed, could not be judged or claims nothing in some format, the gravest first."""
    found = {id: (worst(row.values()).status, row) for id, row in fates(document).items()}
    listed = dict[str, dict[str, Fate]]()
    for status in _LISTED:
        listed |= {id: row for id, (worst_of_it, row) in found.items() if worst_of_it == status}
    return listed


def _cell(fate: Fate | None) -> str:
    if fate is None:
        return ""
    if fate.status == "nothing claimed":
        return "–"
    if fate.judged:
        return margin(fate.margin)
    return fate.status


def escaped(text: str) -> str:
    """Text that stays text, on one line."""
    # The ampersand first, or it would escape the escapes.
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat)


def _code(text: str) -> str:
    """A block that the text cannot end."""
    # A fence is closed by one of its length or more only.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{' '.join(text.split())}\n{fence}"
