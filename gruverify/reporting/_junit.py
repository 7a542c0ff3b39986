"""Results as JUnit XML: a suite for each target and format, a test case for each invariant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from gruverify.reporting._reader import Document
from gruverify.reporting._summary import (
    Fate,
    command,
    condition,
    covered,
    doubted,
    fates,
    flaky,
    flaky_of,
    numbers,
    runs,
    sizes,
    snippet,
    verdict,
)
from gruverify.reporting._table import margin
from gruverify.reporting.targets import Row

#: What XML 1.0 has no way to write, and a target may have said.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The child of a test case that a status makes; what passed, or failed as expected, has none.
_OUTCOMES = {"falsified": "failure", "xpassed": "failure", "error": "error", "died": "error"}
_UNASKED = ("blocked", "skipped", "not applicable", "xfailed", "nothing claimed")


def junit(documents: Sequence[Document], others: Sequence[Row] = ()) -> str:
    """The results as one JUnit file, ending in a newline; others: targets whose result is not at
    hand.
    """
    root = ET.Element("testsuites", name="gruverify")
    for document in documents:
        for fmt in document["formats"]:
            root.append(_suite(document, fmt))
        if document["crashes"]:
            root.append(_crashes(document))
        if document["verdict"] in ("inconclusive", "interrupted"):
            root.append(_undecided(document))
    for row in others:
        root.append(_verdict_of(row))
    _count(root)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(document: Document, fmt: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(f"{document['target']} {fmt}"))
    properties = ET.SubElement(suite, "properties")
    facts = {"command": command(document), "verdict": verdict(document), **document["versions"]}
    facts |= {"less accurate": " ".join(less)} if (less := document["less_accurate"]) else {}
    facts |= {"flaky": ". ".join(lines)} if (lines := flaky(document)) else {}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=_text(name), value=_text(value))
    for row in fates(document).values():
        if fmt in row:
            suite.append(_case(document, row[fmt]))
    _count(suite)
    return suite


def _case(document: Document, fate: Fate) -> ET.Element:
    case = ET.Element(
        "testcase", name=_text(fate.id), classname=_text(f"{document['target']}.{fate.format}")
    )
    if fate.status in _OUTCOMES:
        kind, said = _OUTCOMES[fate.status], fate.reason or f"margin {margin(fate.margin)}"
        child = ET.SubElement(case, kind, type=fate.status, message=_text(said))
        child.text = _text(_details(document, fate))
    elif fate.status in _UNASKED:
        ET.SubElement(
            case,
            "skipped",
            type=fate.status,
            message=_text(f"{fate.status}: {fate.reason}".rstrip(": ")),
        )
    return case


def _details(document: Document, fate: Fate) -> str:
    lines = [fate.rows[0]["statement"]]
    for witness in document["witnesses"]:
        if (witness["invariant"], witness["format"]) == (fate.id, fate.format):
            lines += [witness["residual"]["where"]]
            lines += [f"{name} {value}" for name, value in numbers(witness["residual"]).items()]
            lines += document["less_accurate"]
            lines += (
                [f"flaky: {often}"] if (often := flaky_of(document, fate.id, fate.format)) else []
            )
            lines += [f"fails {under}"] if (under := condition(document, witness)) else []
            lines += [
                sizes(witness),
                *(f"run as {line}" for line in runs(document, witness)),
                "",
                snippet(document, witness),
            ]
    return "\n".join(lines)


def _crashes(document: Document) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(f"{document['target']} processes"))
    for i, note in enumerate(document["crashes"], 1):
        case = ET.SubElement(
            suite,
            "testcase",
            name=f"process {i}",
            classname=_text(f"{document['target']}.processes"),
        )
        ET.SubElement(case, "error", type="died", message=_text(note))
    _count(suite)
    return suite


#: The child of a test case that a verdict makes; any other is an error.
_OF_VERDICTS = {"unavailable": "skipped", "falsified": "failure", "inconclusive": "failure"}


def _verdict_of(row: Row) -> ET.Element:
    """The verdict of a target as a test case, skipped where its package is missing."""
    suite = ET.Element("testsuite", name=_text(f"{row.target} verdict"))
    case = ET.SubElement(
        suite, "testcase", name="verdict", classname=_text(f"{row.target}.verdict")
    )
    if row.verdict != "conforms":
        kind = _OF_VERDICTS.get(row.verdict, "error")
        ET.SubElement(case, kind, type=row.verdict, message=_text(f"{row.verdict}: {row.said}"))
    _count(suite)
    return suite


def _undecided(document: Document) -> ET.Element:
    """A failure that stands for a verdict that no test case shows: nothing failed, and yet nothing
    may go on.
    """
    verdict, reasons = (
        document["verdict"],
        doubted(document) or ["the run was stopped before its end"],
    )
    suite = ET.Element("testsuite", name=_text(f"{document['target']} verdict"))
    case = ET.SubElement(
        suite, "testcase", name="verdict", classname=_text(f"{document['target']}.verdict")
    )
    child = ET.SubElement(
        case, "failure", type=verdict, message=_text(f"{verdict}: {'; '.join(reasons)}")
    )
    child.text = _text("\n".join([*reasons, "", *covered(document)]))
    _count(suite)
    return suite


def _count(element: ET.Element) -> None:
    for name, tag in {"tests": "testcase", "failures": "failure", "errors": "error"}.items():
        element.set(name, str(len(list(element.iter(tag)))))
    if element.tag == "testsuite":
        element.set("skipped", str(len(list(element.iter("skipped")))))


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
