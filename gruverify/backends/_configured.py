"""Targets by a name of the project's own: [tool.gruverify.targets.NAME] in pyproject.toml, with
what is declared of them.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gruverify._config import (
    OF_A_TARGET,
    BadConfiguration,
    NamedTarget,
    Table,
    configuration,
)
from gruverify.backends._declarations import (
    BadDeclaration,
    Declared,
    declarations_of,
    require_shapes,
)
from gruverify.backends._devices import parted
from gruverify.cell import Variant

#: The keys of a variant, as `Variant` has them.
_CONVENTIONS = ("reset", "update", "bias", "biases")


def named_target(name: str) -> NamedTarget | None:
    """The target that the nearest pyproject.toml calls so; None if there is none.

    Raises:
        BadConfiguration: the file cannot be read.
    """
    if ":" in name:  # no name of a table, but of an object
        return None
    return configuration(Path.cwd()).targets.get(name)


def named_targets() -> dict[str, str]:
    """The names that the nearest pyproject.toml gives to targets, and what each stands for; none
    if it cannot be read.
    """
    try:
        targets = configuration(Path.cwd()).targets
    except BadConfiguration:
        return {}
    return {name: named.target for name, named in targets.items()}


def meant_by(name: str) -> str:
    """What a name of the project's own stands for; any other target stands for itself. On whatever
    device it is placed, it is that target.
    """
    plain, _ = parted(name)
    try:
        named = named_target(name) or named_target(plain)
    except BadConfiguration:  # for whoever resolves it to report
        return plain
    if named is None:
        return plain
    return parted(named.target)[0]


def declared_by(named: NamedTarget) -> dict[str, Any]:
    """What the table declares of its target, as keywords of `gruverify.backend`.

    Raises:
        BadConfiguration: there is no such declaration, or its value makes no sense.
    """
    declares = dict(named.declares)
    for key in declares:
        if key not in (*Declared.__annotations__, "variants"):
            known = ("target", "variants", *Declared.__annotations__, *OF_A_TARGET)
            raise named.unknown(key, known)
    try:
        if "shapes" in declares:
            require_shapes(declares["shapes"])
        declarations_of(SimpleNamespace(**declares))
    except BadDeclaration as wrong:
        raise named.bad(str(wrong)) from None
    if "variants" in declares:
        declares["variants"] = _variants(named, declares["variants"])
    return declares


def _variants(named: Table, given: Any) -> tuple[Variant, ...]:
    """Variants as TOML has them: a table each."""
    each = given if isinstance(given, list) else [given]
    if not each or not all(isinstance(one, dict) for one in each):
        raise named.wrong("variants", 'it must be tables, such as [{reset = "before"}]')
    found = list[Variant]()
    for one in each:
        for key in one:
            if key not in _CONVENTIONS:
                raise named.bad(f"variants has no key {key!r}: there are {', '.join(_CONVENTIONS)}")
        try:
            found.append(Variant(**one))
        except ValueError as wrong:
            raise named.bad(f"variants: {wrong}") from None
    return tuple(found)
