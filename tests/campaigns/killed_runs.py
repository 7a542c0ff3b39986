"""Runs that are killed at random moments, and gone on with: the same verdict and digest as an
undisturbed run.

    python tests/campaigns/killed_runs.py --runs 100

Each run is one of a right or a wrong GRU with `check --store`, and is sent SIGTERM, SIGINT or
SIGKILL at a random moment of the time that an undisturbed one takes: to its group, or SIGKILL to
the command alone; a third of them twice. Whatever JSON it leaves must be a valid result, the store
must list its runs, and the same command with --resume must end as if nothing had happened: with the
same exit code, and the same document but for the times.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gruverify.reporting import load_document

TARGETS = (
    "numpy",
    "gruverify.faults:inverted-update-gate",
    "gruverify.faults:reset-on-the-other-side",
)
OPTIONS = (
    "--format",
    "f32,bf16",
    "--only",
    "agreement",
    "--only",
    "contract/shape-step",
    "--max-cases",
)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)


@dataclass(frozen=True)
class Undisturbed:
    """How a run ends that nobody kills."""

    code: int
    digest: str
    seconds: float


def digest(file: Path) -> str:
    """That of a result without its times."""
    document = load_document(file)
    document.pop("timing")
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def started(
    folder: Path, target: str, cases: int, jobs: int, *options: str
) -> subprocess.Popen[bytes]:
    """A check in a folder, in a group of processes of its own, that heeds all signals."""
    command = [
        sys.executable,
        "-m",
        "gruverify",
        "check",
        target,
        *OPTIONS,
        str(cases),
        "--jobs",
        str(jobs),
    ]
    command += ["--json", "result.json", *options]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding,
    )


def heeding() -> None:
    """Have both signals do what they do in a shell: whoever runs this in the background may have
    them ignored.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def ended(run: subprocess.Popen[bytes]) -> int:
    """The exit code of a run, once it has one; it never ends with a traceback."""
    _, said = run.communicate(timeout=600)
    assert b"Traceback" not in said, said.decode()
    return run.returncode


def undisturbed(target: str, cases: int) -> Undisturbed:
    """A run of a target that nobody kills, and that is kept nowhere."""
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        code = ended(started(Path(name), target, cases, 2))
        return Undisturbed(code, digest(Path(name) / "result.json"), time.monotonic() - began)


def killed(run: subprocess.Popen[bytes], after: float, by: signal.Signals, *, alone: bool) -> str:
    """Kill a run after so many seconds; returns how it ended."""
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(run.pid, by) if alone else os.killpg(run.pid, by)
    code = ended(run)
    return "finished before" if code in (0, 1, 6) else f"{by.name}, exit code {code}"


def disturbed(target: str, cases: int, expected: Undisturbed, draw: random.Random) -> list[str]:
    """Kill a run, once or twice, go on with it, and see that it ends as it would have; returns how
    the others ended.
    """
    found = list[str]()
    with tempfile.TemporaryDirectory() as name:
        folder, kept = Path(name), ("--store", "runs.db", "--resume")
        for _ in range(draw.choice([1, 1, 2])):
            by = draw.choice(SIGNALS)
            run = started(folder, target, cases, draw.choice([1, 2]), *kept)
            alone = by is signal.SIGKILL and draw.random() < 0.5
            found.append(killed(run, draw.uniform(0, expected.seconds), by, alone=alone))
            if (folder / "result.json").exists():
                load_document(folder / "result.json")
            if (folder / "runs.db").exists():
                subprocess.run(
                    [sys.executable, "-m", "gruverify", "compare", "runs.db"],
                    cwd=folder,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
        code = ended(started(folder, target, cases, draw.choice([1, 2]), *kept))
        assert code == expected.code, f"{target}: exit code {code}, and not {expected.code}"
        assert digest(folder / "result.json") == expected.digest, (
            f"{target}: another result than undisturbed"
        )
    return found


def main() -> None:
    """Kill the runs, and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--cases", type=int, default=20, help="cases for each format")
    parser.add_argument("--seed", type=int, default=0, help="of targets, signals and moments")
    options = parser.parse_args()
    expected = {target: undisturbed(target, options.cases) for target in TARGETS}
    for target, run in expected.items():
        print(f"undisturbed {target}: exit code {run.code}, {run.seconds:.1f} s")
    draw, counts = random.Random(options.seed), Counter[str]()
    for number in range(options.runs):
        target = draw.choice(TARGETS)
        ends = disturbed(target, options.cases, expected[target], draw)
        counts.update(ends)
        print(f"{number + 1:4} {target}: {', then '.join(ends)}: resumed", flush=True)
    print(
        f"\n{options.runs} runs resumed, each with the verdict and the digest of an undisturbed "
        "one; killed:"
    )
    for end, count in sorted(counts.items()):
        print(f"{count:4} {end}")


if __name__ == "__main__":
    main()
