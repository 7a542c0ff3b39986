"""The activation functions of a GRU node: its attributes activations, activation_alpha and
activation_beta.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gruverify._protobuf import Fields, bytes_of, text_of
from gruverify.arithmetic import Activation, Functions, activation_named, parameters_of

_STRINGS, _FLOATS = 9, 7
_NAMES = {
    "hardsigmoid": "hard_sigmoid",
    "leakyrelu": "leaky_relu",
    "thresholdedrelu": "thresholded_relu",
    "scaledtanh": "scaled_tanh",
    **{name: name for name in ("sigmoid", "tanh", "relu", "affine", "elu", "softsign", "softplus")},
}
#: The defaults of alpha and beta are those of the operators of the same names; Affine and
#: ScaledTanh have none.
_DEFAULTS = {
    ("hard_sigmoid", "alpha"): 0.2,
    ("hard_sigmoid", "beta"): 0.5,
    ("leaky_relu", "alpha"): 0.01,
    ("thresholded_relu", "alpha"): 1.0,
    ("elu", "alpha"): 1.0,
}


def functions_of(attributes: Mapping[str, Fields], directions: int) -> tuple[Functions, ...]:
    """The functions of each direction.

    Raises:
        ValueError: one is not modelled here, or there are too few or too many functions or
            parameters; it says what the node has.
    """
    given = [text_of(word) for word in attributes.get("activations", {}).get(_STRINGS, [])]
    if len(given) not in (0, 2 * directions):
        raise ValueError(f"has {len(given)} activations where {2 * directions} are wanted")
    words = given or ["Sigmoid", "Tanh"] * directions
    numbers = {
        parameter: _numbers(attributes.get(f"activation_{parameter}", {}))
        for parameter in ("alpha", "beta")
    }
    counts = {parameter: len(each) for parameter, each in numbers.items()}
    try:
        made = [_activation(word, numbers) for word in words]
    except ValueError as wrong:
        raise ValueError(f"has activations={words}: {wrong}") from None
    for parameter, left in numbers.items():
        if left:
            raise ValueError(
                f"has {counts[parameter]} of activation_{parameter}, and its activations={words} "
                f"take {counts[parameter] - len(left)}"
            )
    return tuple(Functions(*made[k : k + 2]) for k in range(0, len(made), 2))


def _activation(word: str, numbers: Mapping[str, list[float]]) -> Activation:
    """A function, with the next of the parameters that it takes."""
    name = _NAMES.get(word.lower())
    if name is None:
        raise ValueError(f"{word} is not modelled here: choose from {', '.join(_NAMES)}")
    taken = list[float]()
    for parameter in parameters_of(name):
        if numbers[parameter]:
            taken.append(numbers[parameter].pop(0))
        elif (name, parameter) in _DEFAULTS:
            taken.append(_DEFAULTS[name, parameter])
        else:
            raise ValueError(f"{word} has no default of activation_{parameter}")
    return activation_named(name, *taken)


def _numbers(attribute: Fields) -> list[float]:
    """Numbers of float32, one by one or packed."""
    data = b"".join(map(bytes_of, attribute.get(_FLOATS, [])))
    if len(data) % 4:
        raise ValueError(f"has activation parameters of {len(data)} bytes, four are a number")
    return list(map(float, np.frombuffer(data, "<f4")))
