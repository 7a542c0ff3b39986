"""The list of invariants: what is on it, and what cannot be put on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gruverify import VARIANTS, Variant
from gruverify.backends import METHODS, MODULE_METHODS
from gruverify.invariants import INVARIANTS, Invariant, Residual, Trial, invariant
from gruverify.invariants.core._residual import ok

pytestmark = pytest.mark.uncounted

FAMILIES = [
    "contract",
    "agreement",
    "regimes",
    "bounds",
    "symmetry",
    "conventions",
    "dynamics",
    "sequence",
    "numerics",
    "stack",
    "gradient",
    "second-order",
]

#: What is said of biases, beside their gradients.
OF_BIASES = [
    "regimes/update-moves-towards-the-state",
    "symmetry/bias-as-input",
    "symmetry/sequence-bias-as-input",
    "conventions/bias-sum",
    "conventions/candidate-bias",
    "gradient/bias-gradients-agree",
    "gradient/outer-product",
]

every = pytest.mark.parametrize(
    "entry", INVARIANTS.values(), ids=lambda entry: entry.id.replace("/", ".")
)


def nothing(trial: Trial) -> Iterator[Residual]:
    yield ok("nothing")


@pytest.fixture
def own_list(monkeypatch: pytest.MonkeyPatch) -> dict[str, Invariant]:
    """An empty list for the test alone."""
    entries: dict[str, Invariant] = {}
    monkeypatch.setattr("gruverify.invariants.core._registry.INVARIANTS", entries)
    return entries


@every
def test_id_is_family_and_name(entry: Invariant) -> None:
    assert re.fullmatch(rf"({'|'.join(FAMILIES)})/[a-z]+(-[a-z]+|_[ih]h)*", entry.id)
    assert entry.family == entry.id.split("/")[0]
    assert INVARIANTS[entry.id] is entry


@every
def test_statement_is_one_line_and_has_a_source(entry: Invariant) -> None:
    assert entry.statement.strip()
    assert "\n" not in entry.statement
    assert entry.source.strip()
    assert re.fullmatch(r"\d+\.\d+", entry.since)


@every
def test_needs_are_methods_of_the_contract(entry: Invariant) -> None:
    assert set(entry.needs) <= {*METHODS, *MODULE_METHODS}
    assert len(set(entry.needs)) == len(entry.needs)


@every
def test_speaks_of_some_variant(entry: Invariant) -> None:
    spoken = {variant for variant in VARIANTS if entry.applies(variant)}
    biased = {variant for variant in VARIANTS if variant.bias}
    if entry.id == "gradient/recurrent-bias-is-reset":
        biased = {variant for variant in biased if variant.reset == "after"}
    assert spoken == (
        biased
        if "gradient-bias" in entry.id
        or entry.id in (*OF_BIASES, "gradient/recurrent-bias-is-reset")
        else set(VARIANTS)
    )


def test_statements_differ() -> None:
    assert len({entry.statement for entry in INVARIANTS.values()}) == len(INVARIANTS)


def test_families_come_in_the_order_of_reports() -> None:
    families = [entry.family for entry in INVARIANTS.values()]
    assert list(dict.fromkeys(families)) == FAMILIES
    assert families == sorted(families, key=FAMILIES.index)


def test_registered_check_is_returned_and_listed(own_list: dict[str, Invariant]) -> None:
    register = invariant("bounds/own", "0 = 0", source="arithmetic", needs=iter(["step"]))
    assert register(nothing) is nothing
    entry = own_list["bounds/own"]
    assert (entry.id, entry.statement, entry.source, entry.needs) == (
        "bounds/own",
        "0 = 0",
        "arithmetic",
        ("step",),
    )
    assert entry.check is nothing
    assert all(entry.applies(variant) for variant in VARIANTS)


def test_condition_says_which_variants_it_speaks_of(own_list: dict[str, Invariant]) -> None:
    invariant(
        "bounds/own", "0 = 0", source="arithmetic", needs=[], applies=lambda v: v.reset == "before"
    )(nothing)
    assert own_list["bounds/own"].applies(Variant("before"))
    assert not own_list["bounds/own"].applies(Variant("after"))


def test_id_can_be_taken_once(own_list: dict[str, Invariant]) -> None:
    register = invariant("bounds/own", "0 = 0", source="arithmetic", needs=[])
    register(nothing)
    first = own_list["bounds/own"]
    with pytest.raises(ValueError, match="id='bounds/own' is taken"):
        register(lambda trial: nothing(trial))
    assert own_list == {"bounds/own": first}
