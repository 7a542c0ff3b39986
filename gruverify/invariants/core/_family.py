"""A family: the invariants about one thing, in one file or in the files of a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from gruverify.invariants.core._registry import REGISTERED, Invariant


@dataclass(frozen=True)
class Family:
    """Invariants about one thing.

    name: what their ids have before the slash; about: the docstring of its module; invariants: in
    the order of every report.
    """

    name: str
    about: str
    invariants: tuple[Invariant, ...]


def by_name(*modules: ModuleType) -> dict[str, Family]:
    """The family of each module: what its file registers or, of a package, what its `FILES` do.

    Files may have been imported in any order: they stand in the order given.
    """
    return {family.name: family for family in map(_family_of, modules)}


def by_id(families: Mapping[str, Family]) -> dict[str, Invariant]:
    """The invariants of all families, in their order."""
    found: dict[str, Invariant] = {}
    for family in families.values():
        found |= {invariant.id: invariant for invariant in family.invariants}
    return found


def _family_of(module: ModuleType) -> Family:
    name = module.__name__.rpartition(".")[2].lstrip("_").replace("_", "-")
    found: list[Invariant] = []
    for file in getattr(module, "FILES", (module,)):
        found += [one for one in REGISTERED.values() if one.check.__module__ == file.__name__]
    return Family(name, module.__doc__ or "", tuple(found))
