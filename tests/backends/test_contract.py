"""The contract is said once: methods, docs and what a type checker holds a backend against come
from the same place.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from gruverify.backends import EVERY_METHOD, NumpyBackend, offers
from gruverify.backends.contract import (
    OF_CELLS,
    OF_OPTIONS,
    OF_STACK_OPTIONS,
    OF_STACKS,
    HasSequenceHvpReverse,
    method_of,
)

ROOT = Path(__file__).parents[2]


def row(capability: type) -> str:
    """What the docs say of a method: how it is called, and what it returns."""
    name = method_of(capability)
    method = getattr(capability, name)
    arguments = ", ".join(p for p in inspect.signature(method).parameters if p != "self")
    said = inspect.cleandoc(method.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return f"| `{name}({arguments})` | {said} |"


@pytest.mark.parametrize(
    "capabilities",
    [OF_CELLS, OF_STACKS, OF_OPTIONS, OF_STACK_OPTIONS],
    ids=["cells", "stacks", "options", "options of stacks"],
)
def test_the_docs_have_its_methods_as_they_are(capabilities: tuple[type, ...]) -> None:
    rows = "\n".join(map(row, capabilities))

    assert (
        f"| method | returns |\n|---|---|\n{rows}\n" in (ROOT / "docs" / "backends.md").read_text()
    )


def test_every_method_is_a_capability_and_the_reference_has_those_that_it_offers() -> None:
    capabilities = (*OF_CELLS, *OF_STACKS, *OF_OPTIONS, *OF_STACK_OPTIONS)

    assert tuple(map(method_of, capabilities)) == EVERY_METHOD
    reference = NumpyBackend()
    for capability in capabilities:
        assert offers(reference, method_of(capability)) is (capability is not HasSequenceHvpReverse)
        of_reference = getattr(reference, method_of(capability), None)
        if of_reference is not None:
            arguments = list(
                inspect.signature(getattr(capability, method_of(capability))).parameters
            )[1:]
            assert list(inspect.signature(of_reference).parameters) == arguments
