"""What the same commands cost in two builds.

    python tests/benchmarks/two_builds.py OLD NEW [WORD...]

runs each command of `COMMANDS` (or those whose name has one of the words) in the checkouts OLD and
NEW in turn, and prints the CPU seconds and the ratio. Counted is every process that a command
starts, also those that nobody waits for. It asserts nothing, because times belong to a machine.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

BROKEN = "gruverify.faults:inverted-update-gate"
#: A step whose reset gate is on the wrong side, as a user would write it.
MODULE = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))

def step(cell, x, h):
    a_r, a_z, a_n = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, axis=1)
    b_r, b_z, b_n = np.split(h @ cell.weight_hh.T, 3, axis=1)
    c_r, c_z, c_n = np.split(cell.bias_hh, 3)
    r, z = sigmoid(a_r + b_r + c_r), sigmoid(a_z + b_z + c_z)
    n = np.tanh(a_n + r * b_n + c_n)
    return (1 - z) * n + z * h
"""
COMMANDS = {
    "a step, quick, f32 and f64": ["my_gru:step", "--profile", "quick", "--format", "f32,f64"],
    "wrong everywhere, quick": [BROKEN, "--profile", "quick"],
    "wrong everywhere, default": [BROKEN],
    "torch, quick": ["torch", "--profile", "quick"],
    "torch, default": ["torch"],
}
#: What JAX compiles, where it is installed, and the libraries on it.
for _name in ("jitted", "flax", "nnx", "equinox", "haiku"):
    COMMANDS[f"jax, {_name}"] = [f"jax_cells:{_name}", "--profile", "quick", "--format", "f32"]
#: Of prctl: processes whose parent is gone become ours.
_SUBREAPER = 36


def cpu_seconds(checkout: Path, arguments: list[str]) -> float:
    """Of `gruverify check` with these arguments, in a folder of its own."""
    before = _children()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "my_gru.py").write_text(MODULE, encoding="utf-8")
        beside = Path(__file__).parent  # jax_cells
        found = os.pathsep.join(map(str, (checkout, checkout / "strategies", beside)))
        subprocess.run(
            [sys.executable, "-m", "gruverify", "check", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        _wait_for_all()
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_all() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main() -> None:
    """Measure and print."""
    old, new = (Path(argument).resolve() for argument in sys.argv[1:3])
    words = sys.argv[3:] or [""]
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    print(f"{'CPU seconds':30} {'old':>8} {'new':>8} {'new/old':>8}")
    for name, arguments in COMMANDS.items():
        if any(word in name for word in words):
            before, after = (cpu_seconds(each, arguments) for each in (old, new))
            print(f"{name:30} {before:8.1f} {after:8.1f} {after / before:8.2f}", flush=True)


if __name__ == "__main__":
    main()
