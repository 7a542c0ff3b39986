"""The same faults, on the same machine, in one run: gruverify beside what people use today.

    tox -e race                               the race, into reports/race.json
    python tests/benchmarks/race/race.py --json FILE [--only ID ...] [--jobs 2]

A peer is tried on the faults that it could possibly see, each on both sides of the reset gate, with
PyTorch's other conventions. It finds a fault where one of its checks fails; a right rewrite that
fails one is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from _gradients import GRADIENT_PEERS
from _values import VALUE_PEERS, node_tests
from rich.progress import track

from gruverify.cell import VARIANTS, Variant
from gruverify.engine import Plan
from gruverify.faults import EQUIVALENTS, FAULTS, Fault
from gruverify.matrix import first_fall

BANK = {**FAULTS, **EQUIVALENTS}
PEERS = (*GRADIENT_PEERS, *VALUE_PEERS)
OURS = "gruverify check"
KINDS = ("forward", "gradient", "sequence", "saturated")


def raced(of: tuple[str, str]) -> list[dict[str, Any]]:
    """What gruverify and each peer in whose scope an entry is make of it, on one side of the reset
    gate.
    """
    entry, reset = BANK[of[0]], of[1]
    variants = tuple(v for v in VARIANTS if v.reset == reset and v in entry.variants)
    if not variants or entry.kind in ("contract", "stack"):
        return []
    started = time.perf_counter()
    case = first_fall(
        entry.id, reset, Plan() if entry.id in FAULTS else Plan(max_cases=12)
    ).number_if_found
    rows = [_row(entry, reset, OURS, case, started)]
    variant = next((v for v in variants if v == Variant(reset)), variants[0])  # type: ignore[arg-type]  # one of both
    for peer in PEERS:
        if peer.sees(entry, entry.build(variants)):
            started = time.perf_counter()
            rows.append(
                _row(entry, reset, peer.name, peer.found(entry.build(variants), variant), started)
            )
    return rows


def _row(entry: Fault, reset: str, who: str, case: int | None, started: float) -> dict[str, Any]:
    right, seconds = entry.id in EQUIVALENTS, time.perf_counter() - started
    return {
        "who": who,
        "fault": entry.id,
        "reset": reset,
        "kind": entry.kind,
        "right": right,
        "case": case,
        "s": seconds,
    }


def summary(rows: list[dict[str, Any]], who: str) -> dict[str, Any]:
    """Kill rates, all and by kind, false alarms, and what a kill takes."""
    mine = [row for row in rows if row["who"] == who]
    wrong = [row for row in mine if not row["right"]]
    caught = [row for row in wrong if row["case"] is not None]
    rights = [row for row in mine if row["right"]]
    rate = {kind: _share([row for row in wrong if row["kind"] == kind]) for kind in KINDS}
    return {
        "in scope": len(wrong),
        "all": _share(wrong),
        **rate,
        "false alarms": f"{sum(row['case'] is not None for row in rights)}/{len(rights)}",
        "cases": statistics.median(row["case"] for row in caught) if caught else None,
        "seconds": round(statistics.median(row["s"] for row in caught), 2) if caught else None,
    }


def _share(rows: list[dict[str, Any]]) -> str:
    return f"{sum(row['case'] is not None for row in rows)}/{len(rows)}" if rows else "-"


def main() -> None:
    """Run the race and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes; times are best compared with one"
    )
    arguments = parser.parse_args()
    wanted = [(id, reset) for id in arguments.only or BANK for reset in ("after", "before")]
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn"), node_tests) as pool:
        rows = [
            row for found in track(pool.map(raced, wanted), "racing", len(wanted)) for row in found
        ]
    scopes = {
        OURS: "every fault of cells and sequences",
        **{peer.name: peer.scope for peer in PEERS},
    }
    table = {who: {"scope": scope, **summary(rows, who)} for who, scope in scopes.items()}
    for who, line in table.items():
        print(who, *(f"{name} {value}" for name, value in line.items()), sep=" · ")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"table": table, "rows": rows}, indent=1, ensure_ascii=False) + "\n"
        )


if __name__ == "__main__":
    main()
