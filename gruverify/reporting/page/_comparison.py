"""The page of several results, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from gruverify.reporting._summary import STATUSES, Fate, fates, sentence, worst
from gruverify.reporting.page._render import render
from gruverify.reporting.page._result import by_family
from gruverify.reporting.targets import Outcome


def comparison_page(outcomes: Sequence[Outcome]) -> str:
    """Target × family × format, and target × invariant of those whose results are at hand; each
    result has its page beside it, in the folder of its row.

    Raises:
        ReportUnavailable: a package of the extra `report` is missing.
    """
    documents = [outcome.document for outcome in outcomes if outcome.document is not None]
    rows = _rows([fates(document) for document in documents])
    statuses = Counter(chain.from_iterable(row["statuses"] for row in rows))
    # A dict and not a set: columns stand in the order in which they come first.
    families = dict.fromkeys(each.family for one in outcomes for each in one.row.families)
    return render(
        "comparison.html",
        targets=[_target(outcome, [*families]) for outcome in outcomes],
        measured=any(outcome.row.accuracy for outcome in outcomes),
        columns=[*families],
        results=[_target(one, []) for one in outcomes if one.document is not None],
        families=by_family(rows),
        statuses={status: statuses[status] for status in STATUSES if statuses[status]},
    )


def _target(outcome: Outcome, families: list[str]) -> dict[str, Any]:
    """A row of the page: the target, and its families format by format, in columns."""
    row, document = outcome.row, outcome.document
    found = {(each.family, each.format): each for each in row.families}
    # `write_targets_report` puts each page beside its result.
    href = row.result.replace("result.json", "index.html")
    run = ""
    if row.asked:
        drawn = "seed drawn by Hypothesis" if row.seed is None else f"seed {row.seed}"
        run = f"{row.profile}, {drawn}, {', '.join(row.formats)}"
    return {
        "href": href,
        "name": row.target,
        "verdict": row.verdict,
        "worst": row.worst,
        "said": row.said,
        "install": row.install,
        "versions": ", ".join(f"{name} {version}" for name, version in row.versions.items()),
        "accuracies": row.accuracies,
        "not_asked": row.not_asked,
        "date": row.date,
        "sentence": "" if document is None else sentence(document),
        "run": run,
        "formats": {fmt: [found.get((family, fmt)) for family in families] for fmt in row.formats},
    }


def _rows(tables: list[dict[str, dict[str, Fate]]]) -> list[dict[str, Any]]:
    ids = dict.fromkeys(chain.from_iterable(tables))
    rows = list[dict[str, Any]]()
    for id in ids:
        each = [worst(table[id].values()) if id in table else None for table in tables]
        rows.append(_row(id, each))
    return rows


def _row(id: str, fates: list[Fate | None]) -> dict[str, Any]:
    found = [fate for fate in fates if fate is not None]
    return {
        "id": id,
        "statement": found[0].rows[0]["statement"],
        "fates": fates,
        "statuses": sorted({fate.status for fate in found}),
    }
