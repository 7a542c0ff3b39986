"""Does the radius enclose what PyTorch, NumPy and the formulas on tensors return, and how tightly?

    python tests/campaigns/enclosure.py --cells 100000

draws that many random cells for each format (weights of scale 1e-3 to 30, biases at every
saturation threshold, states inside and outside [-1, 1]; five of six are made sparse, or of powers
of two, with states 0, ±½ and ±1), compares the forward step and both step Jacobians of each with
its balls, and every gradient of a sequence for one cell in ten. It prints exceedances and quantiles
of error / radius (of each cell's worst entry), and exits with 1 if there is any exceedance. For
float64 the error is measured against the same formulas in extended precision, where the machine has
it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import FORMATS, Ball, Format, Rounding, float64, format_named
from gruverify.backends import resolve, rounding_of
from gruverify.cell import Case, Cell, Variant, unpack
from gruverify.formulas import activations, jacobian, next_state
from gruverify.invariants import Exact, Observed

NDArray: TypeAlias = npt.NDArray[Any]
Key: TypeAlias = tuple[str, str, str]  # backend, format, what is compared

#: Targets that are put to the same cells: all of a group have the same variants.
GROUPS = (("torch",), ("numpy", "torch-formulas"))
GRADIENTS_EVERY = 10


@dataclass
class Margins:
    """The worst error / radius of each cell, in a histogram of steps of 1/200, so that shards add
    up.
    """

    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(202, np.int64))
    entries: int = 0
    over: int = 0
    largest: float = 0.0

    def add(self, pairs: list[tuple[NDArray, NDArray]]) -> None:
        """One cell: arrays of errors with their radii."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [
                np.where(np.isinf(rad) | (error == 0), 0.0, error / rad) for error, rad in pairs
            ]
        worst = max((float(r.max()) for r in ratios if r.size), default=0.0)
        self.bins[int(min(worst, 1.0) * 200) + (worst > 1)] += 1
        self.entries += sum(r.size for r in ratios)
        self.over += sum(int((r > 1).sum()) for r in ratios)
        self.largest = max(self.largest, worst)

    def merge(self, other: Margins) -> None:
        """Add another shard."""
        self.bins += other.bins
        self.entries += other.entries
        self.over += other.over
        self.largest = max(self.largest, other.largest)

    def quantile(self, q: float) -> float:
        """The margin that a share q of the cells stays below."""
        return float(np.searchsorted(np.cumsum(self.bins), q * self.bins.sum())) / 200


def cells(fmt: Format, variants: Sequence[Variant], count: int, seed: int) -> Iterator[Case]:
    """Random cases: every third has its biases at the thresholds of the format."""
    rng = np.random.default_rng([seed, fmt.precision])
    marks = np.array(
        [
            -fmt.sigmoid_rounds_to_one,
            fmt.sigmoid_flushes,
            fmt.sigmoid_underflows,
            0.0,
            fmt.tanh_saturates,
            fmt.sigmoid_saturates,
            fmt.sigmoid_rounds_to_one,
        ]
    )
    for n in range(count):
        H, I, B, T = (int(rng.integers(1, top)) for top in (17, 9, 4, 5))
        variant = variants[n % len(variants)]
        scale = 10.0 ** rng.uniform(-3, 1.48)

        def draw(*shape: int, by: float = 1.0) -> NDArray:
            return fmt.cast(rng.normal(size=shape) * by)

        weights = {"weight_ih": draw(3 * H, I, by=scale), "weight_hh": draw(3 * H, H, by=scale)}
        if variant.bias:
            near = rng.choice(marks, size=3 * H) * (n % 3 == 0)
            weights |= {
                "bias_ih": fmt.cast(near + rng.normal(size=3 * H) * scale),
                "bias_hh": draw(3 * H, by=min(scale, 1.0)),
            }
        state = fmt.cast(rng.uniform(-1, 1, (B, H)) * (1 if n % 4 else 4))
        given = {
            **weights,
            "inputs": draw(T, B, I),
            "state": state,
            "d_outputs": draw(T, B, H),
            "d_last": draw(B, H),
        }
        if n % 6:
            given = {name: _plainer(rng, fmt, array) for name, array in given.items()}
            given["state"] = np.where(
                rng.random((B, H)) < 0.5, given["state"], _marked(rng, fmt, (B, H))
            )
        cell = Cell(variant, **{name: given.pop(name) for name in weights})
        yield Case(cell, **given)


def _plainer(rng: np.random.Generator, fmt: Format, array: NDArray) -> NDArray:
    """Some entries set to 0, some rounded to powers of two, some left alone."""
    wide = array.astype(np.float64)
    powers = np.copysign(2.0 ** np.round(np.log2(np.maximum(np.abs(wide), fmt.min_normal))), wide)
    zeros, rounded = rng.random(2)
    plainer = np.where(rng.random(array.shape) < rounded, powers, wide)
    return fmt.cast(np.where(rng.random(array.shape) < zeros, 0.0, plainer))


