"""Right GRUs that round alike at many steps, put to `judge`: none may be said to lean.

    python tests/campaigns/judge_leanings.py --models 1000

Inputs are the same at every step, silent, of a few kinds, periodic, slow, or as they come; sums are
added up one by one, by a library, or in float64; σ and tanh are right, or wrong by up to 3.4 units
of roundoff as a function of the argument that leans one way, or turns up to seven radians in a unit
of it. It prints every run that is not found to be rounding.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from gruverify.arithmetic import Format, float32, float64
from gruverify.cell import Cell, Variant
from gruverify.judging import judge

#: What a library's functions may be wrong by without the last rounding, in units of roundoff.
WRONG = 3.4
Rng = np.random.Generator


def inputs(T: int, B: int, I: int, rng: Rng) -> tuple[str, Any]:
    """Inputs (T, B, I), and of which kind."""
    t, x = np.arange(T)[:, None, None], rng.normal(size=(T, B, I))
    kinds = {
        "any": x,
        "one": x[:1] + 0 * x,
        "silence": 0 * x,
        "letters": x[rng.integers(min(T, int(rng.integers(2, 30))), size=T)],
        "period": x[np.arange(T) % 5],
        "wave": np.sin(t * rng.uniform(0.001, 0.3) + x[:1]),
        "ever larger": t / T * x[:1],
        "one of many": np.eye(I)[rng.integers(I, size=(T, B))],
        "large": 5 * np.abs(x),
        "seldom": x * (rng.random(x.shape) < 0.03),
    }
    kind = str(rng.choice(list(kinds)))
    return kind, kinds[kind]


def one_by_one(x: Any, W: Any) -> Any:
    """The product with Wᵀ, term by term."""
    total = np.zeros((len(x), len(W)), x.dtype)
    for column, weights in zip(x.T, W.T, strict=True):
        total = total + column[:, None] * weights
    return total


SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "one by one": one_by_one,
    "library": lambda x, W: x @ W.T,
    "float64": lambda x, W: (x.astype(np.float64) @ W.T.astype(np.float64)).astype(x.dtype),
}


def function(f: Callable[[Any], Any], fmt: Format, rng: Rng) -> Callable[[Any], Any]:
    """A library's function: right, or leaning as a wave of its argument."""
    most = WRONG * fmt.unit_roundoff * rng.choice([0, rng.uniform(-1, 1), 1])
    rate, start = rng.choice([0, 0.5, 2, 7]), rng.uniform(0, 2 * np.pi)

    def found(a: Any) -> Any:
        exact = f(a.astype(np.longdouble))
        return (exact * (1 + most * np.cos(rate * a + start))).astype(a.dtype)

    return found


def run(cell: Cell, x: Any, h: Any, product: Callable[[Any, Any], Any], rng: Rng) -> Any:
    """Outputs (T, B, H) of a right GRU."""
    fmt, H = cell.format, cell.hidden_size
    σ = function(lambda a: 1 / (1 + np.exp(-a)), fmt, rng)
    tanh = function(np.tanh, fmt, rng)
    form, outputs = rng.integers(2), []
    W, U, b, c = cell.packed().values()
    for x_t in x:
        of_x, of_h = product(x_t, W) + b, product(h, U) + c
        r, z = np.split(σ(of_x[:, : 2 * H] + of_h[:, : 2 * H]), 2, axis=1)
        n = tanh(of_x[:, 2 * H :] + r * of_h[:, 2 * H :])
        h = (n + z * (h - n), (1 - z) * n + z * h)[form]
        outputs.append(h)
    return np.stack(outputs)


def main() -> None:
    """Judge them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    found = {"rounding": 0, "bug": 0, "undecidable": 0}
    for seed in range(asked.first, asked.first + asked.models):
        rng = np.random.default_rng(seed)
        fmt = (float32, float64)[rng.integers(2)]
        H, I = (int(2 ** rng.uniform(0, 5.5)) for _ in "HI")
        T, B = int(2 ** rng.uniform(2, 9.5)), int(rng.integers(1, 5))
        reach = rng.choice([0.5, 1.0, 2.0, 4.0]) / np.sqrt(H)
        shapes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H)}
        shapes |= dict.fromkeys(("bias_ih", "bias_hh"), (3 * H,))  # type: ignore[arg-type]
        cell = Cell(
            Variant(), **{n: fmt.cast(rng.uniform(-reach, reach, s)) for n, s in shapes.items()}
        )
        sums, (kind, drawn) = str(rng.choice(list(SUMS))), inputs(T, B, I, rng)
        x = fmt.cast(drawn)
        h = fmt.cast(rng.uniform(-1, 1, (B, H)) * rng.integers(2))
        ruling = judge(cell, x, run(cell, x, h, SUMS[sums], rng), state=h)
        found[ruling.verdict] += 1
        if ruling.verdict != "rounding":
            why = "; ".join(ruling.reasons)
            print(f"seed {seed}: {kind}, {sums}, {fmt.name}, {ruling.sizes}: {why}", flush=True)
    print(f"{asked.models:,} right models: " + ", ".join(f"{n:,} {v}" for v, n in found.items()))


if __name__ == "__main__":
    main()
