"""The page of several results, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Any

from gruverify.reporting._reader import Document
from gruverify.reporting._summary import STATUSES, Fate, fates, seed, sentence, worst
from gruverify.reporting.page._render import render
from gruverify.reporting.page._result import by_family


def comparison_page(documents: Mapping[str, Document]) -> str:
    """Target × invariant; `documents` by the address of each one's own page.

    Raises:
        ReportUnavailable: a package of the extra `report` is missing.
    """
    rows = _rows([fates(document) for document in documents.values()])
    statuses = Counter(chain.from_iterable(row["statuses"] for row in rows))
    return render(
        "comparison.html",
        results=[_result(href, document) for href, document in documents.items()],
        families=by_family(rows),
        statuses={status: statuses[status] for status in STATUSES if statuses[status]},
    )


def _result(href: str, document: Document) -> dict[str, str]:
    return {
        "href": href,
        "name": document["target"],
        "verdict": document["verdict"],
        "sentence": sentence(document),
        "run": f"{document['profile']}, seed {seed(document)}, {', '.join(document['formats'])}",
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
