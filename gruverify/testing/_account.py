"""What the conformance tests of a run found, by target: what the report is made of.

Workers of pytest-xdist hand theirs over, and the parts add up as results do.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gruverify import _pytest
from gruverify.arithmetic import FORMATS
from gruverify.backends import (
    CELL_METHODS,
    EVERY_METHOD,
    Backend,
    declarations_of,
    declared_variants,
    offers,
)
from gruverify.coverage import Coverage
from gruverify.engine import (
    Drawn,
    Flaky,
    Kind,
    LessAccurate,
    Tally,
    Witness,
    agreed,
    encode_variant,
    version_of,
)


@dataclass
class Found:
    """What was found of one target.

    Tallies by invariant, format and variant; witnesses; coverage by format; the cases that were
    drawn, by format and kind; the backend's name, methods, formats, unusual declarations and
    variants, and the version of a program.
    `left_out` are the core families, with their formats, of which -k, a path or --lf makes pytest
    leave tests out. `lesser`, by who saw something fail and in which format,
    is what explains all of that as less accuracy than declared; `flaky`, by invariant and format,
    are the failures that do not repeat.
    """

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    witnesses: dict[tuple[str, str], Witness] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    drawn: dict[tuple[str, Kind], Drawn] = field(default_factory=dict)
    backend: str = ""
    methods: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    declarations: dict[str, Any] = field(default_factory=dict)
    variants: tuple[dict[str, Any], ...] = ()
    version: dict[str, str] = field(default_factory=dict)
    left_out: set[tuple[str, str]] = field(default_factory=set)
    lesser: dict[tuple[str, str], LessAccurate | None] = field(default_factory=dict)
    flaky: dict[tuple[str, str], Flaky] = field(default_factory=dict)

    @property
    def deciding(self) -> str:
        """The family that shows the core: what a stack shows of its cells, cells show better."""
        if any(method in CELL_METHODS for method in self.methods):
            return "agreement"
        return "stack"

    @property
    def undecided(self) -> list[str]:
        """The formats in which pytest leaves out what decides."""
        claimed = [fmt.name for fmt in FORMATS if fmt.name in self.formats]
        return [name for name in claimed if (self.deciding, name) in self.left_out]

    def introduce(self, backend: Backend) -> None:
        """Note what the backend is."""
        self.backend = backend.name
        self.methods = tuple(method for method in EVERY_METHOD if offers(backend, method))
        self.formats = tuple(fmt.name for fmt in backend.formats)
        self.declarations = dict(declarations_of(backend).unusual())
        self.variants = tuple(map(encode_variant, declared_variants(backend)))
        self.version = version_of(backend)

    def count(self, format: str, kind: Kind, drawn: Drawn) -> None:
        """Add cases that were judged."""
        self.drawn[format, kind] = self.drawn.get((format, kind), Drawn()) + drawn

    def enter(self, id: str, format: str, variant: str, tally: Tally) -> None:
        """Add a tally."""
        key = id, format, variant
        if key in self.tallies:
            self.tallies[key] = self.tallies[key] + tally
        else:
            self.tallies[key] = tally

    def visit(self, format: str, coverage: Coverage) -> None:
        """Add what one case visited."""
        self.coverage[format] = self.coverage.get(format, Coverage()) + coverage

    def take(self, other: Found) -> None:
        """Add everything that another process found."""
        for key, tally in other.tallies.items():
            self.enter(*key, tally)
        for place, witness in other.witnesses.items():
            self.witnesses[place] = min(
                witness, self.witnesses.get(place, witness), key=Witness.order
            )
        for format, coverage in other.coverage.items():
            self.visit(format, coverage)
        for (format, kind), drawn in other.drawn.items():
            self.count(format, kind, drawn)
        # Each worker collects everything: what pytest leaves out is the same in all.
        self.left_out |= other.left_out
        self.lesser |= other.lesser
        self.flaky |= other.flaky
        if not self.backend:
            self.backend, self.methods = other.backend, other.methods
            self.formats = other.formats
            self.declarations, self.variants = other.declarations, other.variants
            self.version = other.version

    def rows(self, ids: Sequence[str], format: str) -> dict[str, Tally]:
        """Of some invariants the tally over all variants, in one format."""
        found: dict[str, Tally] = {}
        for (id, of, _), tally in self.tallies.items():
            if of == format and id in ids:
                found[id] = found.get(id, Tally()) + tally
        return found

    @property
    def less_accurate(self) -> dict[str, LessAccurate | None]:
        """By format in which something failed, what explains all of it, if all who saw it say the
        same.
        """
        found: dict[str, LessAccurate | None] = {}
        for (_, format), lesser in self.lesser.items():
            found = agreed(found, {format: lesser})
        # What does not repeat is no matter of accuracy, whatever explains the rest.
        return found | dict.fromkeys(fmt for _, fmt in self.flaky)

    def declined(self, ids: Sequence[str], format: str) -> str:
        """What the target said when it declined all that some invariants asked; empty if it did
        not.
        """
        mine = self.rows(ids, format).values()
        reasons = dict.fromkeys(tally.reason for tally in mine if tally.status == "not applicable")
        if all(tally.status == "not applicable" for tally in mine):
            return "; ".join(reasons)
        return ""


@dataclass
class Account:
    """What was found of every target; since when, and what came of the report."""

    targets: dict[str, Found] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    written: str = ""

    @property
    def seconds(self) -> float:
        """How long ago the first conformance test was prepared."""
        return time.monotonic() - self.started

    def __getitem__(self, target: str) -> Found:
        return self.targets.setdefault(target, Found())

    def packed(self) -> bytes:
        """The account as it travels from a worker."""
        return pickle.dumps(self.targets)

    def take(self, packed: bytes) -> None:
        """Add a worker's account."""
        for target, found in pickle.loads(packed).items():
            # Pickled by our own worker, in the same run: nothing from outside is read here.
            self[target].take(found)


_HELD = pytest.StashKey[Account]()
#: Without the plugin there is nobody to report to.
_NOBODY = Account()


def account_of(config: pytest.Config) -> Account:
    """The account of a run."""
    return config.stash.setdefault(_HELD, Account())


def current() -> Account:
    """The account of the run that is going on."""
    if _pytest.RUNS:
        return account_of(_pytest.RUNS[-1])
    return _NOBODY
