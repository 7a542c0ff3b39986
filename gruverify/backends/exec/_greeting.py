"""The greeting: what a program says of itself in its first line."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gruverify._named import DeclaredValues, JsonObject, Keywords
from gruverify.backends._claims import formats_in, require_name, variants_in
from gruverify.backends._declarations import BadDeclaration
from gruverify.backends._protocol import EVERY_METHOD
from gruverify.backends.exec._rules import ProtocolBroken, Rule, clipped
from gruverify.cell import Variant

#: The version of the protocol.
PROTOCOL = 1
_VARIANT = ("reset", "update", "biases")


@dataclass(frozen=True)
class Greeting:
    """What a program claims: its name and version, the methods that it has, its formats and
    variants, and what else it declares.
    """

    name: str
    methods: tuple[str, ...]
    formats: tuple[Any, ...]
    version: str = ""
    variants: tuple[Variant, ...] = (Variant(),)
    declarations: DeclaredValues = field(default_factory=dict)

    @property
    def state_gradient(self) -> bool:
        """Whether it has gradients of the initial state."""
        names = ("initial_state", "state_gradient")
        return all(self.declarations.get(name) is not False for name in names)


def greeting_in(said: JsonObject) -> Greeting:
    """What the JSON object of a greeting claims.

    Raises:
        ProtocolBroken: it is not a greeting, or a claim is missing or wrong.
    """
    if "protocol" not in said:
        raise ProtocolBroken(
            Rule.GREETING, f'the first line lacks "protocol": {PROTOCOL}: it is not a greeting'
        )
    # In Python True equals 1, and is not a version.
    if said["protocol"] != PROTOCOL or isinstance(said["protocol"], bool):
        raise ProtocolBroken(
            Rule.GREETING,
            f'"protocol" is {clipped(said["protocol"])}: gruverify speaks {PROTOCOL}',
        )
    # An unknown key is an error, and not ignored: it may be a declaration that was misspelled.
    for key in said:
        if key not in _READ and key != "protocol":
            raise ProtocolBroken(Rule.CLAIMS, f"a greeting has no {clipped(key)}{_near(key)}")
    for key in ("name", "methods", "formats"):
        if key not in said:
            raise ProtocolBroken(Rule.CLAIMS, f"the greeting lacks {key!r}")
    try:
        claims: Keywords = {k: read(said[k]) for k, read in _READ.items() if k in said}
    except ValueError as wrong:  # a BadDeclaration is one
        raise ProtocolBroken(Rule.CLAIMS, str(wrong)) from None
    return Greeting(**claims)


def _near(key: str) -> str:
    near = difflib.get_close_matches(key, _READ, 1)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": it has {', '.join(_READ)}"


def _name(given: object) -> str:
    require_name(given)
    return str(given)


def _version(given: object) -> str:
    if not isinstance(given, str):
        raise BadDeclaration(f"version={clipped(given)} must be a text")
    return given


def _methods(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise BadDeclaration(f"methods={clipped(given)} must be a list of some of {_ALL}")
    for method in given:
        if method not in EVERY_METHOD:
            raise BadDeclaration(f"methods has {clipped(method)}: there are {_ALL}")
    return tuple(dict.fromkeys(given))


def _formats(given: object) -> tuple[Any, ...]:
    return formats_in(given)


def _variants(given: object) -> tuple[Variant, ...]:
    if not isinstance(given, list):
        raise BadDeclaration(f"variants={clipped(given)} must be a list of objects")
    for one in given:
        if not isinstance(one, dict) or not one.keys() <= set(_VARIANT):
            raise BadDeclaration(
                f"variants has {clipped(one)}: each is an object with {', '.join(_VARIANT)}"
            )
    return variants_in([Variant(**one) for one in given])


def _declarations(given: object) -> DeclaredValues:
    if not isinstance(given, dict):
        raise BadDeclaration(f"declarations={clipped(given)} must be an object")
    return given


_ALL = ", ".join(EVERY_METHOD)
#: How each claim is read, by its key.
_READ: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "version": _version,
    "methods": _methods,
    "formats": _formats,
    "variants": _variants,
    "declarations": _declarations,
}
