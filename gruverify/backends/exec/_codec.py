"""Lines of the protocol: JSON objects whose arrays are base64 of little-endian numbers."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Mapping

import numpy as np

from gruverify._named import JsonObject
from gruverify.arithmetic import Format, NDArray, format_of
from gruverify.backends.exec._rules import ProtocolBroken, Rule, clipped

#: A line may be so long besides its arrays, and the arrays may take that many characters per byte.
#: Base64 takes 4 characters for 3 bytes: what is over is for programs that put blanks or escapes.
_ROOM, _PER_BYTE = 1 << 20, 4


def line_of(message: JsonObject) -> bytes:
    """The message on one line, its keys in their order and no space between them."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def encoded(array: NDArray) -> JsonObject:
    """An array as JSON values: its dtype, its shape, and its numbers in C order."""
    # As whole numbers: NumPy knows no byte order of bfloat16.
    numbers = np.ascontiguousarray(array).view(f"u{array.itemsize}").astype(f"<u{array.itemsize}")
    return {
        "dtype": format_of(array.dtype).name,
        "shape": list(array.shape),
        "data": base64.b64encode(numbers.tobytes()).decode("ascii"),
    }


def object_in(line: bytes) -> JsonObject:
    """The JSON object on a line.

    Raises:
        ProtocolBroken: there is none.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise ProtocolBroken(Rule.LINES, f"it is not UTF-8: {wrong.reason}") from None
    try:
        found = json.loads(text, parse_constant=_refuse)
    # Brackets nested by the thousand exhaust the parser's stack; of digits there is a limit, too.
    except (ValueError, RecursionError) as wrong:
        if text.lstrip().startswith("{"):
            raise ProtocolBroken(Rule.LINES, f"it is not JSON: {_mistake(wrong, text)}") from None
        found = None
    if not isinstance(found, dict):
        raise ProtocolBroken(Rule.LINES, f"it is not a JSON object but {clipped(text.rstrip())}")
    return found


def _mistake(wrong: Exception, text: str) -> str:
    """What a parser says of a text, and where."""
    if isinstance(wrong, json.JSONDecodeError):
        rest = clipped(text[wrong.pos :].rstrip())
        return f"{wrong.msg} at character {wrong.pos + 1}, where {rest} begins"
    return str(wrong)


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, which JSON has not, and at which other readers stop."""
    raise ProtocolBroken(
        Rule.LINES, f"it is not JSON: {constant} is no number there (numbers belong into arrays)"
    )


def longest(shapes: Collection[tuple[int, ...]], fmt: Format) -> int:
    """How many bytes a line of arrays of these shapes may have."""
    return _ROOM + _PER_BYTE * fmt.dtype.itemsize * sum(map(math.prod, shapes))


def arrays_in(
    answer: JsonObject,
    shapes: Mapping[str, tuple[int, ...]],
    optional: Collection[str],
    fmt: Format,
) -> dict[str, NDArray]:
    """The arrays of an answer by name, each of its shape and in the format; of those that are
    optional, the ones that are there.

    Raises:
        ProtocolBroken: one is missing, or is not what it must be.
    """
    given = answer["arrays"]
    if not isinstance(given, dict):
        raise ProtocolBroken(Rule.FORM, f'"arrays" must be an object, not {clipped(given)}')
    found: dict[str, NDArray] = {}
    for name, shape in shapes.items():
        if given.get(name) is not None:
            found[name] = _decoded(name, given[name], shape, fmt)
        elif name not in optional:
            raise ProtocolBroken(
                Rule.NAMES, f'"arrays" lacks {name!r}: {_in_its_place(name, given)}'
            )
    return found


def _in_its_place(name: str, given: JsonObject) -> str:
    """What an answer has where the array of that name is missing."""
    if name in given:
        return "it is null"
    return f"it has {', '.join(map(clipped, list(given)[:9])) or 'nothing'}"


def _decoded(name: str, given: object, shape: tuple[int, ...], fmt: Format) -> NDArray:
    """The array that an answer gives by this name; it is writable and has memory of its own."""
    if not isinstance(given, dict) or not {"dtype", "shape", "data"} <= given.keys():
        raise ProtocolBroken(
            Rule.NAMES, f"{name!r} must be an object of dtype, shape and data, not {clipped(given)}"
        )
    if given["dtype"] != fmt.name:
        raise ProtocolBroken(
            Rule.SHAPE,
            f"{name!r} has dtype {clipped(given['dtype'])}, expected {fmt.name!r}, the request's "
            "format",
        )
    if given["shape"] != list(shape):
        raise ProtocolBroken(
            Rule.SHAPE, f"{name!r} has shape {clipped(given['shape'])}, expected {list(shape)}"
        )
    size = fmt.dtype.itemsize
    data, expected = _bytes(name, given["data"]), size * math.prod(shape)
    if len(data) != expected:
        raise ProtocolBroken(
            Rule.DATA,
            f"{name!r} has {len(data)} bytes, expected {expected}: {math.prod(shape)} numbers in "
            f"{fmt.name}",
        )
    # astype copies, and so the array is writable, and in the machine's own order.
    return np.frombuffer(data, f"<u{size}").astype(f"u{size}").view(fmt.dtype).reshape(shape)


def _bytes(name: str, data: object) -> bytes:
    try:
        if isinstance(data, str):
            return base64.b64decode(data, validate=True)
    except ValueError:  # characters that are not of base64, or padding that is missing
        pass
    raise ProtocolBroken(Rule.DATA, f"the data of {name!r} is not base64: {clipped(data)}")
