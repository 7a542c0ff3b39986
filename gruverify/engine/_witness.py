"""The smallest case found that falsifies an invariant: data first, a snippet and a file from it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, fields
from functools import cached_property, total_ordering
from pathlib import Path
from typing import Any

import numpy as np

from gruverify._files import read_text, write_whole
from gruverify._named import JsonObject, Keywords
from gruverify.arithmetic import NDArray, format_named
from gruverify.cell import PACKED, AnyCase, Case, Cell, Stack, StackCase, Variant, parameter_name
from gruverify.invariants import Entries, Residual

SCHEMA = 1

#: A target without a name of its own is called by its type, and then so.
_NAMELESS = " object"

#: Cases of more numbers are not spelled to be compared.
_SPELLED = 2**17
#: Of a comparison with more entries only the worst one is written.
MOST_ENTRIES = 1024


class BadWitness(ValueError):
    """The file is not a witness that this version can read."""


@dataclass(frozen=True)
class Witness:
    """A case that falsifies an invariant for a target, and how.

    Attributes:
        target: What was verified, as it was named.
        invariant: The id of the invariant.
        case: The case, a `Case` or a `StackCase`.
        residual: The worst residual, or the backend's own error.
    """

    target: str
    invariant: str
    case: AnyCase
    residual: Residual

    def order(self) -> tuple[Any, ...]:
        """Smaller cases first; then what is written of them decides, so that there is always one
        smallest.
        """
        # Sizes are cheap to compare; what is written decides last, since merging must not depend on
        # order.
        s = self.case.sizes
        return (math.prod(s.values()), s["T"], s["H"], s["I"], s["B"], _Written(self))

    @property
    def snippet(self) -> str:
        """Python that raises the same failure when pasted; a target without a name is left to be
        filled in.
        """
        target, lines = repr(self.target), ["import gruverify", "from gruverify import *", ""]
        if self.target.endswith(_NAMELESS):
            lines.append(f"target = ...  # your {self.target}, which has no name to import it by")
            target = "target"
        call = f"gruverify.assert_holds({self.invariant!r}, {target}, case)"
        return "\n".join([*lines, f"case = {self.case!r}", call, ""])


@total_ordering
class _Written:
    """A witness by what is written of it, which is spelled only where sizes do not decide."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    @cached_property
    def _text(self) -> str:
        """Its JSON; of a large case, which takes long to spell, a digest of its arrays."""
        arrays = self._witness.case.arrays().values()
        if sum(array.size for array in arrays) <= _SPELLED:
            return json.dumps(encode_witness(self._witness), sort_keys=True)
        # Any order will do, as long as it is the same one in every process.
        digest = hashlib.sha256(self._witness.invariant.encode())
        for array in arrays:
            digest.update(array.tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Written):
            return NotImplemented
        return self._witness is other._witness or self._text == other._text

    def __lt__(self, other: _Written) -> bool:
        return self._witness is not other._witness and self._text < other._text

    __hash__ = None  # type: ignore[assignment]


def encode_witness(witness: Witness) -> JsonObject:
    """The witness as JSON values; every entry reads back to the same bits."""
    return {
        "schema": SCHEMA,
        "kind": "gruverify witness",
        "target": witness.target,
        "invariant": witness.invariant,
        **encode_case(witness.case),
        "residual": encode_residual(witness.residual),
    }


def encode_case(case: AnyCase) -> JsonObject:
    """The case as JSON values."""
    return {
        "format": case.format.name,
        "variant": encode_variant(case.variant),
        "sizes": case.sizes,
        **particulars(case),
        "arrays": {
            name: array.astype(np.float64).tolist() for name, array in case.arrays().items()
        },
    }


def encode_variant(variant: Variant) -> dict[str, str | bool]:
    """The variant as JSON values; `bias` is what earlier versions read."""
    return {
        "reset": variant.reset,
        "update": variant.update,
        "bias": variant.bias,
        "biases": variant.biases,
    }


def encode_residual(residual: Residual) -> JsonObject:
    """The residual as JSON values: with its entries, unless there are too many."""
    numbers = {
        f.name: number_as_json(getattr(residual, f.name))
        for f in fields(residual)
        if f.name != "entries"
    }
    entries = residual.entries
    if entries is None or entries.margins.size > MOST_ENTRIES:
        return numbers
    margins = [number_as_json(margin) for margin in entries.margins.ravel().tolist()]
    return {
        **numbers,
        "entries": {
            "letters": entries.letters,
            "shape": list(entries.margins.shape),
            "margins": margins,
        },
    }


def particulars(case: AnyCase) -> JsonObject:
    """What a case has besides its arrays; a case of a stack has it under a name that tells that it
    is one.
    """
    if isinstance(case, Case):
        return {"regimes": list(case.regimes)}
    if case.lengths is None:
        lengths = None
    else:
        lengths = case.lengths.tolist()
    return {
        "regimes": [],
        "stack": {"lengths": lengths, "batch_first": case.batch_first, "batched": case.batched},
    }


