"""What activation functions are called, and what is said of them in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from gruverify.arithmetic._activation import (
    Activation,
    Elu,
    Functions,
    LeakyRelu,
    Ramp,
    ScaledTanh,
    Sigmoid,
    Softplus,
    Softsign,
    Tanh,
    ThresholdedRelu,
)

#: Of the gates and of the candidate: words, with a comma between or each by itself, or functions.
Said: TypeAlias = "str | Sequence[str] | Sequence[Functions]"


def _relu() -> Ramp:
    return Ramp(low=0.0)


def _relu6() -> Ramp:
    return Ramp(low=0.0, high=6.0)


def _hard_tanh() -> Ramp:
    return Ramp(low=-1.0, high=1.0)


def _hard_sigmoid(alpha: float, beta: float) -> Ramp:
    return Ramp(alpha, beta, 0.0, 1.0)


#: By its name, how a function is made of its parameters, and what those are called.
_MADE: dict[str, tuple[Callable[..., Activation], tuple[str, ...]]] = {
    "sigmoid": (Sigmoid, ()),
    "tanh": (Tanh, ()),
    "relu": (_relu, ()),
    "linear": (Ramp, ()),
    "hard_sigmoid": (_hard_sigmoid, ("alpha", "beta")),
    "hard_tanh": (_hard_tanh, ()),
    "relu6": (_relu6, ()),
    "leaky_relu": (LeakyRelu, ("alpha",)),
    "thresholded_relu": (ThresholdedRelu, ("alpha",)),
    "elu": (Elu, ("alpha",)),
    "affine": (Ramp, ("alpha", "beta")),
    "scaled_tanh": (ScaledTanh, ("alpha", "beta")),
    "softsign": (Softsign, ()),
    "softplus": (Softplus, ()),
}
#: What a call in words looks like: a name, and numbers in parentheses.
_CALL = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*")
#: A comma that is in no parentheses.
_BETWEEN = re.compile(r",(?![^()]*\))")
#: What has other parameters in other libraries.
_USES = {
    "hard_sigmoid": "hard_sigmoid(0.2, 0.5) is that of ONNX and Keras 2, hard_sigmoid(1/6, 0.5) "
    "that of Keras 3 and PyTorch",
    "leaky_relu": "leaky_relu(0.01) is that of ONNX and PyTorch, leaky_relu(0.2) that of Keras",
}


def parameters_of(name: str) -> tuple[str, ...]:
    """What the parameters of a function are called.

    Raises:
        ValueError: it is not modelled here.
    """
    if name not in _MADE:
        raise ValueError(f"{name} is not modelled here: choose from {', '.join(_MADE)}")
    return _MADE[name][1]


def activation_named(name: str, *numbers: float) -> Activation:
    """The function of that name, with its parameters in order.

    Raises:
        ValueError: it is not modelled here, or not with these parameters.
    """
    wanted = parameters_of(name)
    if len(numbers) != len(wanted):
        said = ", ".join(wanted) or "none"
        raise ValueError(
            f"{name} has the parameters {said}, and {len(numbers)} are given"
            + (f": {_USES[name]}" if name in _USES else "")
        )
    for parameter, number in zip(wanted, numbers, strict=True):
        _require(name, parameter, number)
    return _MADE[name][0](*numbers)


def _require(name: str, parameter: str, number: float) -> None:
    """Raise ValueError unless a parameter makes the function what it is called."""
    if not np.isfinite(number):
        raise ValueError(f"{name} has {parameter}={number:g}, which must be finite")
    if parameter == "alpha" and number <= 0 and name in ("elu", "hard_sigmoid"):
        raise ValueError(f"{name} has alpha={number:g}, which must be above 0")
    if number == 0 and (name == "scaled_tanh" or (name, parameter) == ("affine", "alpha")):
        raise ValueError(f"{name} has {parameter}=0, which makes it a constant")


def activation_in(text: str) -> Activation:
    """A function in words, such as "relu" or "hard_sigmoid(1/6, 0.5)".

    Raises:
        ValueError: it is not one that is modelled here.
    """
    found = _CALL.fullmatch(text)
    if found is None:
        raise ValueError(f"activation {text!r} must be a name, or NAME(NUMBER, NUMBER)")
    name, given = found.groups()
    try:
        numbers = [_number(each) for each in (given or "").split(",") if given]
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"activation {text!r}: numbers are wanted, such as 0.2 or 1/6") from None
    return activation_named(name.lower(), *numbers)


def _number(text: str) -> float:
    number, _, below = text.partition("/")
    return float(number) / float(below or "1")


def functions_named(said: Said, directions: int = 1) -> tuple[Functions, ...]:
    """The functions of each direction: of the gates and of the candidate, in words, with a comma
    between or each by itself; or twice as many, for both directions. Functions stay what they are.

    Raises:
        ValueError: there are not as many, or one is not modelled here.
    """
    if isinstance(said, str):
        words: list[str | Functions] = list(_BETWEEN.split(said))
    else:
        words = list(said)
    made = list[Activation]()
    for word in words:
        if isinstance(word, Functions):
            made += [word.gate, word.candidate]
        else:
            made.append(activation_in(word))
    if len(made) not in (2, 2 * directions):
        raise ValueError(
            f"activations={said!r} names {len(made)} functions: that of both gates and that of the "
            "candidate are wanted, as sigmoid,tanh"
        )
    pairs = [Functions(*made[k : k + 2]) for k in range(0, len(made), 2)]
    return tuple(pairs * (directions // len(pairs)))


def in_words(each: Sequence[Functions]) -> str:
    """What the functions of each direction are called; once, if they are the same."""
    return "; backward ".join(map(str, dict.fromkeys(each)))


def with_parameters_exchanged(f: Activation) -> Activation:
    """The same function with alpha for beta and beta for alpha, if it has both, neither of them
    0.
    """
    if isinstance(f, Ramp | ScaledTanh) and f.alpha and f.beta:
        return replace(f, alpha=f.beta, beta=f.alpha)
    return f
