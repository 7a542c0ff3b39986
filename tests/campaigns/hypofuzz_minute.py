"""HypoFuzz on a conformance file of two lines: do levels of gates count as behaviours?

    tox -e hypofuzz

runs `hypothesis fuzz` for a minute (`--seconds`), or up to ten on a busy machine, and reads what it
kept in Hypothesis' database: the inputs that showed it a new behaviour, with the events of each. It
exits with 1 if an input failed, or unless levels of gates are among the behaviours. HypoFuzz
believes what an input shows once it has shown the same twice.

HypoFuzz's own "Found a failing input for every test!" says nothing of the kind: it ends with that,
too, if the first 100 inputs took longer than its first look at its processes, after 60 s. So what
failed is looked up in the database, and HypoFuzz is begun again if nothing did.
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
from collections.abc import Iterable
from contextlib import chdir, suppress
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis.database import DirectoryBasedExampleDatabase

#: The two lines.
FILE = """import gruverify
test_gru = gruverify.testing.conformance("numpy", formats=["f32"], only=["agreement/step"])
"""
NAME = "test_gru.py"
#: How the levels of gates begin, as `pytest --hypothesis-show-statistics` prints them.
GATES = ("z=", "r=", "c=")
#: So often HypoFuzz is begun, at most.
_MOST = 10


def fuzz(seconds: float) -> None:
    """Fuzz the file of the current directory for so long, and on until levels of gates count or
    something failed; on a busy machine a minute is not much.
    """
    for _ in range(_MOST):
        fuzz_once(seconds)
        if failures() or levels(behaviours()[2]):
            return


def fuzz_once(seconds: float) -> None:
    """Begin HypoFuzz, and end it unless it ends by itself before."""
    command = [Path(sys.executable).with_name("hypothesis"), "fuzz", "--no-dashboard", "-n", "1"]
    with Path("output").open("wb") as output:
        fuzzing = subprocess.Popen(
            [*command, "--", NAME, "-p", "no:randomly"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with suppress(subprocess.TimeoutExpired):
        fuzzing.wait(timeout=seconds)
        return
    os.killpg(fuzzing.pid, signal.SIGINT)
    try:
        fuzzing.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(fuzzing.pid, signal.SIGKILL)


def database() -> Any:
    """What HypoFuzz kept, as it reads it."""
    databases = importlib.import_module("hypofuzz.database")
    return databases.HypofuzzDatabase(DirectoryBasedExampleDatabase(".hypothesis/examples"))


@cache
def target_key() -> bytes:
    """The key of the test in the database."""
    collection = importlib.import_module("hypofuzz.collection")
    [target] = collection.collect_tests([NAME, "-p", "no:randomly"]).fuzz_targets
    key: bytes = target.database_key
    return key


def failures() -> list[str]:
    """What failed: inputs, as they were drawn, or all of the test, and why."""
    kept, key = database(), target_key()
    found = [str(each) for each in kept.fatal_failures.fetch_all(key)]
    for state in importlib.import_module("hypofuzz.database").FailureState:
        found += [f"{state}: {choices}" for choices in kept.failures(state=state).fetch(key)]
    return found


def behaviours() -> tuple[int, int, Counter[str]]:
    """Inputs, behaviours that HypoFuzz counts, and the events of the inputs that it kept."""
    provider = importlib.import_module("hypofuzz.provider")
    kept, key = database(), target_key()
    reports = list(kept.reports.fetch(key))
    inputs = max((sum(report.status_counts.values()) for report in reports), default=0)
    found, events = max((report.behaviors for report in reports), default=0), Counter[str]()
    for choices in kept.corpus.fetch(key):
        observation = kept.corpus_observations.fetch(key, choices)
        if observation is not None:
            events.update(provider.bucket_features(observation.features))
    return inputs, found, events


def levels(events: Iterable[str]) -> list[str]:
    """Those of the gates."""
    return sorted(event for event in events if event.removeprefix("event:").startswith(GATES))


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
        if failed := failures():
            raise SystemExit("a right GRU failed:\n" + "\n".join(failed))
        inputs, found, events = behaviours()
    gates = levels(events)
    print(f"{inputs} inputs, {found} behaviours, {len(events)} events, {len(gates)} of gates")
    print(", ".join(gates))
    if not gates:
        raise SystemExit("no level of a gate counts as a behaviour")


if __name__ == "__main__":
    main()
