"""The bank itself: every entry is well described, can be built, and answers in every format it
claims.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import chain, product

import numpy as np
import pytest

from gruverify import Backend, Case, Cell, Format, Variant, faults, float16, float32, float64
from gruverify.backends import METHODS, NumpyBackend, UnknownTarget, offers, resolve
from gruverify.cell import VARIANTS
from gruverify.engine import Judgement, assert_holds, judge_trial, trial_of
from gruverify.faults import EQUIVALENTS, FAULTS, OBSERVABLES, Fault
from gruverify.faults._fault import fault
from gruverify.invariants import INVARIANTS, Invariant, StackTrial, Trial

from ..invariants._drawn import drawn, drawn_stacks
from ..invariants._falsifies import FALSIFIES

CASES, FEW = 120, 10
#: Reading what they read calls every method once.
EVERY_METHOD = [
    invariant for id, invariant in INVARIANTS.items() if id.startswith("contract/shape")
]
#: Values and gradients as the mathematics has them.
AGREEMENT = [invariant for id, invariant in INVARIANTS.items() if id.startswith("agreement/")]
#: Faults of which it is the point that autograd refuses.
RAISES = {"gate-overwritten-in-place", "state-detached-at-every-step"}


def each(*entries: Fault, uncounted: Collection[str] = ()) -> pytest.MarkDecorator:
    """Every entry is a parameter; over the lines of some of them other tests go, too."""
    params = [
        pytest.param(entry, marks=[pytest.mark.uncounted] * (entry.id in uncounted))
        for entry in entries
    ]
    return pytest.mark.parametrize("entry", params, ids=[entry.id for entry in entries])


def build(entry: Fault) -> Backend:
    if entry.needs:
        pytest.importorskip(entry.needs)
    return entry.build()


def of_stacks(entry: Fault) -> bool:
    stacked = "stack" in entry.id or "_stack" in entry.make.__module__
    return entry.kind == "stack" or (entry.kind == "contract" and stacked)


@cache
def trials(
    format: Format, variants: tuple[Variant, ...], stacks: bool, count: int
) -> list[Trial | StackTrial]:
    """Cases, and what the mathematics allows for each: every entry of these variants is judged by
    the same.
    """
    draw = drawn_stacks if stacks else drawn
    return [trial_of(case, NumpyBackend()) for case in draw(format, variants, count)]


def failing(
    entry: Fault,
    cases: int,
    formats: int,
    invariants: Sequence[Invariant] = tuple(INVARIANTS.values()),
) -> Iterator[Judgement]:
    """What fails, in the first cases of the first formats, the wide ones first: a few of each, and
    then the others.
    """
    backend = build(entry)
    wide_first = sorted(backend.formats, key=lambda f: (f not in (float32, float64), f.name))[
        :formats
    ]
    for some, format in product((slice(FEW), slice(FEW, None)), wide_first):
        for right in trials(format, tuple(backend.variants), of_stacks(entry), cases)[some]:
            yield from (j for j in judge_trial(right.with_backend(backend), invariants) if j.failed)


@pytest.mark.uncounted
@each(*FAULTS.values(), *EQUIVALENTS.values())
def test_entry_is_described(entry: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
    for line in (entry.mathematics, entry.description):
        assert line
        assert "\n" not in line
    assert set(entry.touches) <= set(OBSERVABLES)
    assert re.fullmatch(r"|[\w.-]+/[\w.-]+#\d+", entry.thread)


@each(*FAULTS.values(), *EQUIVALENTS.values(), uncounted=FAULTS.keys() - RAISES)
def test_entry_is_a_target(entry: Fault) -> None:
    build(entry)
    found = resolve(entry.target)
    assert found.name == entry.id
    assert set(found.variants) == set(entry.variants) <= set(VARIANTS)
    assert found.formats
    assert any(offers(found, method) for method in METHODS)


def test_build_keeps_to_the_variants_that_are_asked_for() -> None:
    built = FAULTS["inverted-update-gate"].build(VARIANTS[:3])
    assert built.variants == VARIANTS[:3]


def test_unknown_fault_is_told_with_one_like_it() -> None:
    with pytest.raises(UnknownTarget, match="did you mean inverted-update-gate"):
        resolve("gruverify.faults:inverted-update-gates")
    assert "inverted-update-gate" in dir(faults)


def test_catches_an_id_that_is_taken() -> None:
    def inverted_update_gate() -> None: ...

    with pytest.raises(ValueError, match="id='inverted-update-gate' is taken"):
        fault("forward", "h", touches="FWD")(inverted_update_gate)  # type: ignore[arg-type]


def test_catches_an_unknown_observable() -> None:
    with pytest.raises(ValueError, match="LOOKS is not one of FWD"):
        fault("forward", "h", touches="LOOKS")(lambda: None)  # type: ignore[arg-type,return-value]


@pytest.mark.thinned
@pytest.mark.uncounted
@each(*(entry for entry in FAULTS.values() if entry.id not in FALSIFIES))
def test_fault_is_caught(entry: Fault) -> None:
    """Of the others invariants/test_catches.py says by what."""
    # What looks at values and gradients catches most of them: only of the rest all is asked.
    found = chain(failing(entry, FEW, 2, AGREEMENT), failing(entry, CASES, 2))
    assert next(found, None) is not None


@each(*(entry for entry in FAULTS.values() if entry.id not in RAISES), uncounted=FALSIFIES)
def test_fault_is_wrong_and_does_not_break(entry: Fault) -> None:
    """A fault that raises would be caught for the wrong reason."""
    backend = build(entry)
    for format in backend.formats[:1]:
        for right in trials(format, tuple(backend.variants), of_stacks(entry), 2):
            judgements = judge_trial(right.with_backend(backend), EVERY_METHOD)
            assert [j.tally.reason for j in judgements if j.tally.error] == []


@pytest.mark.thinned
@pytest.mark.uncounted
@each(*EQUIVALENTS.values())
def test_equivalent_passes(entry: Fault) -> None:
    assert [(failed.invariant.id, failed.residual) for failed in failing(entry, 1, 2)] == []


def test_products_that_add_up_in_half_are_right_with_many_inputs() -> None:
    # The first half of the terms adds up to much, which the second half takes away again.
    weights = np.zeros((3, 1000))
    weights[2] = np.random.default_rng(0).uniform(0, 0.02, 1000)
    inputs = np.where(np.arange(1000) < 500, 1.0, -1.0).reshape(1, 1, -1)
    cell = Cell(Variant(), *map(float16.cast, (weights, np.zeros((3, 1)), *np.zeros((2, 3)))))
    rest = map(float16.cast, (np.zeros((1, 1)), np.zeros((1, 1, 1)), np.zeros((1, 1))))
    case = Case(cell, float16.cast(inputs), *rest)

    assert_holds("agreement/step", EQUIVALENTS["products-without-matmul"].build(), case)
