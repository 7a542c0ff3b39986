"""What operators of layout make of arrays: those that move numbers, and those that say in which
type constants are stored. Nothing else of a graph is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gruverify._protobuf import Fields, bytes_of, whole_numbers
from gruverify.arithmetic import NDArray
from gruverify.models._onnx_graphs import Graphs, Node
from gruverify.models._onnx_tensors import ONNX_TYPES, tensor_array

#: The operators that move numbers and change none.
MOVING = frozenset(
    {"Identity", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Concat", "Cast", "Slice"}
)
#: How many times larger than what it is made of an array may become.
_GROWS = 8
#: Fields of an attribute.
_FLOAT, _INT, _TENSOR, _FLOATS, _INTS = 2, 3, 5, 7, 8


class Layout:
    """The values of a graph as far as operators of layout say them; `known` are values by name that
    are given. `stored` are the types of the tensors that were read, by their names.
    """

    def __init__(self, graphs: Graphs, known: Mapping[str, NDArray] | None = None) -> None:
        self._graphs = graphs
        self._known = dict(known or {})
        self._held = sum(array.size for array in self._known.values())
        self._asked = set[str]()
        self.stored = dict[str, str]()

    def value(self, name: str) -> NDArray:
        """The value of that name.

        Raises:
            ValueError: something else than layout and constants makes it.
        """
        try:
            return self._value(name)
        except RecursionError:
            raise ValueError(f"{name!r} is made by too many operators in a row") from None

    def _value(self, name: str) -> NDArray:
        name = self._graphs.root(name)
        if name in self._known:
            return self._known[name]
        if name in self._asked:
            raise ValueError(f"{name!r} is made of itself")
        # Before its operands are asked for, or a damaged file that makes a value of itself never
        # ends.
        self._asked.add(name)
        if name in self._graphs.tensors:
            found = tensor_array(name, self._graphs.tensors[name], self._graphs.folder)
            self.stored[name] = found.dtype.name
            self._held += found.size
        elif name in self._graphs.made:
            found = self._made(self._graphs.made[name])
        else:
            raise ValueError(f"{name!r}, which is not a constant of the model")
        self._known[name] = found
        return found

    def _made(self, node: Node) -> NDArray:
        rule = _RULES.get(node.kind)
        if rule is None or len(node.outputs) > 1:
            raise ValueError(
                f"{node.outputs[0]!r}, which is not a constant of the model: {node.kind}"
            )
        operands = [self._value(name) if name else None for name in node.inputs]
        if operands and operands[0] is None:
            raise ValueError(f"{node.kind} {node.name!r} has no input")
        # A chain of Concats of a value with itself doubles at each node: 40 of them fill any
        # memory.
        if sum(one.size for one in operands if one is not None) > _GROWS * self._held:
            raise ValueError(f"{node.kind} {node.name!r} makes too much of what there is")
        try:
            made = rule(node, operands)
            # Of Constants nothing was held yet; of a shape any size can be made.
            self._held = max(self._held, len(b"".join(node.raw)))
            if made.size > _GROWS * self._held:
                raise ValueError(f"{node.kind} {node.name!r} makes {made.shape} of what there is")
            return made
        except (IndexError, TypeError) as wrong:
            raise ValueError(f"{node.kind} {node.name!r}: {wrong}") from None


def is_moved(graphs: Graphs, name: str) -> str | None:
    """The value that a value is made of by operators of layout alone; None if there are several, as
    behind a Concat of two, or none.
    """
    name = graphs.root(name)
    for _ in range(len(graphs.made) + 1):
        node = graphs.made.get(name)
        if node is None or node.kind not in MOVING:
            return name
        # Further inputs of the others are shapes and axes, which move nothing themselves.
        inputs = node.inputs if node.kind == "Concat" else node.inputs[:1]
        if len(inputs) != 1:
            return None
        name = graphs.root(inputs[0])
    return None


def _numbers(node: Node, operands: list[NDArray | None], place: int, name: str) -> list[int] | None:
    """Whole numbers that are an input, or, in older versions, an attribute."""
    if len(operands) > place and (given := operands[place]) is not None:
        return [int(number) for number in np.ravel(given)]
    if name in node.attributes:
        return [_signed(number) for number in whole_numbers(node.attributes[name].get(8, []))]
    return None


def _signed(number: int) -> int:
    if number >= 2**63:
        return number - 2**64
    return number


def _cast(node: Node, operands: list[NDArray | None]) -> NDArray:
    kind = node.number("to")
    if kind not in ONNX_TYPES:
        raise ValueError(f"Cast to ONNX data type {kind}")
    return _first(operands).astype(ONNX_TYPES[kind])


def _first(operands: list[NDArray | None]) -> NDArray:
    first = operands[0]
    assert first is not None  # that it is there was seen
    return first


def _transpose(node: Node, operands: list[NDArray | None]) -> NDArray:
    return _first(operands).transpose(_numbers(node, operands, 1, "perm"))


def _squeeze(node: Node, operands: list[NDArray | None]) -> NDArray:
    axes = _numbers(node, operands, 1, "axes")
    return np.squeeze(_first(operands), axis=None if axes is None else tuple(axes))


def _unsqueeze(node: Node, operands: list[NDArray | None]) -> NDArray:
    return np.expand_dims(_first(operands), tuple(_numbers(node, operands, 1, "axes") or ()))


def _reshape(node: Node, operands: list[NDArray | None]) -> NDArray:
    array, wanted = _first(operands), _numbers(node, operands, 1, "shape") or []
    if not node.number("allowzero"):
        # 0 keeps the axis as it is, unless allowzero says that it is a size.
        wanted = [size or array.shape[axis] for axis, size in enumerate(wanted)]
    return array.reshape(wanted)


def _concat(node: Node, operands: list[NDArray | None]) -> NDArray:
    return np.concatenate([one for one in operands if one is not None], _axis(node, 0))


def _axis(node: Node, default: int) -> int:
    return _signed(node.number("axis", default))


def _slice(node: Node, operands: list[NDArray | None]) -> NDArray:
    array = _first(operands)
    starts, ends = (
        _numbers(node, operands, place, name) or [] for place, name in ((1, "starts"), (2, "ends"))
    )
    axes = _numbers(node, operands, 3, "axes") or list(range(len(starts)))
    steps = _numbers(node, operands, 4, "steps") or [1] * len(starts)
    which = [slice(None)] * array.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        # Before the first element, going backward, is the end that Python calls None.
        which[axis] = slice(start, None if step < 0 and end < -array.shape[axis] else end, step)
    return array[tuple(which)]


def _dequantized(node: Node, operands: list[NDArray | None]) -> NDArray:
    """(x - zero point)·scale, in the type of the scale."""
    array, scale = _first(operands), operands[1]
    if scale is None:
        raise ValueError(f"DequantizeLinear {node.name!r} has no scale")
    shape = [1] * array.ndim
    if scale.ndim == 1 and scale.size > 1:
        shape[_axis(node, 1)] = scale.size
    zero = operands[2] if len(operands) > 2 and operands[2] is not None else np.zeros(1, np.int8)
    if max(scale.ndim, zero.ndim) > 1:
        raise ValueError("DequantizeLinear in blocks")
    scale = scale.reshape(shape if scale.size > 1 else [1] * array.ndim)
    zero = zero.reshape(shape if zero.size > 1 else [1] * array.ndim)
    # In int32: the difference of two bytes does not fit into a byte.
    return (array.astype(np.int32) - zero.astype(np.int32)).astype(scale.dtype) * scale


def _constant(node: Node, _operands: list[NDArray | None]) -> NDArray:
    """A Constant whose numbers are an attribute, and no tensor."""
    for name, numbers in (("value_floats", _floats), ("value_ints", _whole)):
        if name in node.attributes:
            return numbers(node.attributes[name])
    for name, numbers in (("value_float", _floats), ("value_int", _whole)):
        if name in node.attributes:
            return numbers(node.attributes[name]).reshape(())
    raise ValueError(f"Constant {node.name!r} has no numbers")


def _floats(attribute: Fields) -> NDArray:
    data = b"".join(map(bytes_of, attribute.get(_FLOAT, []) + attribute.get(_FLOATS, [])))
    return np.frombuffer(data, "<f4")


def _whole(attribute: Fields) -> NDArray:
    numbers = whole_numbers(attribute.get(_INT, []) + attribute.get(_INTS, []))
    return np.array([_signed(number) for number in numbers], np.int64)


def _of_shape(node: Node, operands: list[NDArray | None]) -> NDArray:
    """An array of one number, which nothing is allocated for."""
    value = np.zeros(1, np.float32)
    if tensors := node.attributes.get("value", {}).get(_TENSOR):
        value = tensor_array(node.name, tensors[-1], None)
    return np.broadcast_to(value.ravel()[0], np.ravel(_first(operands)).astype(np.int64))


def _same(_node: Node, operands: list[NDArray | None]) -> NDArray:
    return _first(operands)


_RULES: dict[str, Callable[[Node, list[NDArray | None]], NDArray]] = {
    "Identity": _same,
    "Constant": _constant,
    "ConstantOfShape": _of_shape,
    "Cast": _cast,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Concat": _concat,
    "Slice": _slice,
    "DequantizeLinear": _dequantized,
}
