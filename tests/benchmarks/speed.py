"""The figures that gruverify promises, beside their peers, in one run.

    python tests/benchmarks/speed.py

prints times (best of several) and ratios. It needs torch; it asserts nothing, because times belong
to a machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from gruverify.arithmetic import Ball, Rounding, float64
from gruverify.backends import NumpyBackend, resolve
from gruverify.cell import Case, Cell, Variant
from gruverify.formulas import activations, jacobian
from gruverify.invariants import INVARIANTS, Trial

#: What says whether states and gradients are right, beside what is said of relations between them.
FIRST = ("contract", "agreement", "regimes", "bounds")


def best(action: Callable[[], object], times: int) -> float:
    """The shortest of several runs, in seconds; the first is a warm-up."""
    action()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        took.append(time.perf_counter() - start)
    return min(took)


def a_case(H: int, I: int, B: int, T: int) -> Case:
    """Dense weights of PyTorch's initial scale, in float64."""
    rng = np.random.default_rng(0)
    bound = H**-0.5
    shapes = {
        "weight_ih": (3 * H, I),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    cell = Cell(
        Variant(), **{name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}
    )
    data = (
        rng.normal(size=(T, B, I)),
        rng.uniform(-1, 1, (B, H)),
        rng.normal(size=(T, B, H)),
        rng.normal(size=(B, H)),
    )
    return Case(cell, *data)


def verify_gradients(case: Case) -> None:
    """Every gradient of nn.GRU, entry by entry, against its derived tolerance."""
    trial = Trial(case, resolve("torch"))
    wanted = [
        i
        for i in INVARIANTS.values()
        if i.id.startswith("agreement/gradient-") and i.id != "agreement/gradient-of-last"
    ]
    worst = max(residual.margin for invariant in wanted for residual in invariant.check(trial))
    if worst > 1:
        raise SystemExit(f"margin {worst}: the benchmark's own case is falsified")


def gradcheck(case: Case, fast: bool) -> None:
    """torch.autograd.gradcheck of nn.GRU over its parameters, inputs and state."""
    leaves = [
        torch.tensor(a, requires_grad=True)
        for a in (case.inputs, case.state[None], *case.cell.packed().values())
    ]

    def run(
        inputs: torch.Tensor, state: torch.Tensor, *parameters: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        return tuple(
            torch._VF.gru(inputs, state, list(parameters), True, 1, 0.0, False, False, False)
        )

    if not torch.autograd.gradcheck(run, leaves, fast_mode=fast):
        raise SystemExit("gradcheck failed")


def gradients() -> None:
    small, large = a_case(16, 8, 4, 5), a_case(64, 32, 8, 8)
    ours, theirs = (
        best(lambda: verify_gradients(small), 10),
        best(lambda: gradcheck(small, fast=False), 1),
    )
    print(
        f"gradients of nn.GRU, H=16 I=8 B=4 T=5:   ours {ours * 1e3:.2f} ms, gradcheck exact "
        f"{theirs * 1e3:.0f} ms: "
        f"{theirs / ours:.0f} times faster (wanted: 100)"
    )
    ours, theirs = (
        best(lambda: verify_gradients(large), 10),
        best(lambda: gradcheck(large, fast=True), 5),
    )
    print(
        f"gradients of nn.GRU, H=64 I=32 B=8 T=8:  ours {ours * 1e3:.2f} ms, gradcheck fast  "
        f"{theirs * 1e3:.2f} ms: "
        f"{theirs / ours:.2f} times as fast (wanted: 1)"
    )


def jacobians() -> None:
    case, mode = a_case(8, 8, 1024, 1), Rounding(float64)
    cell, x, h = case.cell, case.inputs[0], case.state

    def with_tolerance() -> None:
        p = cell.parameters(lambda a: Ball.exact(mode, a))
        for ball in jacobian(
            cell.variant, p, activations(cell.variant, p, Ball.exact(mode, x), Ball.exact(mode, h))
        ):
            assert ball.radius.shape[0] == 1024

    backend = NumpyBackend()
    plain, tolerant = (
        best(lambda: backend.step_jacobian(cell, x, h), 200),
        best(with_tolerance, 200),
    )
    print(
        f"step Jacobian, 1,024 cells, H=8:         alone {plain * 1e3:.2f} ms, with tolerance "
        f"{tolerant * 1e3:.2f} ms: "
        f"{tolerant / plain:.2f} times (wanted: at most 4)"
    )


def process_seconds(*command: str) -> tuple[float, float]:
    """Wall and processor seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.perf_counter() - start,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def commands() -> None:
    module = (sys.executable, "-m", "gruverify")
    only = [word for family in FIRST for word in ("--only", family)]
    for profile, first, whole in (("default", 20, 45), ("quick", 6, 10)):
        for asked, wanted, what in ((only, first, ", ".join(FIRST)), ([], whole, "everything")):
            wall, _ = process_seconds(*module, "check", "torch", "--profile", profile, *asked)
            print(
                f"gruverify check torch --profile {profile:8} {wall:.1f} s (wanted: at most "
                f"{wanted}): {what}"
            )
    bare = min(process_seconds(sys.executable, "-c", "pass")[1] for _ in range(5))
    helped = min(process_seconds(*module, "--help")[1] for _ in range(5))
    print(
        f"gruverify --help                          {helped - bare:.2f} s beyond bare Python "
        "(wanted: under 0.3)"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    gradients()
    jacobians()
    commands()