def _marked(rng: np.random.Generator, fmt: Format, shape: tuple[int, ...]) -> NDArray:
    return fmt.cast(rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], size=shape))


def measure(fmt_name: str, group: tuple[str, ...], count: int, seed: int) -> dict[Key, Margins]:
    """One shard: the group on the same cells, against the balls of what each declares."""
    fmt = format_named(fmt_name)
    backends = [resolve(name) for name in group]
    found: dict[Key, Margins] = {}
    for n, case in enumerate(cells(fmt, backends[0].variants, count, seed)):
        truth = _extended(case) if fmt is float64 else None
        exacts: dict[Rounding, Exact] = {}
        for backend in backends:
            mode = rounding_of(backend, fmt)
            exact = exacts.setdefault(mode, Exact(case, mode))
            _compare(Observed(case, backend), exact, truth, n % GRADIENTS_EVERY == 0, found)
    return found


def _compare(
    observed: Observed,
    exact: Exact,
    truth: list[NDArray] | None,
    gradients: bool,
    found: dict[Key, Margins],
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        pairs: list[tuple[str, NDArray, Ball]] = [
            ("step", observed.step, exact.next_state),
            ("jacobian", observed.step_jacobian[0], exact.jacobian_of_state),
            ("jacobian", observed.step_jacobian[1], exact.jacobian_of_input),
        ]
        if gradients:
            pairs += _gradient_pairs(observed, exact)
    errors: dict[str, list[tuple[NDArray, NDArray]]] = {}
    for i, (what, actual, ball) in enumerate(pairs):
        expected = truth[i] if truth is not None and i < len(truth) else ball.mid
        error = np.abs(actual.astype(expected.dtype) - expected).astype(float)
        errors.setdefault(what, []).append((error, ball.radius))
    for what, found_here in errors.items():
        key = (observed.backend.name, observed.case.format.name, what)
        found.setdefault(key, Margins()).add(found_here)


def _gradient_pairs(observed: Observed, exact: Exact) -> list[tuple[str, NDArray, Ball]]:
    seen, expected, bias = observed.sequence_vjp, exact.gradients, observed.case.cell.variant.bias
    parameters = unpack(dict(seen.items()), observed.case.cell.hidden_size)
    blocks = [
        (a, getattr(expected.parameters, name))
        for name, a in parameters.items()
        if bias or name[0] == "W"
    ]
    return [
        ("gradients", a, ball)
        for a, ball in [
            *blocks,
            *zip(seen.inputs, expected.inputs, strict=True),
            (seen.state, expected.state),
        ]
    ]


def _extended(case: Case) -> list[NDArray] | None:
    if np.finfo(np.longdouble).nmant <= float64.precision:
        return None
    wide = lambda a: np.asarray(a, np.longdouble)  # noqa: E731  # one conversion, used three times
    v: Variant = case.cell.variant
    p = case.cell.parameters(wide)
    a = activations(v, p, wide(case.inputs[0]), wide(case.state))
    return [next_state(v, a), *jacobian(v, p, a)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cells", type=int, default=100_000, help="random cells for each format and target"
    )
    parser.add_argument(
        "--targets", default="all", help="all, torch, or numpy (with torch-formulas)"
    )
    parser.add_argument("--formats", default=",".join(f.name for f in FORMATS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    shards = 8
    total: dict[Key, Margins] = {}
    with ProcessPoolExecutor(options.jobs) as pool:
        for fmt in options.formats.split(","):
            for group in (g for g in GROUPS if options.targets in ("all", g[0])):
                sizes = [
                    options.cells // shards + (i < options.cells % shards) for i in range(shards)
                ]
                seeds = [options.seed * shards + i for i in range(shards)]
                for part in pool.map(measure, [fmt] * shards, [group] * shards, sizes, seeds):
                    for key, margins in part.items():
                        total.setdefault(key, Margins()).merge(margins)
            _print(
                {key: margins for key, margins in total.items() if key[1] == format_named(fmt).name}
            )
    return int(any(margins.over for margins in total.values()))


def _print(rows: dict[Key, Margins]) -> None:
    for (backend, fmt, what), m in sorted(rows.items()):
        print(
            f"{fmt:9} {backend:15} {what:9} {int(m.bins.sum()):>7} cells {m.entries:>10} entries  "
            "worst error/radius: "
            f"median {m.quantile(0.5):.3f}, 90 % {m.quantile(0.9):.3f}, max {m.largest:.3f}; "
            f"exceeded: {m.over}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
