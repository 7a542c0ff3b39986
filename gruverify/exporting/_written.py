"""Exported cases as files: JSON with a schema, .npz, and .safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gruverify._named import DeclaredValues, JsonObject
from gruverify.arithmetic import Format, NDArray
from gruverify.cell import StackCase, Variant
from gruverify.engine import versions
from gruverify.exporting._cases import Exported
from gruverify.exporting._expected import parameters_of
from gruverify.models import npz_bytes, safetensors_bytes

#: The kinds of files.
KINDS: tuple[str, ...] = ("json", "npz", "safetensors", "onnx", "webnn")
SCHEMA = 1
#: The schema of a case, and of the index of a folder.
CASE_SCHEMA: JsonObject = json.loads(
    Path(__file__).with_name("case.schema.json").read_text(encoding="utf-8")
)
_GRADIENTS = "gradients."


def files_of(exported: Exported, kind: str) -> dict[str, bytes]:
    """The file of a case, by its name. kind: "json", "npz" or "safetensors"."""
    return {f"{exported.name}.{kind}": _WRITERS[kind](exported)}


def index_document(
    fmt: Format,
    seed: int,
    declared: DeclaredValues,
    each: Iterable[JsonObject],
) -> JsonObject:
    """What is in a folder: format, seed, declarations and versions, and each case with its files,
    what it is there for, its variant, its sizes and how many of its bounds claim something.
    """
    return {
        "kind": "gruverify cases",
        "schema": SCHEMA,
        "format": fmt.name,
        "seed": seed,
        "declared": dict(declared),
        "versions": versions(),
        "cases": list(each),
    }


def case_document(exported: Exported) -> JsonObject:
    """The case as JSON values: see docs/export-cases.md and `CASE_SCHEMA`."""
    case = exported.case
    values = {name: each.values for name, each in exported.expected.items()}
    bounds = {name: each.bounds for name, each in exported.expected.items()}
    return {
        "kind": "gruverify case",
        "schema": SCHEMA,
        "name": exported.name,
        "about": exported.about,
        **_particulars(case),
        **{name: _array(array) for name, array in _marks_of(exported).items()},
        "parameters": {n: _array(a) for n, a in parameters_of(case).items()},
        **{name: _array(array) for name, array in _arguments_of(case).items()},
        "expected": _nested(values),
        "bounds": _nested(bounds),
    }


def variant_document(variant: Variant) -> dict[str, str]:
    """The conventions as JSON values."""
    return {"reset": variant.reset, "update": variant.update, "biases": variant.biases}


def _particulars(case: StackCase) -> JsonObject:
    return {
        "format": case.format.name,
        "variant": variant_document(case.variant),
        "sizes": case.sizes,
        "lengths": None if case.lengths is None else case.lengths.tolist(),
    }


def _arguments_of(case: StackCase) -> dict[str, NDArray]:
    return {name: getattr(case, name) for name in ("inputs", "states", "d_outputs", "d_last")}


def _marks_of(exported: Exported) -> dict[str, NDArray]:
    """Which steps are skipped, and which start from zeros, by name, where there are such."""
    found = {"keep": exported.keep, "restart": exported.restart}
    return {name: marks for name, marks in found.items() if marks is not None}


def _nested(arrays: Mapping[str, NDArray]) -> JsonObject:
    """Arrays as JSON values by name, the gradients in an object of their own."""
    found: JsonObject = {"gradients": {}}
    for name, array in arrays.items():
        if name.startswith(_GRADIENTS):
            within = found["gradients"]
        else:
            within = found
        within[name.removeprefix(_GRADIENTS)] = _array(array)
    return found


def _array(array: NDArray) -> JsonObject:
    """An array as its shape and its numbers row by row; null is an infinite bound."""
    numbers = array.astype(np.float64).ravel().tolist()
    return {
        "shape": list(array.shape),
        # Only bounds are infinite: a NaN would be refused by allow_nan=False.
        "data": [None if number == np.inf else number for number in numbers],
    }


def _json(exported: Exported) -> bytes:
    return (json.dumps(case_document(exported), allow_nan=False) + "\n").encode()


def _flat(exported: Exported) -> dict[str, NDArray]:
    """Every array by name: parameters, what is given, "expected.NAME" and "bound.NAME"."""
    case = exported.case
    found = {**parameters_of(case), **_arguments_of(case)}
    if case.lengths is not None:
        found["lengths"] = case.lengths
    found |= _marks_of(exported)
    for name, each in exported.expected.items():
        found[f"expected.{name}"] = each.values
        found[f"bound.{name}"] = each.bounds
    return found


def _npz(exported: Exported) -> bytes:
    # NumPy's format has no bfloat16: its numbers are float32's, too.
    arrays = {
        name: array.astype(np.float32) if array.dtype.name == "bfloat16" else array
        for name, array in _flat(exported).items()
    }
    return npz_bytes(arrays)


def _safetensors(exported: Exported) -> bytes:
    case, variant = exported.case, variant_document(exported.case.variant)
    about = {"name": exported.name, "about": exported.about, "format": case.format.name, **variant}
    return safetensors_bytes(_flat(exported), about)


_WRITERS: dict[str, Callable[[Exported], bytes]] = {
    "json": _json,
    "npz": _npz,
    "safetensors": _safetensors,
}


def listed(name: str, files: Sequence[str], about: str, variant: Variant, **said: object) -> Any:
    """A case as the index lists it."""
    return {
        "name": name,
        "files": list(files),
        "about": about,
        "variant": variant_document(variant),
        **said,
    }
