"""What two workers of pytest-xdist gain: python tests/benchmarks/plugin_workers.py [PROFILE]

times `pytest --gru-target torch` with -n 0 and with -n 2, and beside it what two processes gain
here at best: the same loop in one process twice, and in two at once. Cores that share their
arithmetic gain less than two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

LOOP = "total = 0\nfor i in range(60_000_000): total += i"


def seconds(*commands: list[str]) -> float:
    """How long all of them take at once."""
    with tempfile.TemporaryDirectory() as empty:
        started = time.monotonic()
        running = [
            subprocess.Popen(command, cwd=empty, stdout=subprocess.DEVNULL) for command in commands
        ]
        if any(process.wait() for process in running):
            raise SystemExit(f"{commands[0]} failed")
        return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    profile = sys.argv[1] if len(sys.argv) > 1 else "default"
    loop = [sys.executable, "-c", LOOP]
    best = 2 * seconds(loop) / seconds(loop, loop)
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:randomly",
        "--gru-target",
        "torch",
        "--gru-profile",
        profile,
    ]
    alone, together = (seconds([*run, "-n", workers]) for workers in ("0", "2"))
    print(
        f"pytest --gru-target torch --gru-profile {profile}: -n 0 {alone:.1f} s, -n 2 "
        f"{together:.1f} s"
    )
    print(
        f"{alone / together:.2f} times as fast; two processes that share nothing: {best:.2f} times"
    )


if __name__ == "__main__":
    main()
