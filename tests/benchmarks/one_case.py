"""What one large case costs in two builds: every invariant but those of the deep profile alone.

    python tests/benchmarks/one_case.py OLD NEW [T]

judges a case of H = 512, I = 8, B = 4 and T steps (8 unless given), float32, by nn.GRU and
nn.GRUCell, with the code of the checkouts OLD and NEW in turn. It prints the CPU seconds and the
peak of the resident memory of each, and their ratios: of all that the new one asks, and of the
invariants that both have. It asserts nothing, because times belong to a machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

#: Runs in either build, and so with what 0.1 has, too.
JUDGED = """
import json, resource, sys, time
import numpy as np
from gruverify import Case, Cell, Variant, float32
from gruverify.backends import one_thread, resolve
from gruverify.engine._judge import judge
from gruverify.invariants import INVARIANTS

(H, I, B), T = (512, 8, 4), int(sys.argv[1])
rng, bound = np.random.default_rng(0), H**-0.5
shapes = (3 * H, I), (3 * H, H), (3 * H,), (3 * H,)
cell = Cell(Variant(), *(float32.cast(rng.uniform(-bound, bound, shape)) for shape in shapes))
data = (rng.normal(size=(T, B, I)), rng.uniform(-1, 1, (B, H)),
        rng.normal(size=(T, B, H)), rng.normal(size=(B, H)))
case, backend, seconds = Case(cell, *map(float32.cast, data)), resolve("torch"), {}
asked = [invariant for invariant in INVARIANTS.values() if not invariant.deep]
with one_thread():
    started = time.process_time()
    for judgement in judge(case, backend, asked):
        now = time.process_time()
        seconds[judgement.invariant.id], started = now - started, now
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak": peak / 2**20}))
"""


def cost(checkout: Path, steps: int) -> tuple[dict[str, float], float]:
    """CPU seconds of each invariant, and the peak in GiB, with the code of a checkout."""
    found = os.pathsep.join(map(str, (checkout, checkout / "strategies")))
    done = subprocess.run(
        [sys.executable, "-c", JUDGED, str(steps)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["seconds"], answer["peak"]


def main() -> None:
    """Measure and print."""
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    (old, most), (new, least) = (cost(Path(each).resolve(), steps) for each in sys.argv[1:3])
    shared = sum(seconds for id, seconds in new.items() if id in old)
    before, after = sum(old.values()), sum(new.values())
    print(f"H = 512, I = 8, B = 4, T = {steps}: {'old':>8} {'new':>8} {'new/old':>8}")
    print(f"{'invariants':29} {len(old):8} {len(new):8} {len(new) / len(old):8.2f}")
    print(f"{'CPU seconds':29} {before:8.1f} {after:8.1f} {after / before:8.2f}")
    print(f"{'CPU seconds, of those of old':29} {before:8.1f} {shared:8.1f} {shared / before:8.2f}")
    print(f"{'peak memory, GiB':29} {most:8.2f} {least:8.2f} {least / most:8.2f}")


if __name__ == "__main__":
    main()
