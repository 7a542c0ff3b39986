"""What a backend claims to be: its name, its variants and its formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from gruverify._named import DeclaredValues, Keywords
from gruverify.arithmetic import FORMATS, Format, format_named
from gruverify.backends._declarations import (
    BadDeclaration,
    Declared,
    attribute_of,
    declarations_of,
    one_line,
)
from gruverify.cell import Variant

#: One variant or several.
Variants: TypeAlias = Variant | Iterable[Variant]
#: Formats, each itself or by its name ("float32", "f32"): one or several.
Formats: TypeAlias = Format | str | Iterable[Format | str]

_EACH_FORMAT = (
    'each must be a Format, such as gruverify.float32, or the name of one, such as "float32"'
)


def variants_in(given: object) -> tuple[Variant, ...]:
    """Variants as a user gives them: one, or several.

    Raises:
        BadDeclaration: there is none, or something is not a Variant.
    """
    if isinstance(given, Variant):
        return (given,)
    # A text, a mapping and an enumeration are iterable as well, and none is a list of variants.
    if isinstance(given, (str, bytes, Mapping, type)) or not isinstance(given, Iterable):
        raise BadDeclaration(f"variants={one_line(given)} must be a sequence of Variants")
    listed = list(given)
    if not listed:
        raise BadDeclaration("variants is empty: a backend claims at least one Variant")
    if wrong := [one for one in listed if not isinstance(one, Variant)]:
        raise BadDeclaration(
            f"variants has {one_line(wrong[0])}: it must be a sequence of Variants"
        )
    return tuple(listed)


def formats_in(given: object) -> tuple[Format, ...]:
    """Formats as a user gives them, no one twice: one or several, each itself or by its name.

    Raises:
        BadDeclaration: there is none, or something is neither a Format nor the name of one.
    """
    if isinstance(given, (Format, str)):
        given = (given,)
    if (
        isinstance(given, (Mapping, bytes))
        or not isinstance(given, Iterable)
        or isinstance(given, type)
    ):
        raise BadDeclaration(
            f"formats={one_line(given)} must be a sequence of Formats: {_EACH_FORMAT}"
        )
    found = tuple(dict.fromkeys(_format(one) for one in given))
    if not found:
        raise BadDeclaration("formats is empty: a backend claims at least one Format")
    return found


def _format(given: object) -> Format:
    if isinstance(given, Format) and given in FORMATS:
        return given
    if not isinstance(given, str):
        raise BadDeclaration(f"formats has {one_line(given)}: {_EACH_FORMAT}")
    try:
        return format_named(given)
    except ValueError:
        known = ", ".join(f"{fmt.name} ({fmt.short})" for fmt in FORMATS)
        raise BadDeclaration(
            f"formats has {one_line(given)}, which is unknown: choose from {known}"
        ) from None


def require_name(name: object) -> None:
    """Raise BadDeclaration if it is not a name of a backend."""
    if not isinstance(name, str) or not name.strip():
        raise BadDeclaration(
            f"name={one_line(name)} must be a text that is not empty: reports call the backend so"
        )


def declared_variants(backend: object) -> tuple[Variant, ...]:
    """The variants that a backend claims, with the biases that it declares.

    Raises:
        BadDeclaration: there is none, one is not a Variant, or one was given other biases than
        those declared.
    """
    listed = variants_in(attribute_of(backend, "variants"))
    biases = declarations_of(backend).biases
    if biases is None:
        return listed
    try:
        return tuple(dict.fromkeys(variant.with_biases(biases) for variant in listed))
    except ValueError as contradiction:
        raise BadDeclaration(str(contradiction)) from None


def claimed_by(function: object) -> Keywords:
    """What attributes of a function claim and declare, unread.

    Raises:
        BadDeclaration: a property raises.
    """
    names = ("variants", "formats", *Declared.__annotations__)
    values = {name: attribute_of(function, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def agreed(said: Mapping[str, DeclaredValues]) -> Keywords:
    """What several say together. said: by who says it, values by name.

    Raises:
        BadDeclaration: two of them contradict each other.
    """
    found: Keywords = {}
    whose: dict[str, str] = {}
    for who, values in said.items():
        for name, value in values.items():
            # By their looks: they are unread, and == of an array or a tensor is not a truth value.
            if name in found and repr(found[name]) != repr(value):
                earlier = f"{name}={one_line(found[name])} of {whose[name]}"
                raise BadDeclaration(
                    f"{name}={one_line(value)} of {who} contradicts {earlier}: both must say the "
                    "same"
                )
            found[name], whose[name] = value, who
    return found


def claims_of(backend: object) -> Keywords:
    """The variants and formats of a backend that are not as `Backend` has them: as they are meant.

    Raises:
        BadDeclaration: its name, a variant or a format is wrong, or a property raises.
    """
    require_name(attribute_of(backend, "name"))
    found: Keywords = {}
    for name, read in (("variants", variants_in), ("formats", formats_in)):
        given = attribute_of(backend, name)
        meant = read(given)
        if not isinstance(given, (tuple, list)) or tuple(given) != meant:
            found[name] = meant
    return found
