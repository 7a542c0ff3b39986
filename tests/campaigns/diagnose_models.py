"""Random GRUs put to `diagnose`: what it says of a format must be within that format's own bounds.

    python tests/campaigns/diagnose_models.py --models 400

prints where memories came from, how many models were refused, and the worst share of a bound.
Weights are of any size from 10^-4 to 10^3, many are exactly 0, and so are some inputs.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import Counter
from typing import Any

import numpy as np

from gruverify import VARIANTS, Cell, Stack
from gruverify.diagnosis import CannotDiagnose, diagnose
from gruverify.reporting.diagnosis import diagnosis_document


def random_stack(rng: np.random.Generator) -> Stack:
    """One layer or two of one to five units, in any variant, and in float16, float32 or float64."""
    variant, dtype = VARIANTS[rng.integers(len(VARIANTS))], rng.choice(["f2", "f4", "f8"])
    H, I = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    scale = 10.0 ** rng.uniform(-4, 1 if dtype == "f2" else 3)

    def cell(inputs: int) -> Cell:
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (3 * H, inputs),
            "weight_hh": (3 * H, H),
            "bias_ih": (3 * H,),
            "bias_hh": (3 * H,),
        }
        arrays = dict[str, Any]()
        for name, shape in shapes.items():
            mask = np.repeat(variant.mask(name), H)
            if mask.any():
                drawn = rng.choice([0, 1, 1, 1], shape) * rng.normal(size=shape) * scale
                arrays[name] = (drawn.T * mask).T.astype(dtype)
        return Cell(variant, **arrays)

    return Stack(((cell(I),), (cell(H),))[: int(rng.integers(1, 3))])


def main() -> None:
    """Diagnose random models and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("error")
    rng, fates, worst = np.random.default_rng(asked.seed), Counter[str](), dict[str, float]()
    for number in range(asked.models):
        stack, T, B = random_stack(rng), int(rng.integers(1, 14)), int(rng.integers(1, 4))
        x = rng.normal(size=(T, B, stack.input_size)) * 10.0 ** rng.uniform(-3, 3)
        try:
            found = diagnose(stack, x * rng.choice([0, 1, 1], (T, 1, 1)))
        except CannotDiagnose as refused:
            fates["refused"] += 1
            print(f"model {number}: {refused}")
            continue
        json.dumps(diagnosis_document(found), allow_nan=False)
        for layer in found.layers:
            fates[layer.memory.source] += 1
            for each in layer.formats:
                name = each.format.name
                worst[name] = max(worst.get(name, 0.0), each.margin)
                if each.margin > 1:
                    print(f"model {number}: {name} is beyond its bound, {each.margin:.3g} of it")
    print(f"{asked.models} models:", ", ".join(f"{count} {fate}" for fate, count in fates.items()))
    print("worst error / bound:", ", ".join(f"{name} {m:.2f}" for name, m in worst.items()))


if __name__ == "__main__":
    main()
