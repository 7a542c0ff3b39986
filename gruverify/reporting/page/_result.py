"""The page of one result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain, product
from typing import Any

import numpy as np

from gruverify._named import JsonObject
from gruverify.cell import Variant
from gruverify.engine import declarations, variants_in_words
from gruverify.reporting._reader import Document
from gruverify.reporting._summary import (
    Fate,
    command,
    condition,
    counts,
    covered,
    doubted,
    fates,
    flaky,
    flaky_of,
    is_of_sizes,
    numbers,
    root_causes,
    runs,
    seed,
    sentence,
    sizes,
    sizes_visited,
    snippet,
    witnesses,
)
from gruverify.reporting._table import margin
from gruverify.reporting.page._figures import (
    flow_figure,
    heat_base,
    heat_maps,
    margins_figure,
    witness_figure,
)
from gruverify.reporting.page._render import raw, render, slug
from gruverify.reporting.page._svg import HEAT

#: The verdict as the heading has it.
VERDICTS = {
    "conforms": "conforms",
    "falsified": "is falsified",
    "died": "died",
    "inconclusive": "is inconclusive",
    "interrupted": "was interrupted",
}


def result_page(document: Document, up: str = "") -> str:
    """The page of a result; `up` is the address of the page that lists it among others, if there is
    one.

    Raises:
        ReportUnavailable: a package of the extra `report` is missing.
    """
    table = fates(document)
    shown, coverage = _witnesses(document), _coverage(document)
    margins = _margins(document)
    sections = {"invariants": "Invariants", "witnesses": "Witnesses", "coverage": "Coverage"}
    sections |= {"margins": "Margins", "gradients": "Where gradients go"}
    empty = {"witnesses": shown, "coverage": coverage, "margins": margins}
    return render(
        "result.html",
        d=document,
        up=up,
        verdict=VERDICTS[document["verdict"]],
        sentence=sentence(document),
        doubts=doubted(document),
        flaky=flaky(document),
        covers=covered(document),
        command=command(document),
        worst=max(
            (fate for row in table.values() for fate in row.values() if fate.judged),
            key=_margin,
            default=None,
        ),
        # A cause that has no row of its own has nothing to link to.
        causes=[{**cause, "linked": cause["id"] in table} for cause in root_causes(document)],
        facts=_facts(document),
        sections={id: name for id, name in sections.items() if empty.get(id, True)},
        statuses=counts(document),
        families=_families(table),
        shown=shown,
        coverage=coverage,
        groups=_groups(document),
        size_holes=_size_holes(document),
        sizes_visited=sizes_visited(document),
        scale=f"{_heat_base(document) ** (len(HEAT) - 2):,}",
        margins=margins,
        flow=_flow(document),
    )


def _margin(fate: Fate) -> float:
    return fate.margin


def _facts(document: Document) -> dict[str, str]:
    facts = {
        "profile": document["profile"],
        "cases per format": str(document["cases"]),
        "seed": seed(document),
    }
    said = {"variants": variants_in_words(document), "declared": declarations(document)}
    return {
        **facts,
        **{name: words for name, words in said.items() if words},
        **document["versions"],
    }


# -- invariants ------------------------------------------------------------------------------------


def by_family(items: Iterable[JsonObject]) -> dict[str, list[JsonObject]]:
    """Rows of the table by the part of their id before the slash."""
    families: dict[str, list[JsonObject]] = {}
    for item in items:
        families.setdefault(item["id"].partition("/")[0], []).append(item)
    return families


def _families(table: Mapping[str, Mapping[str, Fate]]) -> dict[str, list[JsonObject]]:
    return by_family(_row(id, row) for id, row in table.items())


def _row(id: str, row: Mapping[str, Fate]) -> JsonObject:
    fates = list(row.values())
    variants: dict[str, dict[str, str]] = {}
    for fate in fates:
        # Of what was never checked every variant would be a row of dashes.
        for one in fate.rows if fate.cases else ():
            variants.setdefault(one["variant"], {})[fate.format] = _margin_of(one)
    return {
        "id": id,
        "statement": fates[0].rows[0]["statement"],
        "source": fates[0].rows[0]["source"],
        "row": row,
        "cases": sum(fate.cases for fate in fates),
        "statuses": sorted({fate.status for fate in fates}),
        "variants": variants,
        "claimed": {
            fate.format: f"{fate.claimed:.0%}" for fate in fates if fate.claimed is not None
        },
        "reasons": list(dict.fromkeys(fate.reason for fate in fates if fate.reason)),
    }


def _margin_of(row: JsonObject) -> str:
    """The margin of one variant; a dash where there is none."""
    if row["margin"]["octaves"]:
        return margin(float(row["margin"]["max"]))
    return "–"


# -- witnesses -------------------------------------------------------------------------------------


def _witnesses(document: Document) -> dict[str, JsonObject]:
    statements = {row["id"]: row["statement"] for row in document["invariants"]}
    found = dict[str, JsonObject]()
    for id, (first, *others) in witnesses(document).items():
        found[id] = {
            **_witness(document, first),
            "statement": statements.get(id, ""),
            "figure": raw(witness_figure(first["residual"], slug(id, "wf"))),
            "caption": _caption(first["residual"]),
            "others": [_witness(document, other) for other in others],
        }
    return found


def _witness(document: Document, witness: JsonObject) -> JsonObject:
    residual, variant = witness["residual"], witness["variant"]
    return {
        "where": residual["where"],
        "margin": margin(float(residual["margin"])),
        "numbers": numbers(residual),
        "format": witness["format"],
        "variant": f"reset {variant['reset']}, {variant['update']}" + _biases(variant),
        "sizes": sizes(witness),
        "condition": condition(document, witness),
        "flaky": flaky_of(document, witness["invariant"], witness["format"]),
        "runs": runs(document, witness),
        "regimes": ", ".join(witness["regimes"]),
        "snippet": snippet(document, witness),
    }


def _biases(variant: JsonObject) -> str:
    """What a witness says of biases; before there were one-sided ones, whether there are any."""
    if "biases" in variant:
        _, _, words = str(Variant(biases=variant["biases"])).partition(", keep")
        return words
    if variant.get("bias", True):
        return ""
    return ", no bias"


_AXES = {
    "b": "member b",
    "i": "unit i",
    "j": "column j",
    "t": "step t",
    "s": "state s of the stack",
}


def _caption(residual: Mapping[str, Any]) -> str:
    """What the letters of the figure's entries mean."""
    letters: dict[str, None] = dict.fromkeys(str(residual.get("entries", {}).get("letters", "")))
    named = ", ".join(_AXES.get(letter, letter) for letter in letters)
    if named:
        return f"of each entry, by {named}"
    return ""


