"""Does `gruverify check`, as users run it, accuse a GRU that is right?

    python tests/campaigns/default_runs.py --seeds 25 --json reports/default_runs.json

runs the command, default profile and all formats, for each shipped target below and each seed, and
prints the verdict, the judgements, and every failure or doubt. Exits with 1 if any run does not
conform.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

TARGETS = ("numpy", "torch", "torch-formulas", "torch:GRU")


def checked(target: str, seed: int, profile: str) -> dict[str, Any]:
    """The result of one run, as JSON values."""
    command = [
        sys.executable,
        "-m",
        "gruverify",
        "check",
        target,
        "--seed",
        str(seed),
        "--profile",
        profile,
    ]
    run = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, check=False)
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def complaints(document: dict[str, Any]) -> list[str]:
    """What failed and what was doubted."""
    failed = [
        f"{row['id']} {row['format']} {row['variant']}: margin {row['margin']['max']} "
        f"{row['reason']}"
        for row in document["invariants"]
        if row["status"] in ("falsified", "error", "blocked")
    ]
    return failed + (document["doubts"] if document["verdict"] == "inconclusive" else [])


def main() -> int:
    """Runs them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--profile", default="default")
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs side by side")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    verdicts, judgements = Counter[str](), Counter[str]()
    claimed, compared = Counter[str](), Counter[str]()
    alarms = list[str]()
    seeds = range(options.first, options.first + options.seeds)
    runs = [(target, seed) for seed in seeds for target in options.targets]
    with ThreadPoolExecutor(options.jobs) as side_by_side:
        documents = side_by_side.map(lambda run: checked(*run, options.profile), runs)
        for (target, seed), document in zip(runs, documents, strict=True):
            verdicts[f"{target}: {document['verdict']}"] += 1
            judgements[target] += sum(row["cases"] for row in document["invariants"])
            for row in document["invariants"]:
                compared[row["format"]] += row["entries"]["compared"]
                claimed[row["format"]] += row["entries"]["claimed"]
            found = [f"{target}, seed {seed}: {complaint}" for complaint in complaints(document)]
            print(f"{target}, seed {seed}: {document['verdict']}", *found, sep="\n  ", flush=True)
            alarms += found
    shares = {fmt: round(claimed[fmt] / compared[fmt], 4) for fmt in compared}
    figures = {
        "verdicts": verdicts,
        "judgements": judgements,
        "claimed": shares,
        "entries": compared,
        "alarms": alarms,
    }
    print(
        json.dumps({name: value for name, value in figures.items() if name != "alarms"}, indent=1)
    )
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
