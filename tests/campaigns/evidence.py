"""Writes the measured sections of docs/evidence.md from the results of the runs that measure them.

    tox -e evidence                                all the runs, then this
    python tests/campaigns/evidence.py reports

reads faults.json, race.json, sensitivity.json and false_alarms.json there. A section stands between
two comments that name it, and is left as it is where its result is missing.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from gruverify.reporting.matrix import decode_matrix, table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evidence.md"
CATCHES = ROOT / "gruverify" / "reporting" / "catches.json"


def measured(path: Path) -> str:
    """When and on what: the date of the result, and the class of machine."""
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    return (
        f"Measured on {day}, {os.cpu_count()} cores of {platform.machine()}, CPython "
        f"{platform.python_version()}"
    )


def faults(path: Path) -> str:
    """What the bank says."""
    matrix = decode_matrix(path.read_text("utf-8"))
    s, versions = matrix.summary(), matrix.header["versions"]
    shown = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "python")
    survivors = (
        ", ".join(f"`{fate.fault}` (reset {fate.reset})" for fate in matrix.survivors) or "none"
    )
    slowest = [
        (f"`{f.fault}`", f.reset, str(f.cases), f"{f.seconds:.2f}", f"`{f.first}`")
        for f in matrix.faults[:8]
    ]
    cover = matrix.cover
    fewest = f"{len(cover.invariants)} {'(no fewer do)' if cover.smallest else '(greedy)'}"
    figures = [
        ("faults", str(s["faults"])),
        ("with the sides of the reset gate that they have", str(s["entries"])),
        ("caught", f"{s['caught']} of {s['entries']}"),
        ("survivors", survivors),
        ("right rewrites that failed", f"{s['false alarms']} of {len(matrix.rewrites)}"),
        ("cases until caught", f"median {s['cases, median']:g}, at most {s['cases, largest']}"),
        (
            "seconds until caught",
            f"median {s['seconds, median']:.2f}, at most {s['seconds, largest']:.1f}",
        ),
        ("smallest cases", ", ".join(f"{k} ≤ {s[f'witness {k}, largest']}" for k in "HIBT")),
        ("invariants that catch all", fewest),
    ]
    head = (
        f"{measured(path)}, {shown}; profile {matrix.header['profile']}, seed "
        f"{matrix.header['seed']}."
    )
    return "\n\n".join(
        [
            head,
            table(("figure", "value"), figures),
            "Those that took most cases:",
            table(("fault", "reset", "case", "seconds", "caught first by"), slowest),
        ]
    )


def race(path: Path) -> str:
    """What others make of the same faults."""
    lines = json.loads(path.read_text("utf-8"))["table"]
    head = (
        "checked with",
        "scope",
        "all",
        "forward",
        "gradient",
        "sequence",
        "saturated",
        "false alarms",
        "cases",
        "seconds",
    )
    rows = [(who, *(str(line[name]) for name in head[1:])) for who, line in lines.items()]
    note = (
        "Kills of the entries in scope (a fault on a side of the reset gate); cases and "
        "seconds are medians of kills."
    )
    return f"{measured(path)}. {note}\n\n{table(head, rows)}"


def sensitivity(path: Path) -> str:
    """How small an error is found."""
    document = json.loads(path.read_text("utf-8"))
    rows = []
    for fmt, errors in document["formats"].items():
        for sort in ("weight", "gate", "gradient"):
            found = [row for name, row in errors.items() if name.startswith(sort)]
            smallest = [row["smallest"] for row in found if row["smallest"]]
            caught = [row["case"] for row in found if row["case"]]
            cases = f"median {median(caught):g}, at most {max(caught)}" if caught else "-"
            rows.append(
                (
                    fmt,
                    sort,
                    f"{len(caught)} of {len(found)}",
                    cases,
                    f"{median(smallest):g}",
                    f"{max(smallest):g}",
                )
            )
    head = ("format", "error in one", "64 u found", "in case", "smallest δ / u, median", "largest")
    return f"{measured(path)}; {document['cases']} cases.\n\n{table(head, rows)}"


def false_alarms(path: Path) -> str:
    """How often something fails that should not."""
    found = json.loads(path.read_text("utf-8"))
    alarms = "no alarm" if not found["alarms"] else f"**{len(found['alarms'])} alarms**"
    head = (
        f"{measured(path)}: {found['evaluations']:,} evaluations (one unit of one member at one "
        "step, judged by one "
        f"invariant) in {found['cases']:,} cases of {len(found['of'])} right implementations: "
        f"{alarms}."
    )
    formats = ", ".join(f"{name} {count:,}" for name, count in found["shipped"].items())
    sizes = ", ".join(f"{size} {count:,}" for size, count in found["sizes"].items())
    each = sorted(found["invariants"].values())
    mixed = (
        f"By the largest of H, I, B and T: {sizes}. Each of {len(each)} invariants has at least "
        f"{each[0]:,}, {median(each):,.0f} in the median and {each[-1]:,} at most."
    )
    margins = found["margins"].items()
    rows = [
        (name, f"{int(n):,}", f"{int(some):,}", *(f"{q:g}" for q in rest))
        for name, (n, some, *rest) in margins
    ]
    shown = table(
        ("family, bound", "judgements", "not 0", "median of those", "90 %", "largest"), rows
    )
    told = "Their margins (error / bound), of those judgements in which there is an error at all"
    return f"{head} {mixed}\n\nOf these the shipped targets have: {formats}. {told}:\n\n{shown}"


SECTIONS: dict[str, Callable[[Path], str]] = {
    "faults": faults,
    "race": race,
    "sensitivity": sensitivity,
    "false_alarms": false_alarms,
}


def rewritten(page: str, name: str, text: str) -> str:
    """The page with another text between the comments of that name."""
    pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    if not re.search(pattern, page, re.DOTALL):
        raise SystemExit(f"{PAGE.name} has no section {name!r}")
    return re.sub(pattern, lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page, flags=re.DOTALL)


def catches(path: Path) -> str:
    """How many faults each invariant catches, and which of them no other does: data for the
    catalogue.
    """
    matrix = decode_matrix(path.read_text("utf-8"))
    alone = matrix.alone()
    found = {
        id: {"catches": len(ids), "alone": alone.get(id, [])}
        for id, ids in matrix.catches().items()
    }
    return json.dumps(found, indent=1) + "\n"


def main(folder: Path) -> None:
    """Rewrite the sections whose results are in the folder, and the data of what catches what."""
    page: Any = PAGE.read_text("utf-8")
    for name, section in SECTIONS.items():
        path = folder / f"{name}.json"
        if path.exists():
            page = rewritten(page, name, section(path))
            print(f"{name}: written from {path}")
    PAGE.write_text(page, "utf-8")
    if (matrix := folder / "faults.json").exists():
        CATCHES.write_text(catches(matrix), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
