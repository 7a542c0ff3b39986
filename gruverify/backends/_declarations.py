"""What a backend declares itself to be: accuracy, biases, and what it cannot be asked.

A declaration widens only the bounds, or leaves out only the questions, that it is about. It is validated alike on
functions, objects, modules and classes, and stands in the header of every result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
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

    What is declared of accuracy may depend on the format: `by_format` has such values by name and format. The field of
    that name is then what holds of the format that was asked for, and the default if none was.
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
    by_format: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def unusual(self) -> dict[str, Any]:
        """Those that differ from the defaults, as JSON values: what a header says of them.

        One that depends on the format is an object, with the names of the formats.
        """
        found: dict[str, Any] = {}
        for declared in fields(self):
            value = getattr(self, declared.name)
            if declared.name in self.by_format:
                found[declared.name] = {fmt: _plain(one) for fmt, one in self.by_format[declared.name].items()}
            elif declared.name != "by_format" and value != declared.default:
                found[declared.name] = _plain(value)
        return found


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Format) else value


def declarations_of(backend: object, fmt: Format | None = None) -> Declarations:
    """What the attributes of a backend declare; those that it lacks have their defaults.

    `kappa` stands for `kappa_sigma` and `kappa_tanh` together. An accuracy may be a mapping from names of formats: then
    it is the one of `fmt`, and the default in a format that is not named.

    Raises:
        BadDeclaration: a value has the wrong type, is out of range, or contradicts another; or a property raises.
    """
    found: dict[str, Any] = {}
    by_format: dict[str, dict[str, Any]] = {}
    for name, fields_of_it, read in _DECLARED:
        value = _attribute(backend, name)
        if value is None:
            continue
        if isinstance(value, Mapping) and name in ("kappa", *ACCURACY):
            each = {_format(name, key).name: read(name, one) for key, one in value.items()}
            by_format |= dict.fromkeys(fields_of_it, each)
            found |= dict.fromkeys(fields_of_it, each[fmt.name]) if fmt is not None and fmt.name in each else {}
        else:
            found |= dict.fromkeys(fields_of_it, read(name, value))
            by_format = {field_: each for field_, each in by_format.items() if field_ not in fields_of_it}
    return Declarations(**found, by_format=by_format)


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

#: The attributes with the fields that each fills, and how it is read. A later one has the last word.
_DECLARED = [
    ("kappa", ("kappa_sigma", "kappa_tanh"), _accuracy),
    *((name, (name,), read) for name, read in _READ.items()),
]

#: What is declared of accuracy: it may depend on the format.
ACCURACY = (
    "kappa_sigma",
    "kappa_tanh",
    "tanh",
    "accumulates",
    "products",
    "sums_in_format",
    "blend",
    "carry",
    "subnormals",
)
