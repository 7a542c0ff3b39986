"""What our entry point adds to `import hypothesis`, in milliseconds: python
tests/benchmarks/entry_point.py

Each round is a fresh process that has imported Hypothesis without plugins; our entry point is then
loaded and called, as `import hypothesis` does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 40
WORK = """
import time
from importlib.metadata import EntryPoint
import hypothesis
ours = EntryPoint("gruverify", "gruverify._hypothesis:register", "hypothesis")
begun = time.process_time()
ours.load()()
print(1000 * (time.process_time() - begun))
"""


def milliseconds() -> list[float]:
    """Of each round."""
    command, environment = [sys.executable, "-c", WORK], os.environ | {"HYPOTHESIS_NO_PLUGINS": "1"}
    rounds = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        for _ in range(ROUNDS)
    ]
    return [float(done.stdout) for done in rounds]


def main() -> None:
    """Measure and print."""
    took = milliseconds()
    print(
        f"the entry point: {min(took):.2f} ms of process time at best, "
        f"{statistics.median(took):.2f} ms in the median"
    )


if __name__ == "__main__":
    main()
