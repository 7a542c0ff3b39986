"""What an entry of the bank is, and the two lists: faults that must be caught, rewrites that must
not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeAlias

from gruverify.arithmetic import Format
from gruverify.backends import Backend, TargetUnavailable
from gruverify.cell import Variant

#: What is wrong: a value of one step, a derivative, something that takes several steps, something
#: that shows only where a gate is saturated, the contract with the caller, or what connects layers
#: and directions.
Kind: TypeAlias = Literal["forward", "gradient", "sequence", "saturated", "contract", "stack"]

#: What a fault shows in: values, the step's Jacobian, gradients of parameters, inputs and the
#: initial state, tangents and Hessian products, numbers that are none, shapes, dtypes, arguments
#: written to, answers that do not repeat themselves, the state handed on, padding.
OBSERVABLES = (
    "FWD",
    "JAC",
    "dθ",
    "dx",
    "dh0",
    "D2",
    "NAN",
    "SHAPE",
    "DTYPE",
    "ALIAS",
    "DET",
    "CARRY",
    "PAD",
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A GRU that is wrong in one way, or, in EQUIVALENTS, one that is right in another way than
    usual.

    id: kebab-case; kind: see `Kind`; mathematics: one line; touches: which OBSERVABLES it shows in;
    thread: where a released implementation was reported to do something like it, such as
    "google/flax#5594"; description: one line;
    needs: the package it is written with, besides NumPy.
    """

    id: str
    kind: Kind
    mathematics: str
    touches: tuple[str, ...]
    thread: str
    description: str
    make: Callable[[], Backend]
    needs: str | None = None

    @property
    def available(self) -> bool:
        """Whether the package it needs is installed."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None

    def build(self, variants: Sequence[Variant] | None = None) -> Backend:
        """A fresh backend, for a fault may have a memory; it claims only those of the `variants`
        that it has.

        Raises:
            TargetUnavailable: the package it needs is not installed.
        """
        if not self.available:
            raise TargetUnavailable(
                f"{self.id} needs the package {self.needs!r}: pip install 'gruverify[{self.needs}]'"
            )
        made = self.make()
        # In the fault's own order: the variants that are drawn must not depend on the caller's.
        kept = tuple(v for v in made.variants if variants is None or v in variants)
        return _Named(self.id, kept, made)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants in which there is such a fault."""
        return tuple(self.build().variants)

    @property
    def target(self) -> str:
        """What `gruverify check` calls it."""
        return f"gruverify.faults:{self.id}"


#: Faults and rewrites by id, in the order in which files were imported: `FAULTS` and `EQUIVALENTS`
#: have them in that of reports.
WRONG: dict[str, Fault] = {}
RIGHT: dict[str, Fault] = {}

Build: TypeAlias = Callable[[], Backend]


def fault(
    kind: Kind,
    mathematics: str,
    *,
    touches: str,
    thread: str = "",
    needs: str | None = None,
    into: dict[str, Fault] | None = None,
) -> Callable[[Build], Build]:
    """Put the decorated builder of a backend into the bank; its name is the id, its docstring the
    description.

    touches: OBSERVABLES with spaces between them; into: WRONG unless given.

    Raises:
        ValueError: the id is taken, or an observable is unknown.
    """
    bank = WRONG if into is None else into

    def register(build: Build) -> Build:
        id = build.__name__.replace("_", "-")
        if id in WRONG or id in RIGHT:
            raise ValueError(f"id={id!r} is taken")
        if unknown := set(touches.split()) - set(OBSERVABLES):
            raise ValueError(
                f"touches={touches!r}: {min(unknown)} is not one of {', '.join(OBSERVABLES)}"
            )
        bank[id] = Fault(
            id=id,
            kind=kind,
            mathematics=mathematics,
            touches=tuple(touches.split()),
            thread=thread,
            description=" ".join((build.__doc__ or "").split()),
            make=build,
            needs=needs,
        )
        return build

    return register


def file_by_file(bank: Mapping[str, Fault], files: Iterable[ModuleType]) -> dict[str, Fault]:
    """What each of the files put into the bank, whichever was imported first."""
    found: dict[str, Fault] = {}
    for file in files:
        found |= {id: one for id, one in bank.items() if one.make.__module__ == file.__name__}
    return found


class _Named:
    """A backend under the fault's name, in some of its variants."""

    def __init__(self, name: str, variants: tuple[Variant, ...], backend: Backend) -> None:
        self.name = name
        self.variants = variants
        self.formats: Sequence[Format] = backend.formats
        self._backend = backend

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "_backend":  # not there yet while a copy is being made
            raise AttributeError(attribute)
        return getattr(self._backend, attribute)
