"""The invariants as pages, one per family: what a site of the documentation is built from."""

from __future__ import annotations

import json
import re
from importlib.resources import files

from gruverify._named import JsonObject
from gruverify.invariants import FAMILIES, INVARIANTS, Family, Invariant
from gruverify.reporting._catalogue import place_of

#: What Markdown or HTML would take for markup.
_MARKUP = re.compile(r"([\\`*_\[\]<>|])")
_FAULT = re.compile(r"\b[SP]\d\d\b")
_THEORY = re.compile(r"\btheory\b(?!\.)")
#: Where in the theory: each invariant says that itself.
_NUMBERS = re.compile(r" \(theory\.md [^)]*\)")
_BOUNDS = {
    "exact": "the bits agree",
    "ball": "the radius of a ball",
    "inequality": "an inequality of the theory, with what rounding adds to it",
    "statistic": "the spread of a statistic",
}


def families_page() -> str:
    """A Markdown page that leads to the page of each family, ending in a newline."""
    rows = "\n".join(
        f"| [{name}](invariants/{name}.md) | {_subject(family)} | {len(family.invariants)} |"
        for name, family in FAMILIES.items()
    )
    return f"""# The invariants

An invariant is a statement that holds for every right GRU. There are {len(INVARIANTS)} in
{len(FAMILIES)} families. Search finds each by its id, such as `agreement/step`;
`gruverify list ID` prints one on a terminal.

| family | what it is about | invariants |
|---|---|---|
{rows}

Each has these entries:

* **Needs**: the methods that a target must have. Where one is missing, the invariant is reported
  as `not applicable`.
* **Bound**: where the bound comes from. Nobody chose it ([tolerances](tolerances.md)).
* **Source**: a section of [the theory](theory.md), or a fault that somebody met
  ([faults](faults.md)).
  M numbers are the relations of the theory's section 11.
* **Catches**: how many wrong GRUs of the bank violate it, and by name those that violate no other.
* **Other sizes**: it asks for cells of other sizes than the case's. An implementation of one size
  cannot answer.
* **Deep**: it takes so long that only the `deep` profile checks it.
"""


def family_page(name: str) -> str:
    """The invariants of a family as a Markdown page with a section each, ending in a newline.

    Raises:
        KeyError: there is no such family.
    """
    measured = json.loads(files("gruverify.reporting").joinpath("catches.json").read_text("utf-8"))
    family = FAMILIES[name]
    sections = (_section(one, measured.get(one.id)) for one in family.invariants)
    return f"# {name}\n\n{_subject(family)}\n\n" + "\n".join(sections)


def _subject(family: Family) -> str:
    """What the family is about: the first paragraph of its docstring, on one line."""
    paragraph = family.about.split("\n\n")[0]
    return _escaped(_NUMBERS.sub("", " ".join(paragraph.split())))


def _section(one: Invariant, measured: JsonObject | None) -> str:
    needs = ", ".join(f"`{method}`" for method in one.needs) or "any method"
    entries = {
        "Needs": needs,
        "Bound": _BOUNDS[one.bound],
        "Source": _linked(_escaped(one.source)),
        "Catches": _caught(measured),
        "Checked in": f"`{place_of(one)}`",
        "Since": one.since,
    }
    if one.resizes:
        entries["Other sizes"] = "yes"
    if one.deep:
        entries["Deep"] = "yes"
    lines = "\n".join(f"* **{name}:** {value}" for name, value in entries.items())
    # By an explicit id: what a site makes of a heading with a slash differs from one to the next.
    anchor = one.id.replace("/", "-")
    return f"## {one.id} {{ #{anchor} }}\n\n{_escaped(one.statement)}\n\n{lines}\n"


def _caught(measured: JsonObject | None) -> str:
    if measured is None:
        return "not measured"
    caught = f"{measured['catches']} faults"
    if alone := ", ".join(f"`{fault}`" for fault in measured["alone"]):
        return f"{caught}, alone {alone}"
    return caught


def _linked(source: str) -> str:
    """With links to the theory and to what is said of each fault."""
    with_faults = _FAULT.sub(lambda named: f"[{named[0]}](../faults.md#{named[0].lower()})", source)
    return _THEORY.sub("[theory](../theory.md)", with_faults)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
