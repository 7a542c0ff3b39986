"""Use the cases that campaigns saved in a Hypothesis database, in tests of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import hypothesis
from hypothesis.database import ExampleDatabase

from gruverify.arithmetic import FORMATS, Format, formats_named
from gruverify.cell import AnyCase, Case
from gruverify.engine import saved_in

Test = TypeVar("Test", bound=Callable[..., Any])


def saved_cases(
    target: str,
    *,
    kind: type[AnyCase] = Case,
    formats: str | Iterable[Format | str] = FORMATS,
    database: ExampleDatabase | None = None,
) -> list[AnyCase]:
    """Return the cases of a target that `gruverify campaign --database` saved, smallest first.

    Args:
        target: The TARGET as the campaign named it.
        kind: `Case` for those of cells, `StackCase` for those of stacks.
        formats: The formats, each itself or by its name ("f32"); all unless given.
        database: Where they are saved; the database of Hypothesis' current profile unless given.

    Raises:
        ValueError: Something in `formats` is not a format, nor the name of one.
    """
    named = formats_named(formats)
    place = hypothesis.settings().database if database is None else database
    if place is None:
        return []
    cases = list[AnyCase]()
    for witness in saved_in(place, target).witnesses:
        if isinstance(witness.case, kind) and witness.case.format in named:
            cases.append(witness.case)
    return cases


def saved_examples(
    target: str,
    *,
    argument: str = "case",
    kind: type[AnyCase] = Case,
    formats: str | Iterable[Format | str] = FORMATS,
    database: ExampleDatabase | None = None,
) -> Callable[[Test], Test]:
    """Decorate a Hypothesis test so that it runs the `saved_cases` first, each as an `@example`.

        @gruverify.testing.saved_examples("mypkg.kernels:MyGRU", formats=["f32"])
        @given(case=gst.cases(formats=["f32"]))
        def test_my_gru(case): ...

    argument: the argument of the test that takes the case; the others are those of `saved_cases`.

    Raises:
        ValueError: Something in `formats` is not a format, nor the name of one.
    """
    cases = saved_cases(target, kind=kind, formats=formats, database=database)

    def decorated(test: Test) -> Test:
        # Hypothesis runs the example first that was added last.
        for case in reversed(cases):
            test = hypothesis.example(**{argument: case})(test)
        return test

    return decorated
