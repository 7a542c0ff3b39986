"""A backend of Python as a program: `python served.py TARGET`. It reads the protocol with code of
its own, so that a mistake of ours is not made twice.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import numpy as np

from gruverify.arithmetic import format_named
from gruverify.backends import EVERY_METHOD, declarations_of, declared_variants, offers, resolve
from gruverify.cell import Cell, Gradients, Stack, StackGradients, Variant, parameter_name

PACKED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
#: The arguments of each method after its cell, "tangent" being several.
ARGUMENTS = {
    "step": "x h",
    "step_jacobian": "x h",
    "step_vjp": "x h cotangent",
    "sequence": "inputs state",
    "sequence_vjp": "inputs state d_outputs d_last",
    "sequence_jvp": "inputs state tangent",
    "sequence_hvp": "inputs state d_outputs d_last tangent",
    "sequence_hvp_reverse": "inputs state d_outputs d_last tangent",
    "sequence_masked": "inputs state keep",
    "sequence_masked_vjp": "inputs state keep d_outputs d_last",
    "sequence_restarted": "inputs state restart",
    "sequence_restarted_vjp": "inputs state restart d_outputs d_last",
    "sequence_marked": "inputs state keep restart",
    "sequence_marked_vjp": "inputs state keep restart d_outputs d_last",
    "sequence_zoneout": "inputs state keep_units",
    "sequence_zoneout_vjp": "inputs state keep_units d_outputs d_last",
    "stack_masked": "inputs states keep batch_first",
    "stack_masked_vjp": "inputs states keep batch_first d_outputs d_last",
    "stack": "inputs states lengths batch_first",
    "stack_vjp": "inputs states lengths batch_first d_outputs d_last",
}
RETURNED = {
    "step": "h",
    "step_jacobian": "dh dx",
    "sequence": "outputs last",
    "sequence_jvp": "d_outputs d_last",
    "sequence_masked": "outputs last",
    "sequence_restarted": "outputs last",
    "sequence_marked": "outputs last",
    "sequence_zoneout": "outputs last",
    "stack": "outputs last",
    "stack_masked": "outputs last",
}


def greeting_of(backend: Any) -> dict[str, Any]:
    """What a program that is this backend says first."""
    variants = [
        {"reset": v.reset, "update": v.update, "biases": v.biases}
        for v in declared_variants(backend)
    ]
    return {
        "protocol": 1,
        "name": backend.name,
        "methods": [method for method in EVERY_METHOD if offers(backend, method)],
        "formats": [fmt.name for fmt in backend.formats],
        "variants": variants,
        "declarations": declarations_of(backend).unusual(),
    }


def array_in(given: dict[str, Any]) -> Any:
    dtype = format_named(given["dtype"]).dtype
    data = bytearray(base64.b64decode(given["data"]))
    return np.ndarray(given["shape"], dtype, data) if data else np.zeros(given["shape"], dtype)


def written(array: Any) -> dict[str, Any]:
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def subject_of(request: dict[str, Any], arrays: dict[str, Any]) -> Cell | Stack:
    variant = Variant(**request["variant"])
    if not request["method"].startswith("stack"):
        return Cell(variant, **{name: arrays[name] for name in PACKED if name in arrays})
    layers, directions = request["sizes"]["L"], request["sizes"]["D"]
    rows = []
    for layer in range(layers):
        row = []
        for direction in range(directions):
            names = {name: parameter_name(name, layer, direction) for name in PACKED}
            row.append(
                Cell(variant, **{n: arrays[own] for n, own in names.items() if own in arrays})
            )
        rows.append(tuple(row))
    return Stack(tuple(rows))


def argument(request: dict[str, Any], arrays: dict[str, Any], name: str) -> Any:
    if name == "tangent":
        names = (*PACKED, "inputs", "state")
        return Gradients(*(arrays.get(f"tangent_{name}") for name in names))
    if name in ("keep", "restart"):
        return arrays[name] != 0
    if name == "keep_units":
        found = arrays[name]
        # A mask of units, or shares of them, which are no mask.
        return found != 0 if np.isin(found, (0, 1)).all() else found
    if name == "lengths":
        return None if request[name] is None else np.array(request[name])
    return request[name] if name == "batch_first" else arrays[name]


def named(method: str, returned: Any) -> dict[str, Any]:
    if method == "step":
        return {"h": returned}
    if isinstance(returned, Gradients):
        return dict(returned.items())
    if isinstance(returned, StackGradients):
        return {**returned.parameters, "inputs": returned.inputs, "states": returned.states}
    return dict(zip(RETURNED[method].split(), returned, strict=True))


def answer(backend: Any, line: bytes) -> dict[str, Any]:
    """What the backend answers a request with."""
    request = json.loads(line)
    given = request["arrays"]
    arrays = {name: None if a is None else array_in(a) for name, a in given.items()}
    method = request["method"]
    arguments = [argument(request, arrays, name) for name in ARGUMENTS[method].split()]
    try:
        with np.errstate(all="ignore"):
            returned = getattr(backend, method)(subject_of(request, arrays), *arguments)
    except NotImplementedError as refused:
        return {"id": request["id"], "refused": str(refused)}
    except Exception as error:
        return {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
    found = {n: a for n, a in named(method, returned).items() if a is not None}
    return {"id": request["id"], "arrays": {name: written(a) for name, a in found.items()}}


def main() -> None:
    backend = resolve(sys.argv[1])
    print(json.dumps(greeting_of(backend)), flush=True)
    for line in sys.stdin.buffer:
        print(json.dumps(answer(backend, line)), flush=True)


if __name__ == "__main__":
    main()
