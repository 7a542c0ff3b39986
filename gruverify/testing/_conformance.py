"""Conformance tests: each a Hypothesis test of its own, one for each family of invariants and
format.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase

from gruverify.arithmetic import Format, format_named, formats_named
from gruverify.backends import declarations_of, one_thread
from gruverify.cell import AnyCase
from gruverify.coverage import sizes_visited, visits
from gruverify.engine import (
    PROFILES,
    Judgement,
    Witness,
    compared_methods,
    describe,
    emit,
    judge_trial,
    selection,
    strategies_for,
    trial_of,
)
from gruverify.invariants import INVARIANTS, Invariant, Trial
from gruverify.reporting import is_shown, size_of
from gruverify.testing import _options
from gruverify.testing._subject import Part, Subject
from gruverify.testing._unrepeated import noted, unrepeated

_IRRELEVANT = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


def conformance(
    target: object,
    *,
    formats: str | Iterable[Format | str] | None = None,
    only: str | Iterable[str] = (),
    skip: str | Iterable[str] = (),
    skips_files: Iterable[str | Path] = (),
    xfails_files: Iterable[str | Path] = (),
    settings: hypothesis.settings | None = None,
) -> Callable[..., None]:
    """A test for pytest that `target` is a right GRU: one for each family of invariants and format.

        test_my_gru = gruverify.testing.conformance("mypkg.kernels:MyGRU")

    Each is a Hypothesis test: the number of examples, the database and the seed are those of the
    run.

    Args:
        target: What `gruverify check` takes, or an object: a function step(cell, x, h), an
            `nn.Module`, a backend.
        formats: The formats, each itself or by its name ("f32"); all four unless given. Those that
            the target does not claim are skipped.
        only: Patterns of the invariants to check: ids, families, globs, beginnings of ids; all
            unless given.
        skip: Patterns of the invariants not to check.
        skips_files: Files that list invariants not to check.
        xfails_files: Files that list invariants which are expected to fail. Each is a test of its
            own, marked xfail with the file's reason.
        settings: Hypothesis settings to use in place of those of the run.

    Raises:
        BadSelection: A pattern or a file is wrong.
        ValueError: Something in `formats` is not a format, nor the name of one.
    """
    # The module that calls it: there the target may have a name, and the test a line.
    caller = sys._getframe(1)
    fitting = _fitting(settings, _options.current(target).profile)
    database = fitting.database if Phase.reuse in fitting.phases else None
    about = only, skip, skips_files, xfails_files, caller.f_globals, database
    subject = _subject(target, formats, *about)
    # Found without importing the target: collecting tests must stay fast, and may not fail.
    parts = list(subject.parts())

    @pytest.mark.gruverify(subject)
    @pytest.mark.parametrize(("family", "format"), [_parameters(part) for part in parts])
    @fitting
    @given(data=st.data())
    def test_conforms(family: str, format: str, data: st.DataObject) -> None:
        __tracebackhide__ = True
        # Asked again here for whoever runs without the plugin, which marks such tests beforehand.
        if why := subject.obstacle(family, format):
            pytest.skip(why)
        _judge(subject, family, format, data)

    test: Callable[..., None] = test_conforms
    # pytest says that a test stands where this function does: where it is called, that is.
    test.place_as = _function_at(caller.f_code.co_filename, caller.f_lineno)  # type: ignore[attr-defined]
    return test


def _function_at(filename: str, line: int) -> FunctionType:
    return FunctionType(
        _function_at.__code__.replace(co_filename=filename, co_firstlineno=line), {}
    )


def _subject(
    target: object,
    formats: str | Iterable[Format | str] | None,
    only: str | Iterable[str],
    skip: str | Iterable[str],
    skips_files: Iterable[str | Path],
    xfails_files: Iterable[str | Path],
    module: Mapping[str, Any],
    database: ExampleDatabase | None,
) -> Subject:
    """The target with what is to be checked: by the call, and by the options of the run."""
    options = _options.current(target)
    mine = selection(only=only, skip=skip, skips_files=skips_files, xfails_files=xfails_files)
    theirs = options.chosen
    chosen = replace(
        mine,
        only=mine.only or theirs.only,
        skips=mine.skips + theirs.skips,
        xfails=mine.xfails + theirs.xfails,
    )
    if formats is None:
        named = options.formats
    else:
        named = formats_named(formats)
    wanted = [fmt.name for fmt in options.formats if fmt in named]
    return Subject(target, chosen, tuple(wanted), module, database)


def _parameters(part: Part) -> Any:
    if part.expected:
        marks = [pytest.mark.xfail(reason=part.expected)]
    else:
        marks = []
    return pytest.param(part.family, part.format, id=f"{part.family}-{part.format}", marks=marks)


def _fitting(given: hypothesis.settings | None, profile: str) -> hypothesis.settings:
    """These settings, else those of the run; except that a slow backend does not fail, and that one
    failure is shown, not many.
    """
    base = given or hypothesis.settings()
    if profile and given is None:
        examples = PROFILES[profile].cases
    else:
        examples = base.max_examples
    # What is different about the cases that fail is for the witness to show, not for lines of our
    # code.
    phases = [phase for phase in base.phases if phase is not Phase.explain]
    return hypothesis.settings(
        base,
        max_examples=examples,
        deadline=None,
        suppress_health_check=_IRRELEVANT,
        report_multiple_bugs=False,
        phases=phases,
    )


def _judge(subject: Subject, family: str, format: str, data: st.DataObject) -> None:
    """Draw a case, put it to the target, and fail with the first invariant that fails."""
    __tracebackhide__ = True
    asked, _ = subject.invariants_of(family, format)
    _put(subject, asked, data.draw(_cases(subject, format, asked), label="case").case)


def try_saved(subject: Subject, family: str, format: str) -> None:
    """Put the cases to the target that a campaign left for a test, before any is drawn."""
    __tracebackhide__ = True
    for witness in subject.saved_for(family, format):
        _put(subject, [INVARIANTS[witness.invariant]], witness.case, saved=True)


def _put(
    subject: Subject, asked: Sequence[Invariant], case: AnyCase, *, saved: bool = False
) -> None:
    """Put a case to the target, and fail with the first invariant that fails. One that was saved
    counts where it fails alone: nobody drew it.
    """
    __tracebackhide__ = True
    trial = trial_of(case, subject.backend)
    with one_thread():
        judgements = list(judge_trial(trial, asked))
    visited = sizes_visited(case.sizes, compared_methods(judgements))
    if isinstance(trial, Trial):
        visited += visits(trial)
    failing = next((judgement for judgement in judgements if judgement.failed), None)
    if saved and failing is None:
        return
    # Outside of a test Hypothesis takes no events.
    if not saved:
        emit(visited)
    # Before the target is called for anything else: what comes of this must be the next call.
    if failing is None:
        does_not_repeat = None
    else:
        does_not_repeat = unrepeated(subject, failing, case)
    # Before anything is raised: what was found counts, whatever becomes of the example.
    subject.enter(case, judgements, visited)
    if failing is not None and does_not_repeat is not None:
        raise noted(subject, does_not_repeat, failing, case)
    if failing is not None:
        raise _failure(subject, failing, case) from None


@dataclass(frozen=True)
class _Drawn:
    """A case that Hypothesis does not print, because the failure does."""

    case: AnyCase

    def __repr__(self) -> str:
        return "as above"


def _cases(subject: Subject, format: str, asked: Iterable[Invariant]) -> st.SearchStrategy[_Drawn]:
    drawn: st.SearchStrategy[Any] = st.one_of(
        strategies_for(subject.backend, format_named(format), asked)
    )
    return drawn.map(_Drawn)


class Falsified(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # a class, by another name
    """A conformance test failed because an invariant did; pytest shows it without a traceback."""

    __module__ = "gruverify.testing"

    def __init__(self, message: str) -> None:
        super().__init__(message, pytrace=False)

    def __str__(self) -> str:
        """The message, and how Hypothesis repeats the example, where it is asked to say so."""
        notes = [note for note in getattr(self, "__notes__", ()) if "reproduce_failure" in note]
        return "\n".join([str(self.msg), *notes])


def _failure(subject: Subject, failing: Judgement, case: AnyCase) -> Falsified:
    """What is shown of an invariant that failed."""
    witness = Witness(subject.name, failing.invariant.id, case, failing.residual)
    subject.found.witnesses[witness.invariant, case.format.name] = witness
    few = declarations_of(subject.backend).shapes == "few"
    text = describe(failing.invariant, failing.residual, case, few=few)
    return _kind(witness.invariant)(f"{text}\n\n{_shown(witness)}")


def _shown(witness: Witness) -> str:
    """The reproducer; of a large case where it can be had, for nobody reads it."""
    if is_shown(witness):
        return witness.snippet
    return (
        f"The case is too large to print ({size_of(witness)}): --gru-report DIR keeps it, "
        "with what loads it.\n"
    )


@cache
def _kind(id: str) -> type[Falsified]:
    """A type of its own for each invariant: Hypothesis shrinks failures of one type, and so one
    invariant at a time.
    """
    # Cached: Hypothesis tells failures apart by their types, and a new one each time would be new.
    return type("Falsified", (Falsified,), {"__module__": Falsified.__module__, "invariant": id})
