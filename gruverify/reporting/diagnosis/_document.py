"""A diagnosis as JSON values; the page is rendered from them alone."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from importlib import resources
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify._named import JsonObject
from gruverify.diagnosis import (
    PARTS,
    Claim,
    Diagnosis,
    InFormat,
    Layer,
    Length,
    Units,
    advice,
    claim_in_words,
    format_in_words,
    verdict,
)

NDArray: TypeAlias = npt.NDArray[Any]

SCHEMA = 1
#: Gate maps are averaged to that many units and steps at most.
_ROWS, _COLUMNS = 64, 200


def diagnosis_document(d: Diagnosis) -> JsonObject:
    """A diagnosis as JSON values, as diagnosis.schema.json has them; what is not finite is null."""
    found: JsonObject = _plain(
        {
            "schema": SCHEMA,
            "model": str(d.model),
            "inputs": {"source": d.inputs, "recorded": d.recorded, "T": d.steps, "B": d.members},
            "layers": [_layer(layer, d.recorded) for layer in d.layers],
        }
    )
    return found


def diagnosis_schema() -> JsonObject:
    """The JSON schema of a diagnosis."""
    file = resources.files("gruverify.reporting.diagnosis").joinpath("diagnosis.schema.json")
    found: JsonObject = json.loads(file.read_text(encoding="utf-8"))
    return found


def _layer(layer: Layer, recorded: bool) -> JsonObject:
    return {
        "layer": layer.number,
        "direction": "backward" if layer.direction else "forward",
        "verdict": verdict(layer),
        "advice": advice(layer, recorded),
        "memory": _memory(layer),
        "sample": {
            "windows": len(layer.windows.ends),
            "longest_lag": layer.windows.longest,
        },
        "claims": [_claim(claim) for claim in layer.claims],
        "variance_between_units": {"z": layer.variance.z_between, "r": layer.variance.r_between},
        "by_lag": _by_lag(layer),
        "units": _units(layer),
        "formats": [_format(found, layer) for found in layer.formats],
        "spectrum": _pairs(layer.spectrum),
        "maps": _maps(layer),
    }


def _memory(layer: Layer) -> JsonObject:
    memory = layer.memory
    return {
        **_length(memory.length),
        "source": memory.source,
        "needed": list(memory.needed),
        "carriers": list(memory.carriers),
        "growth_per_step": memory.growth,
        "parts": {part: _length(length) for part, length in memory.parts.items()},
    }


def _length(length: Length) -> JsonObject:
    return {"steps": length.steps, "at_least": length.at_least}


def _claim(claim: Claim) -> JsonObject:
    correlations = {"units": claim.units, "steps": claim.steps}
    return {
        "statement": claim.statement,
        "in_words": claim_in_words(claim),
        **{name: {**asdict(found), "holds": found.holds} for name, found in correlations.items()},
    }


def _by_lag(layer: Layer) -> JsonObject:
    with np.errstate(over="ignore"):
        # What exp makes infinite is null in the end (`_plain`), as what is unknown.
        norms = {part: np.exp(layer.by_lag.median(part)).tolist() for part in PARTS}
    return {
        "lags": layer.by_lag.lags.tolist(),
        "norms": norms,
        "update_terms": layer.terms.sizes.tolist(),
        "update_terms_within": layer.terms.within,
    }


def _units(layer: Layer) -> dict[str, list[Any]]:
    memory = layer.memory
    return {
        "memory": memory.units.tolist(),
        "memory_at_least": memory.units_at_least.tolist(),
        "carried": memory.carried.tolist(),
        **{field.name: getattr(layer.units, field.name).tolist() for field in fields(Units)},
    }


def _format(found: InFormat, layer: Layer) -> JsonObject:
    return {
        "format": found.format.name,
        "in_words": format_in_words(found, layer),
        "safe_steps": found.safe,
        "finite": found.finite,
        "error": found.error.tolist(),
        "bound": found.bound.tolist(),
        "bounds_that_claim": found.claims,
        "margin": found.margin,
        "latches": [asdict(latch) for latch in found.latches],
        "fixed_steps": found.fixed.tolist(),
        "immovable_units": list(found.immovable),
        "gradient_error": found.gradient,
        "gradient_zeros": found.zeros,
        "gradient_steps": found.gradient_steps,
    }


def _pairs(numbers: NDArray) -> list[Any]:
    """Complex numbers as pairs of real and imaginary part."""
    found: list[Any] = np.stack([np.real(numbers), np.imag(numbers)], -1).tolist()
    return found


def _maps(layer: Layer) -> JsonObject:
    """The gates of the first member, a row for each unit, the longest memory first."""
    order = layer.memory.order
    return {
        "units": order.tolist(),
        "z": _averaged(layer.z.T[order]),
        "r": _averaged(layer.r.T[order]),
    }


def _averaged(gates: NDArray) -> list[list[float]]:
    for axis, most in ((0, _ROWS), (1, _COLUMNS)):
        size = gates.shape[axis]
        if size > most:
            edges = np.linspace(0, size, most, endpoint=False).astype(np.intp)
            counts = np.diff([*edges, size])
            # Means over unequal groups, whose sizes differ by one at most.
            sums = np.add.reduceat(gates, edges, axis)
            gates = sums / (counts[:, None] if axis == 0 else counts)
    found: list[list[float]] = gates.tolist()
    return found


def _plain(value: Any) -> Any:
    """JSON values, numbers with six digits."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        if math.isfinite(value):
            # Six digits: the numbers are for reading and drawing, and 17 would more than double
            # the file.
            return float(f"{value:.6g}")
        return None
    return value
