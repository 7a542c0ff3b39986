"""Small cells whose gates stand where a test wants them, and the trained ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify import Cell, Variant
from gruverify.diagnosis import Diagnosis, Layer, diagnose, drawn_inputs, model_of
from gruverify.diagnosis._row import Row, rows_of

DATA = Path(__file__).parents[1] / "data"
UNITS = 8
#: T of the recorded inputs of each.
STEPS = {"adding": 30, "delay": 31, "integrator": 60}
#: The steps of `row_of`.
T = 9


def cell(
    H: int = 4,
    I: int = 2,
    *,
    scale: float = 1.0,
    update_bias: npt.ArrayLike = 0.0,
    variant: Variant | None = None,
    seed: int = 0,
    dtype: str = "f8",
) -> Cell:
    """A cell with uniform weights and a bias of the update gate."""
    rng, v = np.random.default_rng(seed), variant or Variant()
    shapes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H), "bias_ih": (3 * H,)}
    arrays = {name: rng.uniform(-scale, scale, shape) for name, shape in shapes.items()}
    arrays["bias_ih"][H : 2 * H] += update_bias
    arrays["bias_hh"] = rng.uniform(-scale, scale, 3 * H)
    there = {name: array.astype(dtype) for name, array in arrays.items() if any(v.mask(name))}
    return Cell(v, **there)


def row_of(one: Cell) -> Row:
    """The run of a cell over normal inputs, two members."""
    model = model_of(one)
    [row] = rows_of(model.gru, drawn_inputs(model, T, 2, 0))
    return row


def trained(name: str) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any]]:
    """Weights by name and recorded inputs (T, B, I) of a trained GRU."""
    with np.load(DATA / f"{name}.npz") as file:
        weights = {key: file[key] for key in file.files if key.startswith("rnn.")}
        return weights, file["x"]


@cache
def diagnosed(name: str, update_bias: float = 0.0) -> Diagnosis:
    """A trained GRU's diagnosis without formats, perhaps with its update gates' biases moved."""
    weights, x = trained(name)
    weights["rnn.bias_ih_l0"][UNITS : 2 * UNITS] += update_bias
    return diagnose(weights, x, formats=())


def only_layer(found: Diagnosis) -> Layer:
    """The layer of a GRU that has one."""
    [layer] = found.layers
    return layer
