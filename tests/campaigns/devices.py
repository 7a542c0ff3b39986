"""Is a target on a device what it is on the CPU, and what it is told to be of its precision?

    python tests/campaigns/devices.py --seconds 600 --json reports/devices.json

puts PyTorch's and JAX's GRUs, and modules of one's own, to one GPU: in four formats, with TF32 on
and off, right and wrong ones, and devices that are not there. Each is a run of `gruverify check` of
its own, with its expected exit code and words. Without a GPU what needs one is not run, and its
expected outcome is printed. Prints one line for each, and exits with 1 if one is not as expected.
Those for which the time did not last are named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

#: As many cases as fit into the time.
CASES = 12
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Expected:
    """A target, and how its run must end.

    says: words of its output. gpu: what it needs, "torch" or "jax" with a GPU, or nothing. tf32:
    what is allowed (see _placed.py).
    """

    target: str
    exit: int
    why: str
    gpu: str = ""
    says: str = ""
    formats: str = "f16,bf16,f32,f64"
    tf32: str = ""


ON_GPU, OF_JAX = "torch", "jax"
PLAN = (
    Expected("_placed:Layer@cpu", 0, "as without a device", formats="f32"),
    Expected("torch@quantum", 2, "an unknown device", says="devices here: cpu"),
    Expected("torch@gpu", 2, "JAX's word for it", says="did you mean cuda?"),
    Expected("numpy@cuda", 2, "NumPy has the CPU alone", says="the CPU alone"),
    Expected("torch@cuda:99", 3, "more than there are", says="devices here: cpu"),
    Expected("_placed:Cell@cuda", 0, "cells in four formats", ON_GPU),
    Expected("_placed:Layer@cuda", 0, "cuDNN's layers without TF32", ON_GPU),
    Expected("_placed:Layer@cuda", 1, "TF32 found out", ON_GPU, "TF32", "f32", "layers"),
    Expected("_placed:Cell@cuda", 0, "TF32 declared", ON_GPU, "tf32", "f32", "matmul"),
    Expected("_placed:Cell@cuda", 0, "by its newer name", ON_GPU, "tf32", "f32", "newer"),
    Expected("_placed:Cell@cuda:0", 0, "a device with its number", ON_GPU, "", "f32"),
    Expected("_placed:there", 2, "an instance there", ON_GPU, "name the device", "f32"),
    Expected("_placed:there@cuda", 0, "an instance where it is", ON_GPU, "", "f32"),
    Expected("_placed:there@cpu", 0, "an instance brought back", ON_GPU, "", "f32"),
    Expected("_placed:Wrapped@cuda", 0, "a layer within a module", ON_GPU, "", "f32"),
    Expected("_placed:Wrong@cuda", 1, "a fault", ON_GPU, "agreement/step", "f32"),
    Expected("_placed:Elsewhere@cuda", 1, "two devices", ON_GPU, "on the same device", "f32"),
    Expected("torch-formulas@cuda", 0, "all conventions", ON_GPU, "", "f32,f64"),
    Expected("torch:func@cuda", 0, "torch.func", ON_GPU, "", "f32"),
    Expected("torch:script@cuda", 1, "as on the CPU", ON_GPU, "contract/weights", "f32"),
    Expected("equinox@gpu", 0, "JAX in float64", OF_JAX, "", "f64"),
    Expected("equinox@gpu", 1, "JAX's products are TF32", OF_JAX, "TF32", "f32"),
    Expected("flax@gpu", 1, "a member of length 0", OF_JAX, "stack/members", "f64"),
    Expected("equinox@cpu", 0, "as without a device", OF_JAX, "", "f32"),
    Expected("torch:compile@cuda", 0, "compiled for it, by Triton", ON_GPU, "", "f32"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one."""

    expected: Expected
    exit: int | None
    seconds: float
    as_expected: bool
    last: str


def gpus() -> set[str]:
    """The frameworks that see a GPU."""
    found = set[str]()
    for framework, code in (
        ("torch", "import torch; assert torch.cuda.is_available()"),
        ("jax", "import jax, equinox; assert jax.devices('gpu')"),
    ):
        if not subprocess.run([sys.executable, "-c", code], capture_output=True).returncode:
            found.add(framework)
    return found


def run(expected: Expected, limit: float) -> Outcome:
    """The run, ended after so many seconds."""
    check = ["check", expected.target, "--format", expected.formats, "--profile", "quick"]
    options = ["--max-cases", str(CASES), "--jobs", "4", "--no-replay", "--witnesses", os.devnull]
    paths = [str(HERE), *sys.path]
    environment = {**os.environ, "TF32": expected.tf32, "PYTHONPATH": os.pathsep.join(paths)}
    begun = time.monotonic()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "gruverify", *check, *options],
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(expected, None, time.monotonic() - begun, False, "the time did not last")
    said = ended.stdout + ended.stderr
    right = ended.returncode == expected.exit and expected.says in said
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    return Outcome(expected, ended.returncode, time.monotonic() - begun, right, last)


def shown(expected: Expected) -> str:
    """What is asked, and the outcome that is expected."""
    allowed = f", TF32 allowed: {expected.tf32}" if expected.tf32 else ""
    words = f', saying "{expected.says}"' if expected.says else ""
    what = f"{expected.target} in {expected.formats}{allowed} ({expected.why})"
    return f"{what}: exit {expected.exit}{words}"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    end, there = time.monotonic() + options.seconds, gpus()
    print(f"GPUs are seen by: {', '.join(sorted(there)) or 'nothing'}")
    outcomes = list[Outcome]()
    for expected in PLAN:
        if expected.gpu and expected.gpu not in there:
            print(f"not run, needs a GPU   {shown(expected)}")
        elif time.monotonic() > end:
            print(f"not run, no time left  {shown(expected)}")
        else:
            outcomes.append(run(expected, end - time.monotonic()))
            print(_line(outcomes[-1]), flush=True)
    wrong = [outcome for outcome in outcomes if not outcome.as_expected]
    print(f"{len(outcomes)} of {len(PLAN)} run, {len(wrong)} not as expected")
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
    return int(bool(wrong))


def _line(outcome: Outcome) -> str:
    if outcome.as_expected:
        return f"as expected, {outcome.seconds:5.1f} s   {shown(outcome.expected)}"
    ended = f"exit {outcome.exit}: {outcome.last}"
    return f"NOT as expected, {outcome.seconds:.1f} s   {shown(outcome.expected)}; it was {ended}"


if __name__ == "__main__":
    sys.exit(main())