# -- coverage --------------------------------------------------------------------------------------


def _coverage(document: Document) -> list[JsonObject]:
    """The first group of each format, which is the one that its coverage counts."""
    found, base = _gates(document), _heat_base(document)
    return [
        {
            "format": fmt,
            "percent": f"{found[fmt]['percent']:.1f}",
            "reachable": found[fmt]["reachable"],
            "holes": holes(found[fmt]),
            "maps": _maps(fmt, found[fmt], base),
        }
        for fmt in document["formats"]
        if fmt in found
    ]


def _maps(fmt: str, group: Mapping[str, Any], base: int) -> JsonObject:
    """The maps of a cross of three; none of any other."""
    # Results of older versions may count other covergroups.
    if len(group["axes"]) != 3:
        return {}
    maps = heat_maps(fmt, group, base, f"heat-{fmt}")
    return {title: raw(svg) for title, svg in maps.items()}


def _gates(document: Document) -> dict[str, JsonObject]:
    return {one["format"]: one["groups"][0] for one in document["coverage"] if one["groups"]}


def _heat_base(document: Document) -> int:
    return heat_base(
        max((int(np.max(group["hits"])) for group in _gates(document).values()), default=0)
    )


def holes(group: Mapping[str, Any]) -> list[str]:
    """The bins of a covergroup that could be reached and were hit less than `at_least` times, in
    words.
    """
    unreachable = {tuple(one["bin"]) for one in group["excluded"]}
    bins = product(*(axis["levels"] for axis in group["axes"]))
    missed = (
        bin
        for bin, hits in zip(bins, np.ravel(group["hits"]), strict=True)
        if hits < group["at_least"]
    )
    names = [axis["name"] for axis in group["axes"]]
    return [
        " ".join(f"{name}={level}" for name, level in zip(names, bin, strict=True))
        for bin in missed
        if bin not in unreachable
    ]


def _size_holes(document: Document) -> dict[str, list[str]]:
    """By format, the sizes that could be asked about and were not; nothing of a result that did not
    count them.
    """
    found: dict[str, list[str]] = {}
    for one in document["coverage"]:
        groups = [group for group in one["groups"] if is_of_sizes(group)]
        if groups:
            missed = chain.from_iterable(map(holes, groups))
            found[one["format"]] = [hole.removeprefix("of=") for hole in missed]
    return found


def _groups(document: Document) -> dict[str, list[str]]:
    """Each covergroup to its share and its holes, format by format in the order of `_coverage`."""
    by_format = {one["format"]: one["groups"] for one in document["coverage"] if one["groups"]}
    rows: dict[str, list[str]] = {}
    for fmt in document["formats"]:
        for group in by_format.get(fmt, []):
            rows.setdefault(group["name"], []).append(
                f"{group['percent']:.1f} % of {group['reachable']}"
            )
    return rows


# -- margins and gradients -------------------------------------------------------------------------


def _margins(document: Document) -> JsonObject:
    families: dict[str, dict[str, Counter[int]]] = {}
    for row in document["invariants"]:
        counts = families.setdefault(row["id"].partition("/")[0], {}).setdefault(
            row["format"], Counter()
        )
        # JSON has texts for keys.
        counts.update({int(octave): count for octave, count in row["margin"]["octaves"].items()})
    judged = {family: octaves for family, octaves in families.items() if any(octaves.values())}
    return {
        family: raw(margins_figure(family, octaves, slug(family, "mf")))
        for family, octaves in judged.items()
    }


def _flow(document: Document) -> JsonObject:
    flow = document["gradient_flow"]
    extents = ", ".join(f"{letter}={size}" for letter, size in flow["sizes"].items())
    # As text, which `cache` can compare: the figures of a report of many targets are drawn once.
    return {"sizes": extents, "regimes": _regimes(json.dumps(flow["regimes"]))}


@cache
def _regimes(regimes: str) -> list[JsonObject]:
    """Drawn once for several results: what does not depend on the target is the same in all of
    them.
    """
    return [
        {
            "name": regime["name"],
            **{
                gate: f"→ {regime[gate]:g}" if regime[gate] in (0, 1) else f"= {regime[gate]:g}"
                for gate in "zr"
            },
            **{
                q: raw(flow_figure(regime, q, slug(f"{i}-{q}", "flow")))
                for q in ("influence", "terms")
            },
        }
        for i, regime in enumerate(json.loads(regimes))
    ]
