"""Writes reports/sample: what `gruverify check` reports of the README's broken GRU. `tox -e report`
runs it.
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path

from gruverify import check, float16, float32
from gruverify.reporting import Document, document, write_report

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample"
BLOCK = re.compile(r"^```python file=my_gru.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sample() -> Document:
    """The result; what it took is not part of a sample that anyone can make again."""
    found = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None, "README.md has no my_gru.py"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "my_gru.py").write_text(found[1], encoding="utf-8")
        sys.path.insert(0, folder)
        step = importlib.import_module("my_gru").step
        result = check(step, profile="quick", formats=[float16, float32], name="my_gru:step")
    return {**document(result), "timing": {"seconds": 0.0}}


if __name__ == "__main__":
    write_report([sample()], SAMPLE)
    print(f"written: {SAMPLE}")
