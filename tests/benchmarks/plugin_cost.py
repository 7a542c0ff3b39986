"""What the pytest plugin costs a run that does not use it, in milliseconds: python
tests/benchmarks/plugin_cost.py

Each round is a fresh process that has imported pytest and its own plugins; ours is then imported
and told of the run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile

ROUNDS = 15
WORK = """
import time, pytest
from _pytest.config import get_config
config = get_config(["-p", "no:gruverify"])
config.parse(["-p", "no:gruverify", "--override-ini", "addopts="])
begun = time.process_time()
import gruverify._pytest as plugin
plugin.pytest_addoption(config._parser)
for option in plugin.OPTIONS:
    setattr(config.option, plugin._key(option.name), None)
plugin.pytest_configure(config)
plugin.pytest_report_header(config)
plugin._loaded()
plugin.pytest_unconfigure(config)
print(1000 * (time.process_time() - begun))
"""


def milliseconds() -> float:
    """The median over the rounds."""
    command, anywhere = [sys.executable, "-c", WORK], tempfile.gettempdir()
    done = [
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=anywhere)
        for _ in range(ROUNDS)
    ]
    return statistics.median(float(run.stdout) for run in done)


def main() -> None:
    """Measure and print."""
    print(f"the plugin, unused: {milliseconds():.2f} ms of process time")


if __name__ == "__main__":
    main()
