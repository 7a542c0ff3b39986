"""What a backend declares itself to be: accuracy, biases, and what it cannot be asked.

A declaration widens only the bounds, or leaves out only the questions, that it is about. It is validated alike on
functions, objects, modules and classes, and stands in the header of every result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from gruverify.arithmetic import KAPPA, Format, format_named

Biases: TypeAlias = Literal["both", "input", "recurrent", "merged", "input+candidate", "none"]
NanRule: TypeAlias = Literal["passes", "raises", "undefined"]
Products: TypeAlias = Literal["format", "bf16", "tf32"]
TanhAccuracy: TypeAlias = Literal["relative", "absolute"]

#: The forms of the blend z∘h' + (1-z)∘c: z·h' + (1-z)·c, c + z(h'-c) and h' + (1-z)(c-h').
FORMS = ("A", "B", "C")


class BadDeclaration(ValueError):
    """A declaration of the wrong type, out of range, or at odds with another; the message names the way out."""


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """What an implementation says that it is. The defaults are what serious kernels do.

    Of accuracy: `kappa_sigma` and `kappa_tanh`, the errors of σ and tanh in units of roundoff, and `tanh`, whether the
    latter is relative to the value; `accumulates`, the format in which sums and products add up (None: float32 for the
    halves, else the format itself); `products`, to what the operands of matrix products are rounded first;
    `sums_in_format`, whether sums over the batch add up in the format; `blend`, the forms of the blend that it may use;
    `carry`, by how many units of roundoff the state between steps may differ from what is returned; `subnormals`,
    False if numbers below the smallest normal may be 0.

    Of what it computes: `biases`, which of the bias vectors it has (None: as its variants say); `nan`, whether a NaN is
    passed on, raises, or does anything.

    Of what it can be asked: `initial_state`, False if it starts from zeros alone; `state_gradient`, False if it has no
    gradient of the initial state; `separate_passes`, True if it finds gradients one by one; `lengths`, False if it
    takes no ragged batch; `unbatched`, False if it takes no input without a batch; the sizes and shape that it is
    built for (None: any), and `min_length`, the shortest length that it takes.
    """

    kappa_sigma: float = KAPPA
    kappa_tanh: float = KAPPA
    tanh: TanhAccuracy = "relative"
    accumulates: Format | None = None
    products: Products = "format"
    sums_in_format: bool = False
    blend: str = "A+B"
    carry: float = 0.0
    subnormals: bool = True
    biases: Biases | None = None
    nan: NanRule = "passes"
    initial_state: bool = True
    state_gradient: bool = True
    separate_passes: bool = False
    lengths: bool = True
    unbatched: bool = True
    hidden_size: int | None = None
    input_size: int | None = None
    num_layers: int | None = None
    bidirectional: bool | None = None
    batch_first: bool | None = None
    min_length: int = 1

    def unusual(self) -> dict[str, Any]:
        """Those that differ from the defaults, as JSON values: what a header says of them."""
        return {
            field.name: value.name if isinstance(value, Format) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }


def declarations_of(backend: object) -> Declarations:
    """What the attributes of a backend declare; those that it lacks have their defaults.

    `kappa` stands for `kappa_sigma` and `kappa_tanh` together.

    Raises:
        BadDeclaration: a value has the wrong type, is out of range, or contradicts another; or a property raises.
    """
    found: dict[str, Any] = {}
    both = _attribute(backend, "kappa")
    if both is not None:
        found["kappa_sigma"] = found["kappa_tanh"] = _accuracy("kappa", both)
    for name, read in _READ.items():
        value = _attribute(backend, name)
        if value is not None:
            found[name] = read(name, value)
    return Declarations(**found)


def _attribute(backend: object, name: str) -> Any:
    try:
        return getattr(backend, name, None)
    except Exception as failure:
        raise BadDeclaration(
            f"{name} cannot be read: its property raised {type(failure).__name__}: {failure}"
        ) from failure


def _accuracy(name: str, value: Any) -> float:
    rule = "it is the error of σ and tanh in units of roundoff"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadDeclaration(f"{name}={value!r} must be a number: {rule}")
    if not math.isfinite(value) or value < 0:
        raise BadDeclaration(f"{name}={value!r} must be finite and not negative: {rule}")
    return float(value)


def _units(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise BadDeclaration(f"{name}={value!r} must be a finite number of units of roundoff, at least 0")
    return float(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadDeclaration(f"{name}={value!r} must be True or False")
    return value


def _count(least: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise BadDeclaration(f"{name}={value!r} must be a whole number, at least {least}")
        return value

    return read


def _word(*words: str) -> Callable[[str, Any], Any]:
    def read(name: str, value: Any) -> Any:
        if value not in words:
            raise BadDeclaration(f"{name}={value!r} must be one of {', '.join(map(repr, words))}")
        return value

    return read


def _format(name: str, value: Any) -> Format:
    if isinstance(value, Format):
        return value
    try:
        return format_named(str(value))
    except ValueError as unknown:
        raise BadDeclaration(f"{name}={value!r}: {unknown}") from None


def _forms(name: str, value: Any) -> str:
    parts = str(value).split("+")
    if not isinstance(value, str) or not set(parts) <= set(FORMS) or len(set(parts)) != len(parts):
        raise BadDeclaration(f"{name}={value!r} must be some of {', '.join(FORMS)}, with + between them")
    return "+".join(sorted(parts))


_READ: dict[str, Callable[[str, Any], Any]] = {
    "kappa_sigma": _accuracy,
    "kappa_tanh": _accuracy,
    "tanh": _word(*get_args(TanhAccuracy)),
    "accumulates": _format,
    "products": _word(*get_args(Products)),
    "sums_in_format": _flag,
    "blend": _forms,
    "carry": _units,
    "subnormals": _flag,
    "biases": _word(*get_args(Biases)),
    "nan": _word(*get_args(NanRule)),
    "initial_state": _flag,
    "state_gradient": _flag,
    "separate_passes": _flag,
    "lengths": _flag,
    "unbatched": _flag,
    "hidden_size": _count(1),
    "input_size": _count(1),
    "num_layers": _count(1),
    "bidirectional": _flag,
    "batch_first": _flag,
    "min_length": _count(0),
}
