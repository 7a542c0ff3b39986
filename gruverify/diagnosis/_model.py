"""Which GRU is diagnosed: one of a file, of a module that holds weights, or a cell or stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify._files import is_there
from gruverify.backends import object_named, weights_of
from gruverify.cell import Cell, Stack
from gruverify.models import Gru, grus_among, read_arrays, read_grus

NDArray: TypeAlias = npt.NDArray[Any]

_EMBEDDING = re.compile(r"emb|wte|token|lookup", re.IGNORECASE)


class CannotDiagnose(ValueError):
    """There is nothing to diagnose; the message names what was given, the rule and the way out."""


@dataclass(frozen=True)
class Model:
    """A GRU, and what its owner calls an embedding of its inputs ("emb.weight (100, 16)"); "" if
    nothing stands before it that shows.
    """

    gru: Gru
    embedding: str = ""


def model_of(
    model: object,
    *,
    gru: str | None = None,
    layout: str | None = None,
    reset: str | None = None,
    update: str | None = None,
) -> Model:
    """The GRU that is meant: see `diagnose`, which takes the same.

    Raises:
        CannotDiagnose: it holds several GRUs, or is nothing that has weights.
        BadFile, UnknownTarget, TargetUnavailable: as reading it says.
    """
    said: dict[str, Any] = {"name": gru, "layout": layout, "reset": reset, "update": update}
    if isinstance(model, Cell):
        return Model(Gru("", "pytorch", Stack(((model,),))))
    if isinstance(model, Stack):
        return Model(Gru("", "pytorch", model))
    if isinstance(model, str) and not model:
        raise CannotDiagnose("model '' is not a name: give a file of weights, or pkg.module:object")
    if isinstance(model, str | Path) and _is_file(str(model)):
        return _only(read_grus(model, **said), read_arrays(model), str(model))
    if isinstance(model, Mapping):
        name, arrays = "the mapping", {str(key): _array(value) for key, value in model.items()}
    elif isinstance(model, str):
        name, arrays = model, weights_of(object_named(model), repr(model))
    else:
        name = f"the {type(model).__name__}"
        arrays = weights_of(model, type(model).__name__)
    try:
        return _only(grus_among(arrays, **said), arrays, name)
    except ValueError as wrong:
        raise CannotDiagnose(
            str(wrong) if isinstance(wrong, CannotDiagnose) else f"{name}: {wrong}"
        ) from None


def _is_file(text: str) -> bool:
    """Whether a path is meant, and no pkg.module:object."""
    return is_there(text) or (":" not in text and bool(Path(text).suffix or "/" in text))


def _array(value: Any) -> NDArray:
    """A parameter of a mapping, which may be a tensor that needs its gradient."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _only(found: list[Gru], arrays: Mapping[str, NDArray], owner: str) -> Model:
    if len(found) > 1:
        listed = "; ".join(map(str, found))
        raise CannotDiagnose(f"{owner} has {len(found)} GRUs, pick one with --gru: {listed}")
    size = found[0].stack.input_size
    for name, array in arrays.items():
        # Its columns are the GRU's inputs: an embedding of something else does not stand before
        # it.
        if array.ndim == 2 and array.shape[1] == size and _EMBEDDING.search(name):
            return Model(found[0], f"{name} {array.shape}")
    return Model(found[0])
