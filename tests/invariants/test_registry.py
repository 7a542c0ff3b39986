"""The list of invariants: what is on it, and what cannot be put on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gruverify import VARIANTS, Variant, invariants
from gruverify.backends import EVERY_METHOD, MODULE_METHODS
from gruverify.invariants import FAMILIES, INVARIANTS, Invariant, Residual, Trial, invariant
from gruverify.invariants.core._family import by_id, by_name
from gruverify.invariants.core._registry import REGISTERED
from gruverify.invariants.core._residual import ok

pytestmark = pytest.mark.uncounted

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
    for module in ("_registry", "_family"):
        monkeypatch.setattr(f"gruverify.invariants.core.{module}.REGISTERED", entries)
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
    assert set(entry.needs) <= {*EVERY_METHOD, *MODULE_METHODS}
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


def test_whatever_is_registered_is_in_the_family_that_its_id_names() -> None:
    assert set(INVARIANTS) == set(REGISTERED)
    for name, family in FAMILIES.items():
        assert {one.family for one in family.invariants} == {name}


def test_every_file_is_one_of_its_family() -> None:
    """A file that no family lists would check nothing, and nobody would know."""
    here = Path(invariants.__file__).parent
    written = {
        ".".join(file.relative_to(here).with_suffix("").parts)
        for file in here.rglob("_[a-z]*.py")
        if file.parent.name != "core"
    }
    listed = {one.check.__module__ for one in INVARIANTS.values()}
    assert {f"{invariants.__name__}.{name}" for name in written} == listed


def test_the_order_is_that_of_the_families_whichever_was_imported_first(
    own_list: dict[str, Invariant],
) -> None:
    first, second = (_file_registering(f"{name}/own") for name in ("second_order", "bounds"))
    families = by_name(second, first)
    assert list(own_list) == ["second_order/own", "bounds/own"]
    assert list(by_id(families)) == ["bounds/own", "second_order/own"]
    assert list(families) == ["bounds", "second-order"]


def _file_registering(id: str) -> ModuleType:
    """A module that registers an invariant of that id."""
    file = ModuleType(f"gruverify.invariants._{id.partition('/')[0]}")

    def check(trial: Trial) -> Iterator[Residual]:
        yield ok("nothing")

    check.__module__ = file.__name__
    invariant(id, "0 = 0", source="arithmetic", needs=[])(check)
    return file


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
