"""A GRU in plain Python, without NumPy, as a target: gruverify check 'exec:python3 gru.py'."""

import base64
import json
import math
import struct
import sys

CODES = {"float32": "f", "float64": "d"}


def read_array(given, code):
    """The numbers of an array, as nested lists."""
    data = base64.b64decode(given["data"])
    flat = iter(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))

    def nested(shape):
        return [nested(shape[1:]) for _ in range(shape[0])] if shape else next(flat)

    return nested(given["shape"])


def write_array(rows, dtype):
    """A matrix, given as a list of rows, in the protocol's form."""
    numbers = [number for row in rows for number in row]
    data = struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)
    shape = [len(rows), len(rows[0]) if rows else 0]
    return {"dtype": dtype, "shape": shape, "data": base64.b64encode(data).decode()}


def dot(row, vector):
    return sum(weight * value for weight, value in zip(row, vector, strict=True))


def sigmoid(a):
    return 1 / (1 + math.exp(-a)) if a > -700 else 0.0


def unit(cell, i, x, h):
    """The next state of unit i of one member: gates are packed in the order r, z, n."""
    H = len(h)
    r, z, n = (
        dot(cell["weight_ih"][row], x) + cell["bias_ih"][row] for row in (i, H + i, 2 * H + i)
    )
    r += dot(cell["weight_hh"][i], h) + cell["bias_hh"][i]
    z += dot(cell["weight_hh"][H + i], h) + cell["bias_hh"][H + i]
    recurrent = dot(cell["weight_hh"][2 * H + i], h) + cell["bias_hh"][2 * H + i]
    candidate = math.tanh(n + sigmoid(r) * recurrent)
    return (1 - sigmoid(z)) * candidate + sigmoid(z) * h[i]


def answer(request):
    dtype = request["format"]
    given = {name: read_array(array, CODES[dtype]) for name, array in request["arrays"].items()}
    if not given["x"]:
        return {"refused": "an empty batch"}
    states = []
    for x, h in zip(given["x"], given["h"], strict=True):
        states.append([unit(given, i, x, h) for i in range(len(h))])
    return {"arrays": {"h": write_array(states, dtype)}}


def say(message):
    print(json.dumps(message), flush=True)


say(
    {
        "protocol": 1,
        "name": "a GRU in plain Python",
        "version": "1.0",
        "methods": ["step"],
        "formats": ["float32", "float64"],
        "variants": [{"reset": "after", "update": "keep", "biases": "both"}],
    }
)
for line in sys.stdin:
    request = json.loads(line)
    say({"id": request["id"], **answer(request)})
