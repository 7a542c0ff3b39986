"""Cases as node tests of ONNX, with a bound for every output: reset side × direction × lengths ×
bias × clip, of which the standard's own six have few, no lengths and no clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import Format, NDArray
from gruverify.cell import LAYOUTS, StackCase, Variant
from gruverify.exporting._cases import Exported, exported_cases
from gruverify.exporting._expected import Expected, expected_outputs
from gruverify.exporting._onnx_bytes import gru_model, tensor_bytes
from gruverify.judging import own_order, reordered

#: What there are tests of, and how their names say it.
_RESETS = {"after": "lbr1", "before": "lbr0"}
_BIASES = {"both": "bias", "none": "nobias"}
_RAGGED = {False: "full", True: "lengths"}
_DIRECTIONS = ("forward", "reverse", "bidirectional")
#: A clip that pre-activations of many cases are beyond, and that every format has.
_CLIPS = (None, 0.5)


@dataclass(frozen=True, eq=False)
class NodeTest:
    """A node test: its name, what it is there for, the node's inputs in its order (None where one
    is left out) and attributes, and the outputs Y (T, D, B, H) and Y_h (D, B, H) in the format,
    with their bounds in float64.
    """

    name: str
    about: str
    variant: Variant
    sizes: Mapping[str, int]
    inputs: Mapping[str, NDArray | None]
    attributes: Mapping[str, int | str | float]
    outputs: Mapping[str, NDArray]
    bounds: Mapping[str, NDArray]

    def files(self) -> dict[str, bytes]:
        """The folder of the test as ONNX has it, by the names of its files; and bound_0.pb,
        bound_1.pb next to the outputs.
        """
        given = {name: array for name, array in self.inputs.items() if array is not None}
        found = {"model.onnx": gru_model(self.inputs, self.outputs, self.attributes)}
        for kind, arrays in (("input", given), ("output", self.outputs), ("bound", self.bounds)):
            for number, (name, array) in enumerate(arrays.items()):
                found[f"test_data_set_0/{kind}_{number}.pb"] = tensor_bytes(name, array)
        return found


def node_tests(
    fmt: Format,
    count: int,
    *,
    seed: int = 0,
    reset: str | None = None,
    biases: str | None = None,
    max_size: int | None = None,
    declared: DeclaredValues | None = None,
) -> Iterator[NodeTest]:
    """Of every combination those boundary cases that have its shape, then `count` drawn cases.

    reset, biases: of these alone; declared: as `exported_cases` takes it.

    Raises:
        BadDeclaration: as there.
    """
    for side, form, direction, ragged in product(_RESETS, _BIASES, _DIRECTIONS, _RAGGED):
        if reset not in (None, side) or biases not in (None, form):
            continue
        each = exported_cases(
            fmt,
            Variant(side, biases=form),  # type: ignore[arg-type]  # words of the tables above
            count,
            seed=seed,
            max_size=max_size,
            declared=declared,
            min_layers=1,
            max_layers=1,
            bidirectional=direction == "bidirectional",
            padded=ragged,
        )
        for one in each:
            # Boundary cases are of every shape; those drawn are of the one that was asked for.
            if _has_shape(one.case, direction, ragged):
                for clip in _CLIPS:
                    words = (_RESETS[side], direction, _RAGGED[ragged], _BIASES[form])
                    more = () if clip is None else ("clip",)
                    name = "_".join(("test_gru", *words, *more, one.name.replace("-", "_")))
                    yield _node_test(name, one, direction, clip)


def _has_shape(case: StackCase, direction: str, ragged: bool) -> bool:
    directions = 2 if direction == "bidirectional" else 1
    return (case.stack.layers, case.stack.directions, case.lengths is not None) == (
        1,
        directions,
        ragged,
    )


def _node_test(name: str, one: Exported, direction: str, clip: float | None) -> NodeTest:
    case, expected = one.case, expected_outputs(one.case, replace(one.mode, clip=clip))
    T, B, _ = case.inputs.shape
    lengths = np.full(B, T) if case.lengths is None else case.lengths
    # Backward over inputs in reverse is forward: outputs come out in reverse, too.
    order = own_order(lengths.astype(np.intp), T, int(direction == "reverse"))
    packed = LAYOUTS["onnx"].parameters_of_layer(case.stack.cells[0])
    H, D = case.stack.hidden_size, case.stack.directions
    outputs, bounds = dict[str, NDArray](), dict[str, NDArray]()
    for output, quantity in (("Y", expected["outputs"]), ("Y_h", expected["last"])):
        stored, bound = _stored(case.format, quantity)
        if output == "Y":
            stored, bound = (
                reordered(array, order).reshape(T, B, D, H).swapaxes(1, 2)
                for array in (stored, bound)
            )
        outputs[output], bounds[output] = stored, bound
    given = {
        "X": reordered(case.inputs, order),
        "W": packed["W"],
        "R": packed["R"],
        "B": packed.get("B"),
        "sequence_lens": None if case.lengths is None else case.lengths.astype(np.int32),
        "initial_h": case.states,
    }
    attributes: dict[str, int | str | float] = {"hidden_size": H, "direction": direction}
    attributes["linear_before_reset"] = int(case.variant.reset == "after")
    if clip is not None:
        attributes["clip"] = clip
    return NodeTest(name, one.about, case.variant, case.sizes, given, attributes, outputs, bounds)


def _stored(fmt: Format, quantity: Expected) -> tuple[NDArray, NDArray]:
    """The values in the format, and bounds that allow for their rounding."""
    # A .pb file of the test has its outputs in the format, and so has the runtime.
    stored = fmt.cast(quantity.values)
    off = np.abs(stored.astype(np.float64) - quantity.values)
    return stored, np.where(off > 0, np.nextafter(quantity.bounds + off, np.inf), quantity.bounds)
