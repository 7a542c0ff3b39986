"""What it costs to hold a sequence step by step, at the sizes people use.

    python tests/benchmarks/each.py

prints the CPU seconds that gruverify itself takes, without the target's own answers, on one thread;
it needs torch. It asserts nothing, because times belong to a machine.
"""

from __future__ import annotations

import time

import numpy as np

from gruverify import Case, Cell, Format, Variant, bfloat16, float32
from gruverify.backends import one_thread, resolve
from gruverify.invariants import INVARIANTS, Trial
from gruverify.invariants.core._shown import showing_inputs

#: An invariant, H = I, and T, for B = 2.
ASKED = (
    ("agreement/each-step", 256, 256),
    ("agreement/each-cotangent", 256, 64),
    ("agreement/long-gradient", 256, 64),
)


def a_case(fmt: Format, H: int, T: int) -> Case:
    """A layer as PyTorch initializes it, and two members."""
    rng, B = np.random.default_rng(0), 2
    bound = H**-0.5
    shapes = {
        "weight_ih": (3 * H, H),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    cell = Cell(
        Variant(),
        **{name: fmt.cast(rng.uniform(-bound, bound, shape)) for name, shape in shapes.items()},
    )
    data = (
        rng.normal(size=(T, B, H)),
        rng.uniform(-1, 1, (B, H)),
        rng.normal(size=(T, B, H)),
        rng.normal(size=(B, H)),
    )
    return Case(cell, *map(fmt.cast, data))


def seconds(trial: Trial, id: str) -> float:
    """The CPU time of one invariant over a trial of which the target's answers are known."""
    started = time.process_time()
    with np.errstate(over="ignore", invalid="ignore"):
        worst = max(residual.margin for residual in INVARIANTS[id].check(trial))
    if worst > 1:
        raise SystemExit(f"{id}: margin {worst}: the benchmark's own case is falsified")
    return time.process_time() - started


def main() -> None:
    """Every invariant, in a wide and in a narrow format."""
    for fmt in (float32, bfloat16):
        for id, H, T in ASKED:
            trial = Trial(a_case(fmt, H, T), resolve("torch"))
            for asked in (trial, trial.on(showing_inputs)):
                _ = asked.observed.sequence, asked.observed.sequence_vjp
            print(
                f"{id:26s} {fmt.name:9s} H = I = {H}, T = {T:3d}, B = 2: {seconds(trial, id):.2f} s"
            )


if __name__ == "__main__":
    with one_thread():
        main()
