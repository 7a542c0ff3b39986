"""What is tested: a target, and the invariants that each of its tests checks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import pytest
from hypothesis.database import ExampleDatabase

from gruverify.arithmetic import format_named
from gruverify.backends import (
    Backend,
    BadDeclaration,
    TargetUnavailable,
    UnknownTarget,
    resolve,
    set_limits,
)
from gruverify.cell import AnyCase
from gruverify.coverage import Coverage
from gruverify.engine import (
    CORE_FAMILIES,
    NOTHING_SAVED,
    Drawn,
    Explaining,
    Judgement,
    Saved,
    Selection,
    Witness,
    claims_of,
    doubts_of_family,
    fitting,
    kind_of,
    saved_in,
    why_not,
)
from gruverify.invariants import FAMILIES, INVARIANTS, Invariant
from gruverify.testing import _account, _options
from gruverify.testing._account import Found


class Part(NamedTuple):
    """One test: a family, or an invariant that is expected to fail, in a format."""

    family: str
    format: str
    expected: str = ""  # to fail, and why


class Subject:
    """A target under test, made into a backend when its first test runs."""

    def __init__(
        self,
        target: object,
        chosen: Selection,
        formats: tuple[str, ...],
        module: Mapping[str, Any] | None = None,
        database: ExampleDatabase | None = None,
    ) -> None:
        """`module` is what is bound in the module of the test, where the target may have a name;
        `database` what Hypothesis keeps examples in, None where it shows none again.
        """
        self.target = target
        self._database = database
        self._module = module or {}
        self.chosen = chosen
        self.formats = formats
        self._asked: dict[tuple[str, str], tuple[list[Invariant], str]] = {}
        self._explaining: dict[str, Explaining] = {}

    @cached_property
    def backend(self) -> Backend:
        """What stands for the target; seeded, if it wants that."""
        set_limits(_options.current(self.target).limits)
        backend: Any = resolve(_options.named(self.target))
        if callable(getattr(backend, "seed", None)):
            backend.seed(0)
        found: Backend = backend
        return found

    @cached_property
    def name(self) -> str:
        """How a user names the target: by its own text, or by the module and name under which it is
        found.
        """
        if isinstance(self.target, str):
            return self.target
        module, path = (
            getattr(self.target, "__module__", ""),
            getattr(self.target, "__qualname__", ""),
        )
        # Not a local one, f.<locals>.g, which nothing can import.
        if module and path and "<" not in path:
            return f"{module}:{path}"
        bound = [name for name, value in self._module.items() if value is self.target]
        if bound:
            return f"{self._module['__name__']}:{bound[0]}"
        return f"{type(self.target).__name__} object"

    def parts(self) -> Iterator[Part]:
        """The tests, format by format within a family, in the catalogue's order."""
        for name, family in FAMILIES.items():
            ids = [one.id for one in family.invariants if self.chosen.wants(one.id)]
            if not ids:
                continue
            for fmt in self.formats:
                expected = {id: self.chosen.xfails_it(id, fmt) for id in ids}
                if not all(expected.values()):
                    yield Part(name, fmt)
                yield from (Part(id, fmt, e.reason or e.place) for id, e in expected.items() if e)

    @property
    def found(self) -> Found:
        """What was found of it in this process."""
        return _account.current()[self.name]

    @cached_property
    def saved(self) -> Saved:
        """The cases of the target that a campaign left in the database."""
        if self._database is None:
            return NOTHING_SAVED
        return saved_in(self._database, self.name)

    def saved_for(self, family: str, format: str) -> Iterator[Witness]:
        """Those that a test is about, as far as it can try them."""
        asked = {invariant.id for invariant in self.invariants_of(family, format)[0]}
        if not self.saved.witnesses or not asked:
            return
        usable = fitting(
            self.saved,
            self.backend,
            [format_named(format)],
            profile=_options.current(self.target).profile,
            chosen=self.chosen,
        )
        yield from (witness for witness in usable.witnesses if witness.invariant in asked)

    def invariants_of(self, family: str, format: str) -> tuple[list[Invariant], str]:
        """The invariants of a test, and why others of the family are not checked."""
        if (family, format) not in self._asked:
            self._asked[family, format] = self._find(family, format)
        return self._asked[family, format]

    def _find(self, family: str, format: str) -> tuple[list[Invariant], str]:
        # The first question that needs the target: it is made into a backend here, and not before.
        self.found.introduce(self.backend)
        if format not in [fmt.name for fmt in self.backend.formats]:
            return [], f"{self.name} does not claim {format}"
        mine, whys = list[Invariant](), dict[str, None]()
        claims = claims_of(self.backend)
        for invariant in self._meant(family, format):
            why = why_not(
                invariant,
                self.backend,
                format_named(format),
                _options.current(self.target).profile,
                self.chosen,
                claims,
            )
            if why is None:
                mine.append(invariant)
            else:
                self.found.tallies[invariant.id, format, "-"] = why
                whys[why.reason] = None
        return mine, "; ".join(whys)

    def _meant(self, family: str, format: str) -> list[Invariant]:
        if family in INVARIANTS:
            return [INVARIANTS[family]]
        wanted = [one for one in FAMILIES[family].invariants if self.chosen.wants(one.id)]
        return [i for i in wanted if not self.chosen.xfails_it(i.id, format)]

    def obstacle(self, family: str, format: str) -> str:
        """Why a test does not apply; empty if it does. A target that cannot be used at all fails
        it.
        """
        __tracebackhide__ = True
        try:
            asked, why = self.invariants_of(family, format)
        except (UnknownTarget, TargetUnavailable, BadDeclaration) as wrong:
            unusable = str(wrong)
        else:
            if asked:
                return ""
            return why
        pytest.fail(unusable, pytrace=False)

    def conclude(self, family: str, format: str) -> None:
        """Skip a test in which the target declined everything, and fail one in which too little was
        claimed.

        An invariant that is expected to fail, and of which nothing is claimed, neither failed nor
        passed: a skip.
        """
        __tracebackhide__ = True
        ids = [invariant.id for invariant in self.invariants_of(family, format)[0]]
        if why := self.found.declined(ids, format):
            pytest.skip(why)
        rows = self.found.rows(ids, format)
        if family in INVARIANTS:
            if not any(tally.judged or tally.error for tally in rows.values()):
                pytest.skip("nothing claimed")
        elif doubts := doubts_of_family(rows, decides=family == self.found.deciding):
            lines = "\n".join(f"  {line}" for line in doubts)
            pytest.fail(
                f"inconclusive: {self.name}, {family} in {format}: nothing failed, but\n{lines}",
                pytrace=False,
            )

    def leave_out(self, run: set[tuple[str, str]]) -> None:
        """Note the families of the core of which, in some format, not all tests are run that there
        are.
        """
        for part in self.parts():
            if part.expected:
                family = INVARIANTS[part.family].family
            else:
                family = part.family
            if family in CORE_FAMILIES and (part.family, part.format) not in run:
                self.found.left_out.add((family, part.format))

    def enter(self, case: AnyCase, judgements: list[Judgement], visited: Coverage) -> None:
        """Add a case to what was found, unless it was drawn to shrink or repeat a failure."""
        format = case.format.name
        self._explain(case, [judgement for judgement in judgements if judgement.failed])
        if not any(
            (judgement.invariant.id, format) in self.found.witnesses for judgement in judgements
        ):
            for judgement in judgements:
                id, tally = judgement.invariant.id, judgement.tally
                if self.chosen.xfails_it(id, format):
                    marked = replace(tally, mark="xfail")
                else:
                    marked = tally
                self.found.enter(id, format, str(case.variant), marked)
            self.found.visit(format, visited)
            # Hypothesis decides how many there are: what was drawn is all that was planned.
            sizes = {letter: (size, size) for letter, size in case.sizes.items()}
            self.found.count(format, kind_of(case), Drawn(planned=1, judged=1, sizes=sizes))

    def _explain(self, case: AnyCase, failing: list[Judgement]) -> None:
        """Find out whether lower accuracy explains all that failed in the format, shrunk cases
        included.
        """
        unexpected = [
            one for one in failing if not self.chosen.xfails_it(one.invariant.id, case.format.name)
        ]
        if not unexpected:
            return
        explaining = self._explaining.setdefault(
            # Cases cannot be drawn inside an example of Hypothesis.
            case.format.name,
            Explaining(self.backend, case.format, draws=False),
        )
        explaining.meet(case, unexpected)
        # Several subjects, in several processes, may have the same target.
        self.found.lesser[f"{os.getpid()} {id(self)}", case.format.name] = explaining.found()
