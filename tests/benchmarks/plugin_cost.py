"""What the pytest plugin costs a run that does not use it, in milliseconds: python tests/benchmarks/plugin_cost.py

Each round is a fresh process that has imported pytest; the plugin is then imported and told of a run, as pytest does.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 15
WORK = """
import time, pytest, _pytest.config
config = _pytest.config.get_config([])
begun = time.process_time()
import gruverify._pytest as plugin
plugin.pytest_addoption(config._parser)
config.parse([])
plugin.pytest_configure(config)
plugin.pytest_report_header(config)
print(1000 * (time.process_time() - begun))
"""
#: The same without the plugin.
NOTHING = WORK.replace("import gruverify._pytest as plugin\n", "").replace("plugin.", "0 and plugin.")


def milliseconds(code: str) -> float:
    """The median over the rounds."""
    command = [sys.executable, "-c", code]
    done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(ROUNDS)]
    return statistics.median(float(run.stdout) for run in done)


def main() -> None:
    """Measure and print."""
    print(f"the plugin, unused: {milliseconds(WORK) - milliseconds(NOTHING):.2f} ms of process time")


if __name__ == "__main__":
    main()
