"""What a backend declares itself to be: accuracy, biases, and what it cannot be asked.

A declaration widens only the bounds, or leaves out only the questions, that it is about. It is
validated alike on functions, objects, modules and classes, and stands in the header of every
result.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, get_args

import numpy as np

from gruverify._named import DeclaredValues, JsonObject, Keywords
from gruverify.arithmetic import KAPPA, USUAL, Format, Functions, format_named, functions_named
from gruverify.backends._attributes import failure_of, value_of
from gruverify.backends._room import MOST, room
from gruverify.cell import Biases

NanRule: TypeAlias = Literal["passes", "raises", "undefined"]
Shapes: TypeAlias = Literal["any", "few"]
Products: TypeAlias = Literal["format", "float32", "bf16", "tf32"]
MaskedOutputs: TypeAlias = Literal["state", "last", "zero"]
Zoneout: TypeAlias = Literal["mask", "shares"]
TanhAccuracy: TypeAlias = Literal["relative", "absolute"]

#: What activations are in words, unless something else is declared.
USUAL_ACTIVATIONS = "sigmoid, tanh"

#: The forms of the blend z∘h' + (1-z)∘c: z·h' + (1-z)·c, c + z(h'-c), h' + (1-z)(c-h') and σ(a)·h'
#: + σ(-a)·c.
FORMS = ("A", "B", "C", "D")


@lru_cache
def _functions(said: str) -> Functions:
    (both,) = functions_named(said)
    return both


class BadDeclaration(ValueError):
    """A declaration of the wrong type, out of range, or at odds with another; the message names the
    way out.
    """


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """What an implementation says that it is. The defaults are what serious kernels do.

    Of accuracy: `kappa_sigma` and `kappa_tanh`, the errors of σ and tanh in units of roundoff, and
    `sigmoid` and `tanh`, whether they are relative to the value or to 1; `accumulates`, the format
    in which sums and products add up (None: float32 for the halves, else the format itself);
    `products`, to what the operands of matrix products are rounded first; `sums_in_format`, whether
    sums over the batch add up in the format; `blend`, the forms of the blend that it may use;
    `carry`, by how many units of roundoff the state between steps may differ from what is returned,
    or the format that it has there; `subnormals`, False if numbers below the smallest normal may be
    0; `computes`, the format in which it computes everything, arguments rounded to it first, where
    that is less precise than the one it is asked in (None: it is that one).

    Of what it computes: `biases`, which of the bias vectors it has (None: as its variants say);
    `nan`, whether a NaN is passed on, raises, or does anything; `masked_outputs`, what is returned
    as the output of a step that a member skips: the state that it kept, the last output that it had
    (0 before the first), or zeros; `zoneout`, whether it takes masks of units alone, or shares of
    them too; `activations`, the functions of the gates and of the candidate;
    `clip`, how large their arguments may be (None: as they are).

    What it can be called with: `initial_state`, False if it starts from zeros alone;
    `state_gradient`, False if it has no gradient of the initial state; `separate_passes`, True
    if it finds gradients one by one; `lengths`, False if it takes no ragged batch; `unbatched`,
    False if it takes no input without a batch; the sizes and shape that it is built for (None:
    any), and `min_length`, the shortest length that it takes; `shapes`, "few" if its calls are
    slow at every new shape, as of what traces or compiles them: then it is called with few.

    What is declared of accuracy may depend on the format: `by_format` has such values by name and
    format. The field of that name is then what holds of the format that was asked for, and the
    default if none was.
    """

    kappa_sigma: float = KAPPA
    kappa_tanh: float = KAPPA
    tanh: TanhAccuracy = "relative"
    sigmoid: TanhAccuracy = "relative"
    accumulates: Format | None = None
    products: Products = "format"
    sums_in_format: bool = False
    blend: str = "A+B"
    carry: float | Format = 0.0
    subnormals: bool = True
    computes: Format | None = None
    biases: Biases | None = None
    nan: NanRule = "passes"
    masked_outputs: MaskedOutputs = "state"
    zoneout: Zoneout = "mask"
    activations: str = USUAL_ACTIVATIONS
    clip: float | None = None
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
    shapes: Shapes = "any"
    by_format: Mapping[str, DeclaredValues] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Whoever starts from zeros alone has no gradient of the initial state either.
        if not self.initial_state:
            object.__setattr__(self, "state_gradient", False)

    @property
    def functions(self) -> Functions:
        """The activation functions that it has."""
        return _functions(self.activations)

    @property
    def other_functions(self) -> bool:
        """Whether its activation functions are others than σ and tanh, or have a clip."""
        return self.functions != USUAL or self.clip is not None

    def unusual(self) -> JsonObject:
        """Those that differ from the defaults, as JSON values: what a header says of them.

        One that depends on the format is an object, with the names of the formats.
        """
        found: JsonObject = {}
        for declared in fields(Declarations):
            value = getattr(self, declared.name)
            if each := self.by_format.get(declared.name):
                found[declared.name] = {fmt: _plain(one) for fmt, one in each.items()}
            elif declared.name != "by_format" and value != declared.default:
                found[declared.name] = _plain(value)
        return found


def _plain(value: object) -> Any:
    if isinstance(value, Format):
        return value.name
    return value


Value = TypeVar("Value")
#: An accuracy, in all formats or by the names of formats.
ByFormat: TypeAlias = Value | Mapping[str, Value] | None


class Declared(TypedDict, total=False):
    """The declarations as keywords: see `Declarations`. `kappa` is `kappa_sigma` and `kappa_tanh`
    together.
    """

    kappa: ByFormat[float]
    kappa_sigma: ByFormat[float]
    kappa_tanh: ByFormat[float]
    tanh: ByFormat[TanhAccuracy]
    sigmoid: ByFormat[TanhAccuracy]
    accumulates: ByFormat[Format | str]
    products: ByFormat[Products]
    sums_in_format: ByFormat[bool]
    blend: ByFormat[str]
    carry: ByFormat[float | Format | str]
    subnormals: ByFormat[bool]
    computes: ByFormat[Format | str]
    biases: Biases | None
    nan: NanRule | None
    masked_outputs: MaskedOutputs | None
    zoneout: Zoneout | None
    activations: str | Sequence[str] | None
    clip: float | None
    initial_state: bool | None
    state_gradient: bool | None
    separate_passes: bool | None
    lengths: bool | None
    unbatched: bool | None
    hidden_size: int | None
    input_size: int | None
    num_layers: int | None
    bidirectional: bool | None
    batch_first: bool | None
    min_length: int | None
    shapes: Shapes | None


def declarations_of(backend: object, fmt: Format | None = None) -> Declarations:
    """What the attributes of a backend declare; those that it lacks have their defaults.

    `kappa` stands for `kappa_sigma` and `kappa_tanh` together. An accuracy may be a mapping from
    names of formats: then it is the one of `fmt`, and the default in a format that is not named. A
    method that happens to have the name of a declaration declares nothing.

    Raises:
        BadDeclaration: a value has the wrong type, is out of range, or contradicts another; no case
            of these sizes fits in memory; or a property raises.
    """
    found: Keywords = {}
    by_format: dict[str, DeclaredValues] = {}
    for name, fields_of_it, read in _DECLARED:
        value = attribute_of(backend, name)
        if value is None:
            continue
        if isinstance(value, Mapping) and name in ("kappa", *ACCURACY):
            each = {_format(name, key).name: read(name, one) for key, one in value.items()}
            # Of a format that is not named nothing is known: it keeps the default, and not what was
            # said of another.
            by_format |= dict.fromkeys(fields_of_it, each)
            found |= (
                dict.fromkeys(fields_of_it, each[fmt.name])
                if fmt is not None and fmt.name in each
                else {}
            )
        else:
            # kappa_sigma and kappa_tanh come behind kappa, and stand in place of what it said per
            # format.
            found |= dict.fromkeys(fields_of_it, read(name, value))
            by_format = {
                field_: each for field_, each in by_format.items() if field_ not in fields_of_it
            }
    # Only what somebody has said can contradict: the default of state_gradient gives way.
    if found.get("initial_state") is False and found.get("state_gradient"):
        raise BadDeclaration(
            "state_gradient=True contradicts initial_state=False: what starts from zeros alone "
            "has no gradient of the "
            "initial state; leave one of the two out"
        )
    _require_room(found)
    return Declarations(**found, by_format=by_format)


#: The declarations of sizes, by letter.
_SIZES = {"H": "hidden_size", "I": "input_size", "L": "num_layers", "T": "min_length"}
#: A size from which on it may be what takes too much memory.
_LARGE = 256


def _require_room(found: DeclaredValues) -> None:
    """Raise BadDeclaration if a case of the sizes that are declared takes more memory than cases
    may.
    """
    built = {letter: found[name] for letter, name in _SIZES.items() if name in found}
    if "bidirectional" in found:
        built["D"] = 1 + found["bidirectional"]
    if (taken := room(built)) > MOST:
        # Named are the sizes that take the room: those from 256 on, else the largest.
        large = min(_LARGE, max(size for letter, size in built.items() if letter in _SIZES))
        named = ", ".join(
            f"{_SIZES[x]}={one_line(built[x])}" for x in _SIZES if built.get(x, 0) >= large
        )
        raise BadDeclaration(
            f"{named}: a case would take {one_line(-(-taken >> 30))} GiB, and none takes more than "
            f"{MOST >> 30} GiB: "
            "name a target of smaller sizes"
        )


def module_declarations(module: object) -> Keywords:
    """What the attributes of a PyTorch module claim (`variants`, `formats`) and declare, unread.

    A module's sizes and shape are found from its parameters, and its own parts (an nn.Tanh called
    `tanh`, a tensor called `carry`) are no declarations.

    Raises:
        BadDeclaration: a property raises.
    """
    others = (*FOUND_FROM_PARAMETERS, *_OF_KEYWORDS_ALONE)
    names = [name for name in Declared.__annotations__ if name not in others]
    values = {name: attribute_of(module, name) for name in ("variants", "formats", *names)}
    return {name: value for name, value in values.items() if not _is_part(value)}


def _is_part(value: object) -> bool:
    """Whether it is a module, a method or a tensor, and no declaration."""
    is_method = callable(value) and not isinstance(value, type)
    return (
        value is None
        or is_method
        or hasattr(type(value), "requires_grad")  # a tensor, recognised without importing PyTorch
        or isinstance(value, property)  # of a class: it has no value yet
    )


#: The sizes and shape of a module: its parameters have them.
FOUND_FROM_PARAMETERS = ("hidden_size", "input_size", "num_layers", "bidirectional", "batch_first")

#: What a module keeps under these names is its own: a norm at which gradients are clipped, layers.
_OF_KEYWORDS_ALONE = ("activations", "clip")

#: Names that an implementation may give to a method of its own.
_NAMES_OF_METHODS = (
    "tanh",
    "sigmoid",
    "accumulates",
    "products",
    "blend",
    "carry",
    "computes",
    "lengths",
    "nan",
    "initial_state",
    "activations",
    "clip",
)


#: What an implementation may keep in an attribute of its own called `shapes`: those that it has
#: met.
_RECORDS = (set, frozenset, dict, list, tuple)


def attribute_of(backend: object, name: str) -> Any:
    """What an attribute declares, unread; None if there is none.

    A method that happens to have the name of a declaration declares nothing, and neither do shapes
    that were noted.

    Raises:
        BadDeclaration: a property raises.
    """
    try:
        value = value_of(backend, name)
    except AttributeError:
        return None
    except Exception as failure:
        raise BadDeclaration(f"{name} cannot be read: {failure_of(failure)}") from None
    is_record = name == "shapes" and isinstance(value, _RECORDS)
    if is_record or (name in _NAMES_OF_METHODS and callable(value)):
        return None
    return value


def require_shapes(value: object) -> None:
    """Raise BadDeclaration if what was given as `shapes` by that keyword is no word for them."""
    _READ["shapes"]("shapes", value)


def one_line(value: object) -> str:
    """A value on one line, however large it is."""
    return " ".join(reprlib.repr(value).split())


def _accuracy(name: str, value: object) -> float:
    return _at_least_0(name, value, "it is the error of σ and tanh in units of roundoff")


def _carry(name: str, value: object) -> float | Format:
    """A number of units, or the format that the state has between steps."""
    if isinstance(value, (str, Format)):
        return _format(name, value)
    return _at_least_0(name, value, "it is a difference in units of roundoff")


def _at_least_0(name: str, value: object, rule: str) -> float:
    # To Python True is a number; as an accuracy it is a slip.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise BadDeclaration(f"{name}={one_line(value)} must be a number: {rule}")
    try:
        number = float(value)
    except OverflowError:  # a whole number or a fraction that is larger than any float
        number = math.inf
    if not math.isfinite(number):
        raise BadDeclaration(f"{name}={one_line(value)} must be finite: {rule}")
    if number < 0:
        raise BadDeclaration(f"{name}={one_line(value)} must not be negative: {rule}")
    return number


def _clip(name: str, value: object) -> float:
    number = _at_least_0(name, value, "arguments of activation functions are no larger")
    if number == 0:
        raise BadDeclaration(f"{name}=0 must be more: it would make every gate the same")
    return number


def _activations(name: str, value: Any) -> str:
    """The functions of the gates and of the candidate, in words with a comma between."""
    if isinstance(value, str):
        said = value
    elif isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
        said = ", ".join(value)
    else:
        raise BadDeclaration(
            f"{name}={one_line(value)} must be the functions of the gates and of the candidate in "
            f'words, such as "{USUAL_ACTIVATIONS}"'
        )
    try:
        functions_named(said)
    except ValueError as unknown:
        raise BadDeclaration(str(unknown)) from None
    return said


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise BadDeclaration(f"{name}={one_line(value)} must be True or False")
    return bool(value)


def _count(least: int) -> Callable[[str, Any], int]:
    def read(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            raise BadDeclaration(
                f"{name}={one_line(value)} must be a whole number, at least {least}"
            )
        return int(value)

    return read


def _word(*words: str) -> Callable[[str, Any], Any]:
    def read(name: str, value: object) -> Any:
        if not isinstance(value, str) or value not in words:
            raise BadDeclaration(
                f"{name}={one_line(value)} must be one of {', '.join(map(repr, words))}"
            )
        return value

    return read


def _format(name: str, value: object) -> Format:
    if isinstance(value, Format):
        return value
    if not isinstance(value, str):
        raise BadDeclaration(f"{name}={one_line(value)} must be a Format or the name of one")
    try:
        return format_named(value)
    except ValueError as unknown:
        raise BadDeclaration(f"{name}={one_line(value)}: {unknown}") from None


def _forms(name: str, value: object) -> str:
    if isinstance(value, str):
        parts = value.split("+")
        if set(parts) <= set(FORMS) and len(set(parts)) == len(parts):
            # In one order: whoever compares two declarations compares sets of forms.
            return "+".join(sorted(parts))
    raise BadDeclaration(
        f"{name}={one_line(value)} must be some of {', '.join(FORMS)}, with + between them"
    )


_READ: dict[str, Callable[[str, Any], Any]] = {
    "kappa_sigma": _accuracy,
    "kappa_tanh": _accuracy,
    "tanh": _word(*get_args(TanhAccuracy)),
    "sigmoid": _word(*get_args(TanhAccuracy)),
    "accumulates": _format,
    "products": _word(*get_args(Products)),
    "sums_in_format": _flag,
    "blend": _forms,
    "carry": _carry,
    "subnormals": _flag,
    "computes": _format,
    "biases": _word(*get_args(Biases)),
    "nan": _word(*get_args(NanRule)),
    "masked_outputs": _word(*get_args(MaskedOutputs)),
    "zoneout": _word(*get_args(Zoneout)),
    "activations": _activations,
    "clip": _clip,
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
    "shapes": _word(*get_args(Shapes)),
}

#: The attributes with the fields that each fills, and how it is read. A later one has the last
#: word.
_DECLARED = [
    ("kappa", ("kappa_sigma", "kappa_tanh"), _accuracy),
    *((name, (name,), read) for name, read in _READ.items()),
]

#: What is declared of accuracy: it may depend on the format.
ACCURACY = (
    *("kappa_sigma", "kappa_tanh", "tanh", "sigmoid", "accumulates", "products"),
    *("sums_in_format", "blend", "carry", "subnormals", "computes"),
)
