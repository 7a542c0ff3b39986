"""Right GRUs put to `judge`: nn.GRU and our NumPy formulas on random weights and data. None may be
called a bug.

    python tests/campaigns/judge_alarms.py --models 1000

prints the verdicts by target and format, the worst share of a bound, and every false alarm.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
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


def judged(backend: Any, stack: Stack, steps: int, rng: np.random.Generator) -> Ruling:
    """The verdict on what the backend returns for random inputs, states and lengths."""
    fmt, B = stack.format, int(rng.integers(1, 4))
    x = fmt.cast(rng.normal(size=(steps, B, stack.input_size)) * rng.choice([0.1, 1.0, 5.0]))
    h = fmt.cast(rng.uniform(-1, 1, (stack.layers * stack.directions, B, stack.hidden_size)))
    lengths = rng.integers(1, steps + 1, B) if rng.random() < 0.3 else np.full(B, steps)
    outputs, _ = backend.stack(stack, x, h, lengths, False)
    declared = declarations_of(backend, fmt)
    accuracy = {name: getattr(declared, name) for name in ACCURACY}
    accuracy |= KNOWN.get(backend.name, {})
    return judge(stack, x, outputs, state=h, lengths=lengths, **accuracy)


def rulings(
    target: str, models: int, seed: int, *, most_steps: int = 300, most_units: int = 96
) -> Iterator[tuple[Stack, int, Ruling]]:
    """So many random models of a target, with the number of steps, and the verdict on each."""
    backend: Any = resolve(target)
    rng = np.random.default_rng(seed)
    variants = list(declared_variants(backend))
    offered = tuple(backend.formats)
    odds = np.array([0.1 + 0.3 * (fmt in (float32, float64)) for fmt in offered])
    for _ in range(models):
        fmt = offered[rng.choice(len(offered), p=odds / odds.sum())]
        stack = random_stack(rng, variants[rng.integers(len(variants))], fmt, most_units)
        steps = int(2 ** rng.uniform(0, np.log2(most_steps)))
        if stack.layers > 1 and fmt not in (float32, float64):
            steps = min(
                steps, 16
            )  # inner layers are not recorded, and little is claimed of longer ones
        yield stack, steps, judged(backend, stack, steps, rng)


def main() -> None:
    """Judge them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="*", default=list(TARGETS))
    parser.add_argument("--most-steps", type=int, default=300, help="T at most")
    asked = parser.parse_args()
    for target in asked.targets:
        verdicts, worst, entries = Counter[tuple[str, str, int]](), dict[str, float](), 0
        for stack, steps, ruling in rulings(
            target, asked.models, asked.seed, most_steps=asked.most_steps
        ):
            verdicts[stack.format.name, ruling.verdict, stack.layers] += 1
            margin = 0.0 if ruling.worst is None else ruling.worst.margin
            worst[stack.format.name] = max(worst.get(stack.format.name, 0.0), margin)
            entries += ruling.entries
            if ruling.beyond:
                print(
                    f"ALARM {target}, {stack.variant}, T={steps}: {ruling.sizes}, "
                    f"{ruling.verdict}, {ruling.worst}"
                )
        print(f"{target}: {entries:,} numbers; worst share of a bound {worst}")
        for (fmt, verdict, layers), count in sorted(verdicts.items()):
            print(f"  {fmt}, {layers} layer{'s' * (layers > 1)}: {count} {verdict}")


if __name__ == "__main__":
    main()
