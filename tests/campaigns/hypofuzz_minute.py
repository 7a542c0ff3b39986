"""HypoFuzz on a conformance file of two lines: do levels of gates count as behaviours?

    tox -e hypofuzz

runs `hypothesis fuzz` for a minute (`--seconds`), and reads what it kept in Hypothesis' database:
the inputs that showed it a new behaviour, with the events of each. It exits with 1 unless levels of
gates are among them. HypoFuzz believes what an input shows once it has shown the same twice.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import chdir
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase

#: The two lines.
FILE = """import gruverify
test_gru = gruverify.testing.conformance("numpy", formats=["f32"], only=["agreement/step"])
"""
NAME = "test_gru.py"
#: How the levels of gates begin, as `pytest --hypothesis-show-statistics` prints them.
GATES = ("z=", "r=", "c=")


def fuzz(seconds: float) -> None:
    """Fuzz the file of the current directory for so long."""
    command = [Path(sys.executable).with_name("hypothesis"), "fuzz", "--no-dashboard", "-n", "1"]
    with Path("output").open("wb") as output:
        fuzzing = subprocess.Popen(
            [*command, "--", NAME, "-p", "no:randomly"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            fuzzing.wait(timeout=seconds)
            # What it found is in Hypothesis' database: pytest shows it.
            again = [sys.executable, "-m", "pytest", "-p", "no:randomly", NAME]
            shown = subprocess.run(again, capture_output=True, text=True, check=False).stdout
            raise SystemExit(f"HypoFuzz ended by itself:\n{Path('output').read_text()}\n{shown}")
        except subprocess.TimeoutExpired:
            os.killpg(fuzzing.pid, signal.SIGINT)
        try:
            fuzzing.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(fuzzing.pid, signal.SIGKILL)


def behaviours() -> tuple[int, int, Counter[str]]:
    """Inputs, behaviours that HypoFuzz counts, and the events of the inputs that it kept."""
    collection = importlib.import_module("hypofuzz.collection")
    provider = importlib.import_module("hypofuzz.provider")
    databases = importlib.import_module("hypofuzz.database")
    database = databases.HypofuzzDatabase(DirectoryBasedExampleDatabase(".hypothesis/examples"))
    [target] = collection.collect_tests([NAME, "-p", "no:randomly"]).fuzz_targets
    reports = database.reports.fetch(target.database_key)
    inputs = max((sum(report.status_counts.values()) for report in reports), default=0)
    found, events = max((report.behaviors for report in reports), default=0), Counter[str]()
    for choices in database.corpus.fetch(target.database_key):
        kept = database.corpus_observations.fetch(target.database_key, choices)
        if kept is not None:
            events.update(provider.bucket_features(kept.features))
    return inputs, found, events


def main() -> None:
    """Fuzz, and say what counted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path(NAME).write_text(FILE, encoding="utf-8")
        fuzz(options.seconds)
        inputs, found, events = behaviours()
    gates = sorted(event for event in events if event.removeprefix("event:").startswith(GATES))
    print(f"{inputs} inputs, {found} behaviours, {len(events)} events, {len(gates)} of gates")
    print(", ".join(gates))
    if not gates:
        raise SystemExit("no level of a gate counts as a behaviour")


if __name__ == "__main__":
    main()
