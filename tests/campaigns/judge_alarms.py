"""Right GRUs put to `judge`: nn.GRU and our NumPy formulas on random weights and data. None may be
called a bug.

    python tests/campaigns/judge_alarms.py --models 1000

prints the verdicts by target and format, the worst share of a bound, and every false alarm, be it a
number beyond its bound or errors that lean.
`--first 3600` goes on where a run of 3,600 models ended.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from gruverify.arithmetic import Format, float32, float64
from gruverify.backends import (
    ACCURACY,
    declarations_of,
    declared_variants,
    resolve,
)
from gruverify.cell import Cell, Stack, Variant
from gruverify.judging import Ruling, judge

TARGETS = ("torch", "numpy")
#: What is known of targets of other libraries: ONNX Runtime finds 1-z as σ(-a_z), its tanh passes
#: 1, its σ is 1/2 plus a rational function, 4.1 u of 1 in a shut reset gate, and of float16 its
#: states are float32 until they are returned.
KNOWN = {
    "onnxruntime": {
        "blend": "A+B+D",
        "kappa_tanh": 11.0,
        "sigmoid": {"float32": "absolute"},
        "kappa_sigma": {"float32": 5.0},
        "carry": {"float16": 1.0},
    },
}


def random_stack(rng: np.random.Generator, variant: Variant, fmt: Format, most: int) -> Stack:
    """One layer or two, in one direction or both, with weights as they begin, or as large as
    training makes them.
    """
    H, I = (int(2 ** rng.uniform(0, np.log2(most))) for _ in "HI")
    layers, directions = int(rng.choice([1, 1, 1, 2])), int(rng.choice([1, 1, 2]))
    reach = rng.choice([0.5, 1.0, 2.0, 4.0]) / np.sqrt(H)

    def cell(inputs: int) -> Cell:
        shapes = {
            "weight_ih": (3 * H, inputs),
            "weight_hh": (3 * H, H),
            "bias_ih": (3 * H,),
            "bias_hh": (3 * H,),
        }
        arrays = {name: rng.uniform(-reach, reach, shape) for name, shape in shapes.items()}
        masks = {name: np.repeat(variant.mask(name), H) for name in ("bias_ih", "bias_hh")}
        cast = {
            name: fmt.cast(a * masks[name] if name in masks else a) for name, a in arrays.items()
        }
        return Cell(
            variant,
            **{name: a for name, a in cast.items() if variant.bias or name.startswith("weight")},
        )

    sizes = [I] + [directions * H] * (layers - 1)
    return Stack(tuple(tuple(cell(size) for _ in range(directions)) for size in sizes))


@dataclass
class Run:
    """What a GRU is asked: a stack, inputs (T, B, I), states (L·D, B, H), lengths (B,)."""

    stack: Stack
    inputs: Any
    states: Any
    lengths: Any

    def judged(self, backend: Any) -> Ruling:
        """The verdict on what the backend returns."""
        outputs, _ = backend.stack(self.stack, self.inputs, self.states, self.lengths, False)
        declared = declarations_of(backend, self.stack.format)
        accuracy = {name: getattr(declared, name) for name in ACCURACY}
        accuracy |= KNOWN.get(backend.name, {})
        return judge(
            self.stack, self.inputs, outputs, state=self.states, lengths=self.lengths, **accuracy
        )


def random_run(stack: Stack, steps: int, rng: np.random.Generator) -> Run:
    """Random inputs, states and lengths for a stack."""
    fmt, B = stack.format, int(rng.integers(1, 4))
    x = fmt.cast(rng.normal(size=(steps, B, stack.input_size)) * rng.choice([0.1, 1.0, 5.0]))
    h = fmt.cast(rng.uniform(-1, 1, (stack.layers * stack.directions, B, stack.hidden_size)))
    lengths = rng.integers(1, steps + 1, B) if rng.random() < 0.3 else np.full(B, steps)
    return Run(stack, x, h, lengths)


def random_runs(
    backend: Any, seed: int, *, most_steps: int = 300, most_units: int = 96
) -> Iterator[Run]:
    """Random models in the variants and formats of a target, and what they are asked, without end.
    Nothing that is drawn depends on an answer.
    """
    rng = np.random.default_rng(seed)
    variants = list(declared_variants(backend))
    offered = tuple(backend.formats)
    odds = np.array([0.1 + 0.3 * (fmt in (float32, float64)) for fmt in offered])
    while True:
        fmt = offered[rng.choice(len(offered), p=odds / odds.sum())]
        stack = random_stack(rng, variants[rng.integers(len(variants))], fmt, most_units)
        steps = int(2 ** rng.uniform(0, np.log2(most_steps)))
        if stack.layers > 1 and fmt not in (float32, float64):
            steps = min(
                steps, 16
            )  # inner layers are not recorded, and little is claimed of longer ones
        yield random_run(stack, steps, rng)


def rulings(
    target: str, models: int, seed: int, *, first: int = 0, **most: int
) -> Iterator[tuple[Run, Ruling]]:
    """So many runs of random models, from the first on, and the verdict on each."""
    backend: Any = resolve(target)
    for run in islice(random_runs(backend, seed, **most), first, first + models):
        yield run, run.judged(backend)


@dataclass
class Tally:
    """What was found of a target so far."""

    target: str
    verdicts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)
    entries: int = 0

    def add(self, run: Run, ruling: Ruling) -> None:
        """One verdict more; an alarm is printed."""
        fmt = run.stack.format.name
        self.verdicts[fmt, ruling.verdict, run.stack.layers] += 1
        margin = 0.0 if ruling.worst is None else ruling.worst.margin
        self.worst[fmt] = max(self.worst.get(fmt, 0.0), margin)
        self.entries += ruling.entries
        if ruling.leaning is not None:
            print(f"LEANING {self.target}, T={len(run.inputs)}, {ruling.sizes}: {ruling.leaning}")
        if ruling.beyond:
            print(
                f"ALARM {self.target}, {run.stack.variant}, T={len(run.inputs)}: {ruling.sizes}, "
                f"{ruling.verdict}, {ruling.worst}"
            )

    def show(self) -> None:
        """Print it."""
        models = self.verdicts.total()
        worst = ", ".join(f"{fmt} {margin:.2f}" for fmt, margin in sorted(self.worst.items()))
        print(f"{self.target}: {models:,} models, {self.entries:,} numbers; nearest: {worst}")
        for (fmt, verdict, layers), count in sorted(self.verdicts.items()):
            print(f"  {fmt}, {layers} layer{'s' * (layers > 1)}: {count:,} {verdict}")
        sys.stdout.flush()


def main() -> None:
    """Judge them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000, help="of each target")
    parser.add_argument("--first", type=int, default=0, help="models before it are drawn alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="*", default=list(TARGETS))
    parser.add_argument("--most-steps", type=int, default=300, help="T at most")
    asked = parser.parse_args()
    for target in asked.targets:
        tally = Tally(target)
        found = rulings(
            target, asked.models, asked.seed, first=asked.first, most_steps=asked.most_steps
        )
        for run, ruling in found:
            tally.add(run, ruling)
            if tally.verdicts.total() % 500 == 0:
                tally.show()
        tally.show()


if __name__ == "__main__":
    main()
