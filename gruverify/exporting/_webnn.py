"""Cases in the form that the conformance tests of WebNN have, with a bound for every number: its
operator `gru` has no lengths and no clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gruverify._named import JsonObject
from gruverify.arithmetic import Format, NDArray
from gruverify.exporting._node_tests import NodeTest, node_tests

_DIRECTIONS = {"forward": "forward", "reverse": "backward", "bidirectional": "both"}
#: The formats that its operands have.
WEBNN_FORMATS = ("float16", "float32")
#: WebNN returns the last state first, and the sequence where it is asked for.
_OUTPUTS = {"Y_h": "gruOutput1", "Y": "gruOutput2"}


def webnn_tests(fmt: Format, count: int, **options: Any) -> Iterator[NodeTest]:
    """The node tests that WebNN can run: see `node_tests`, which takes the same.

    Raises:
        ValueError: WebNN has no such format.
    """
    if fmt.name not in WEBNN_FORMATS:
        raise ValueError(f"WebNN has {' and '.join(WEBNN_FORMATS)}, not {fmt.name}")
    for one in node_tests(fmt, count, **options):
        if one.inputs["sequence_lens"] is None and "clip" not in one.attributes:
            yield one


def webnn_document(test: NodeTest) -> JsonObject:
    """A test as JSON values: name and graph as the tests of WebNN have them, and the bounds of its
    outputs next to them; a bound of null allows anything.
    """
    direction = str(test.attributes["direction"])
    inputs = dict(_inputs(test))
    options = {
        **{_option(name): name for name in inputs if _option(name)},
        "resetAfter": bool(test.attributes["linear_before_reset"]),
        "returnSequence": True,
        "direction": _DIRECTIONS[direction],
        # Rows as ONNX has them: its W and R are passed on as they are.
        "layout": "zrn",
    }
    operator = {
        "name": "gru",
        "arguments": [
            {"input": "gruInput"},
            {"weight": "gruWeight"},
            {"recurrentWeight": "gruRecurrentWeight"},
            {"steps": test.sizes["T"]},
            {"hiddenSize": test.sizes["H"]},
            {"options": options},
        ],
        "outputs": list(_OUTPUTS.values()),
    }
    expected = {name: _operand(test.outputs[leaf]) for leaf, name in _OUTPUTS.items()}
    graph = {"inputs": inputs, "operators": [operator], "expectedOutputs": expected}
    bounds = {name: _numbers(test.bounds[leaf]) for leaf, name in _OUTPUTS.items()}
    return {"name": test.name.replace("test_gru", "webnn_gru"), "graph": graph, "bounds": bounds}


def webnn_files(test: NodeTest) -> Mapping[str, bytes]:
    """The file of a test, by its name."""
    document = webnn_document(test)
    data = json.dumps(document, allow_nan=False) + "\n"
    return {f"{document['name']}.json": data.encode()}


def _inputs(test: NodeTest) -> Iterator[tuple[str, JsonObject]]:
    """The operands by their names; both biases of ONNX' B apart."""
    constant = {"constant": True}
    for leaf, name in (("W", "gruWeight"), ("R", "gruRecurrentWeight")):
        weight = test.inputs[leaf]
        assert weight is not None  # every GRU has them
        yield name, {**_operand(weight), **constant}
    biases = test.inputs["B"]
    if biases is not None:
        # ONNX' B has both vectors in a row, (D, 6H).
        halves = np.split(biases, 2, axis=1)
        for name, half in zip(("gruBias", "gruRecurrentBias"), halves, strict=True):
            yield name, {**_operand(half), **constant}
    for leaf, name in (("X", "gruInput"), ("initial_h", "gruInitialHiddenState")):
        array = test.inputs[leaf]
        if array is not None:
            yield name, _operand(array)


def _option(name: str) -> str:
    """The option that an operand is given as; "" if it is an argument of its own."""
    own = {"gruBias": "bias", "gruRecurrentBias": "recurrentBias"}
    return {**own, "gruInitialHiddenState": "initialHiddenState"}.get(name, "")


def _operand(array: NDArray) -> JsonObject:
    descriptor = {"shape": list(array.shape), "dataType": array.dtype.name}
    return {"data": _numbers(array), "descriptor": descriptor}


def _numbers(array: NDArray) -> list[float | None]:
    """Row by row; null is an infinite bound."""
    numbers = array.astype(np.float64).ravel().tolist()
    return [number if np.isfinite(number) else None for number in numbers]