def decode_witness(document: object) -> Witness:
    """The witness that `encode_witness` wrote.

    Raises:
        BadWitness: it is something else, of another schema, or damaged; the message says which.
    """
    if not isinstance(document, dict) or document.get("kind") != "gruverify witness":
        raise BadWitness(
            "this is not a gruverify witness: expected a JSON object with kind = 'gruverify "
            "witness'"
        )
    if document.get("schema") != SCHEMA:
        raise BadWitness(
            f"schema={document.get('schema')!r} cannot be read: this version reads schema {SCHEMA}"
        )
    try:
        residual = decode_residual(document["residual"])
        return Witness(
            _text(document, "target"), _text(document, "invariant"), _case(document), residual
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as damaged:
        raise BadWitness(f"the witness is damaged: {type(damaged).__name__}: {damaged}") from None


def decode_residual(document: JsonObject) -> Residual:
    """The residual that `encode_residual` wrote."""
    numbers = {name: read_number(value) for name, value in document.items() if name != "entries"}
    if (written := document.get("entries")) is None:
        return Residual(**numbers)
    margins = np.array([read_number(margin) for margin in written["margins"]]).reshape(
        written["shape"]
    )
    return Residual(**numbers, entries=Entries(_text(written, "letters"), margins))


def _text(document: JsonObject, name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}={value!r} must be a string")
    return value


def _case(document: JsonObject) -> AnyCase:
    fmt, sizes = format_named(document["format"]), document["sizes"]
    # A file may be edited by hand: empty arrays would be reshaped to anything.
    if min(sizes[letter] for letter in ("HIBTLD" if "stack" in document else "HIBT")) < 1:
        raise ValueError(f"sizes={sizes} must each be at least 1")
    # What is too large for the format becomes infinite, which cells and cases refuse.
    with np.errstate(over="ignore"):
        arrays = {name: fmt.cast(values) for name, values in document["arrays"].items()}
    # Older files have `bias` alone, which Variant still reads.
    variant = Variant(**document["variant"])
    if "stack" in document:
        return _stack_case(variant, arrays, sizes, document["stack"])
    data = _shaped(arrays, sizes, inputs="TBI", state="BH", d_outputs="TBH", d_last="BH")
    return Case(
        _cell(variant, arrays, sizes["H"], sizes["I"]), **data, regimes=tuple(document["regimes"])
    )


def _stack_case(
    variant: Variant, arrays: dict[str, NDArray], sizes: dict[str, int], call: JsonObject
) -> StackCase:
    # The letters spell shapes below: S states of layers and directions, O what a step gives out.
    H, L, D = sizes["H"], sizes["L"], sizes["D"]

    def cell(layer: int, direction: int) -> Cell:
        own = {
            n: arrays[name]
            for n in PACKED
            if (name := parameter_name(n, layer, direction)) in arrays
        }
        return _cell(variant, own, H, D * H if layer else sizes["I"])

    extents = {**sizes, "S": L * D, "O": D * H}
    data = _shaped(arrays, extents, inputs="TBI", states="SBH", d_outputs="TBO", d_last="SBH")
    rows = list[tuple[Cell, ...]]()
    for layer in range(L):
        rows.append(tuple(cell(layer, direction) for direction in range(D)))
    stack = Stack(tuple(rows))
    return StackCase(stack, **data, **call)


def _cell(variant: Variant, arrays: dict[str, NDArray], H: int, I: int) -> Cell:
    weights = {name: array for name, array in arrays.items() if name in PACKED}
    weights["weight_ih"] = weights["weight_ih"].reshape(3 * H, I)
    return Cell(variant, **weights)


def _shaped(arrays: dict[str, NDArray], extents: dict[str, int], **letters: str) -> Keywords:
    """The arrays so named, in the shapes that the letters spell: JSON does not tell the shapes of
    empty ones.
    """
    shaped = dict[str, NDArray]()
    for name, spelled in letters.items():
        shaped[name] = arrays[name].reshape([extents[letter] for letter in spelled])
    return shaped


def save_witness(witness: Witness, path: Path) -> None:
    """Write the witness as JSON: no pickle, readable, exact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(encode_witness(witness), indent=1) + "\n")


def load_witness(path: Path) -> Witness:
    """Read a witness file.

    Raises:
        BadWitness: there is no such file, or it is not a witness.
    """
    try:
        return decode_witness(json.loads(read_text(path)))
    except OSError as missing:
        raise BadWitness(f"{path} cannot be read: {missing.strerror}") from None
    except RecursionError:
        raise BadWitness(f"{path} is not a witness: it is nested too deeply") from None
    except ValueError as bad:
        raise (
            bad if isinstance(bad, BadWitness) else BadWitness(f"{path} is not JSON: {bad}")
        ) from None


def number_as_json(value: object) -> Any:
    """A number as JSON has it, which has no infinities and no NaN: they are strings, everywhere in
    gruverify.
    """
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value


def read_number(value: object) -> Any:
    """The number that `number_as_json` wrote; what is none is left as it is."""
    if value in ("inf", "-inf", "nan"):
        return float(value)
    return value
