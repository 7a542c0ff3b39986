"""How small a change of a model `judge` finds in 100 recorded steps, by the size of the layer.

    python tests/campaigns/judge_sensitivity.py

A layer of H units and H inputs with weights as PyTorch draws them is run in float32 and in float64,
by NumPy, with a relative change of one weight (the largest of the candidate's recurrent ones), of
the update gate's biases, all H of them, or of one unit's update gate. It prints the largest share
of a bound that a change of 64 u comes to, and the smallest change that is found, a power of two
times u.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Format, float32, float64, sigmoid
from gruverify.cell import Cell, Variant
from gruverify.judging import Ruling, record, rule

STEPS, MEMBERS, FIXED = 100, 2, 64
#: No larger change is tried.
MOST = 2**30
Weights: TypeAlias = dict[str, Any]
#: From the weights and a factor to weights, and to what the update gate is multiplied by.
Change: TypeAlias = Callable[[Weights, Any], tuple[Weights, Any]]


def one_weight(weights: Weights, factor: Any) -> tuple[Weights, Any]:
    """The largest recurrent weight of the candidate."""
    changed = weights["weight_hh"].copy()
    H = changed.shape[1]
    place = np.unravel_index(np.abs(changed[2 * H :]).argmax(), (H, H))
    changed[2 * H :][place] *= factor
    return {**weights, "weight_hh": changed}, 1


def bias_slice(weights: Weights, factor: Any) -> tuple[Weights, Any]:
    """The input biases of the update gate."""
    changed = weights["bias_ih"].copy()
    H = len(changed) // 3
    changed[H : 2 * H] *= factor
    return {**weights, "bias_ih": changed}, 1


def one_gate(weights: Weights, factor: Any) -> tuple[Weights, Any]:
    """The update gate of unit 0."""
    of_units = np.ones(weights["weight_hh"].shape[1], weights["weight_hh"].dtype)
    of_units[0] = factor
    return weights, of_units


CHANGES: dict[str, Change] = {
    "one weight": one_weight,
    "one bias slice": bias_slice,
    "one gate": one_gate,
}


def run(weights: Weights, x: Any, of_update: Any) -> Any:
    """Outputs (T, B, H) of a layer that resets after the product, from zeros."""
    W, U, b, c = (weights[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h, outputs = np.zeros((x.shape[1], U.shape[1]), x.dtype), []
    for x_t in x:
        a_r, a_z, a_n = np.split(x_t @ W.T + b, 3, axis=1)
        of_r, of_z, of_n = np.split(h @ U.T + c, 3, axis=1)
        r, z = sigmoid(a_r + of_r), sigmoid(a_z + of_z) * of_update
        h = z * h + (1 - z) * np.tanh(a_n + r * of_n)
        outputs.append(h)
    return np.stack(outputs)


def judged(weights: Weights, x: Any, change: Change, units: float, fmt: Format) -> Ruling:
    """The verdict on a run with a change of so many units, against the weights without it."""
    factor = fmt.dtype.type(1 + units * fmt.unit_roundoff)
    outputs = run(*_swapped(change(weights, factor), x))
    found = record(Cell(Variant(), **weights), x, outputs)
    return rule(found, {"kappa_sigma": 5}, explain=False)


def _swapped(changed: tuple[Weights, Any], x: Any) -> tuple[Weights, Any, Any]:
    return changed[0], x, changed[1]


def smallest(weights: Weights, x: Any, change: Change, fmt: Format) -> str:
    """The smallest change that is found."""
    units = 1
    while units <= MOST:
        if judged(weights, x, change, units, fmt).beyond:
            return f"{units:,} u"
        units *= 2
    return "none"


def margin(ruling: Ruling) -> float:
    """The largest share of a bound."""
    assert ruling.worst is not None  # every step is compared
    return ruling.worst.margin


def main() -> None:
    """Print a row for each size and change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, nargs="*", default=[4, 8, 16, 32, 64, 256], help="H")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print("| format | H | change | no change | 64 u | found from |\n|---|---|---|---|---|---|")
    for fmt in (float32, float64):
        for H in asked.units:
            rng = np.random.default_rng(asked.seed)
            reach = 1 / np.sqrt(H)
            shapes = {"weight_ih": (3 * H, H), "weight_hh": (3 * H, H)}
            shapes |= dict.fromkeys(("bias_ih", "bias_hh"), (3 * H,))
            weights = {n: fmt.cast(rng.uniform(-reach, reach, s)) for n, s in shapes.items()}
            x = fmt.cast(rng.normal(size=(STEPS, MEMBERS, H)))
            for name, change in CHANGES.items():
                none, some = (margin(judged(weights, x, change, n, fmt)) for n in (0, FIXED))
                least = smallest(weights, x, change, fmt)
                print(
                    f"| {fmt.name} | {H} | {name} | {none:.2f} | {some:.2f} | {least} |", flush=True
                )


if __name__ == "__main__":
    main()
