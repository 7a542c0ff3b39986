"""The house style, as far as it can be counted."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted

ROOT = Path(__file__).parents[2]
PRODUCT = [*ROOT.glob("gruverify/**/*.py"), *ROOT.glob("strategies/**/*.py")]
PACKAGES = (
    *(
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "invariants",
        "coverage",
        "faults",
        "engine",
        "matrix",
        "store",
        "campaigning",
        "models",
        "judging",
        "diagnosis",
        "reaching",
        "exporting",
        "runtimes",
        "certifying",
        "accuracy",
        "reporting",
        "testing",
    ),
)
LONGEST_FILE = 500
TOLERANCE = re.compile(r"\b(atol|rtol|tolerance)\s*=|\b\d*\.?\d+e-\d+\b")


def literal_tolerances(text: str) -> list[str]:
    """Lines of code that choose a tolerance."""
    return [line.strip() for line in text.splitlines() if TOLERANCE.search(line.partition("#")[0])]


def undocumented(module: object) -> Iterator[str]:
    """Public functions and classes of a package, and their public methods, that have no docstring
    of their own.
    """
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not value.__doc__ or value.__doc__.startswith(
            f"{name}("
        ):  # the one that a dataclass writes for itself
            yield name
        if inspect.isclass(value):
            own = {
                n: m
                for n, m in vars(value).items()
                if inspect.isfunction(m) and not n.startswith("_")
            }
            yield from (f"{name}.{n}" for n, m in own.items() if not m.__doc__)


def test_files_are_short_and_choose_no_tolerance() -> None:
    """Of functions test_measures.py says how long they are."""
    wrong: list[str] = []
    for path in PRODUCT:
        text, name = path.read_text(), path.relative_to(ROOT)
        if text.count("\n") > LONGEST_FILE:
            wrong.append(f"{name} is long")
        if "arithmetic" not in path.parts:
            wrong.extend(f"{name}: {line}" for line in literal_tolerances(text))

    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_is_documented(package: str) -> None:
    module = importlib.import_module(f"gruverify.{package}")

    assert list(undocumented(module)) == []


def test_the_strategies_are_documented_and_the_facade_is_whole() -> None:
    shelf = importlib.import_module("gruverify_strategies")
    facade = importlib.import_module("gruverify.strategies")

    assert list(undocumented(shelf)) == []
    public = {name for name in vars(shelf) if not name.startswith(("_", "@"))}
    assert public == {name for name in vars(facade) if not name.startswith(("_", "@"))}


@pytest.mark.parametrize(
    "line", ["allclose(a, b, rtol=1)", "if error < 1e-6:", "tolerance = 3 * u"]
)
def test_catches_a_chosen_tolerance(line: str) -> None:
    assert literal_tolerances(line) == [line]


def test_catches_a_missing_docstring() -> None:
    class Module:
        class Public:
            """Documented."""

            def method(self) -> None: ...

    assert list(undocumented(Module)) == ["Public.method"]
