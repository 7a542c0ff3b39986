"""Imports run one way: arithmetic <- cell <- formulas <- backends <- invariants <- coverage <-
engine <- store <- campaigning <- reporting <- cli.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted

ROOT = Path(__file__).parents[2]

#: What each package may import of ours, beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    "arithmetic": set(),
    "cell": {"arithmetic"},
    "formulas": {"arithmetic", "cell"},
    "gruverify_strategies": {"arithmetic", "cell"},
    "backends": {"arithmetic", "cell", "formulas", "_config", "_visible", "_files"},
    "invariants": {"arithmetic", "cell", "formulas", "backends", "_visible", "_files"},
    "faults": {"arithmetic", "cell", "formulas", "backends"},
    "coverage": {"arithmetic", "cell", "formulas", "backends", "invariants"},
    "engine": {
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "invariants",
        "coverage",
        "gruverify_strategies",
        "_config",
        "_visible",
        "_files",
    },
    "models": {"arithmetic", "cell", "formulas", "backends", "_visible", "_files", "_protobuf"},
    "runtimes": {
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "engine",
        "models",
        "judging",
        "gruverify_strategies",
        "_visible",
    },
    "_protobuf": set(),
    "certifying": {"arithmetic", "cell"},
    "accuracy": {"arithmetic", "cell", "formulas", "backends", "invariants", "engine", "_visible"},
    "judging": {"arithmetic", "cell", "formulas", "backends", "invariants", "engine", "_visible"},
    "diagnosis": {
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "models",
        "judging",
        "_files",
    },
    "reaching": {
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "models",
        "judging",
        "diagnosis",
        "_files",
    },
    "exporting": {
        "arithmetic",
        "cell",
        "backends",
        "invariants",
        "engine",
        "models",
        "judging",
        "gruverify_strategies",
        "_protobuf",
    },
    "matrix": {"arithmetic", "cell", "backends", "faults", "invariants", "engine"},
    "store": {"engine", "_visible"},
    "campaigning": {
        *("arithmetic", "backends", "cell", "coverage", "engine", "invariants", "store"),
        "_visible",
        "_files",
    },
    "reporting": {
        *(
            "arithmetic",
            "cell",
            "formulas",
            "backends",
            "faults",
            "invariants",
            "coverage",
            "engine",
            "matrix",
        ),
        "store",
        "campaigning",
        "judging",
        "runtimes",
        "accuracy",
        "diagnosis",
        "reaching",
        "_visible",
    },
    "cli": {
        "arithmetic",
        "cell",
        "formulas",
        "backends",
        "invariants",
        "coverage",
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
        "_config",
        "_visible",
        "_files",
    },
    "testing": {
        "_config",
        "arithmetic",
        "backends",
        "cell",
        "coverage",
        "engine",
        "invariants",
        "judging",
        "reporting",
        "_pytest",
    },
    # The facades of the top level: the lazy package itself, the shelf of strategies, and python -m.
    "": {"arithmetic", "cell", "backends", "engine", "diagnosis", "reaching"},
    "strategies": {"gruverify_strategies"},
    # Two tiny modules that pytest and Hypothesis load through entry points.
    "_pytest": {"testing"},
    "_hypothesis": {"gruverify_strategies"},
    "__main__": {"cli"},
    # What a target says, for whoever shows it.
    "_visible": set(),
    "_files": set(),
    # What pyproject.toml says, for the command, the plugin and whoever names a target.
    "_config": set(),
    # Types of values that go by names.
    "_named": set(),
    # Where packages say that they have been imported, and Hypothesis' entry point listens.
    "_announce": set(),
}
#: What is for every package.
FOR_ALL = {"_named", "_announce"}
FRAMEWORKS = {"torch", "jax", "onnx", "keras", "flax"}


def sources() -> list[Path]:
    return [*ROOT.glob("gruverify/**/*.py"), *ROOT.glob("strategies/gruverify_strategies/**/*.py")]


def package_of(path: Path) -> str:
    """The package a file belongs to: "cell", "gruverify_strategies", or the name of a module of the
    top level.
    """
    parts = path.relative_to(ROOT).parts
    if parts[0] == "strategies":
        return "gruverify_strategies"
    return parts[1] if len(parts) > 2 else parts[1].removesuffix(".py").replace("__init__", "")


def imported(text: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, `from a import b` as a."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield node.lineno, node.module or ""


def violations(package: str, text: str) -> list[str]:
    """What a file of `package` may not import."""
    return [f"{line}: {name}" for line, name in imported(text) if not allowed(package, name)]


def allowed(package: str, name: str) -> bool:
    top, *rest = name.split(".")
    if top in FRAMEWORKS:
        return package in ("backends", "faults", "gruverify_strategies")
    if top == "tests":
        return False
    if top == "gruverify_strategies":
        home, inner = top, rest
    elif top == "gruverify" and rest:
        home, inner = rest[0], rest[1:]
    else:
        return True
    if home == package:
        return True
    return home in MAY_IMPORT[package] | FOR_ALL and not any(part.startswith("_") for part in inner)


def test_imports_run_one_way() -> None:
    wrong: list[str] = []
    for path in sources():
        found = violations(package_of(path), path.read_text())
        wrong.extend(f"{path.relative_to(ROOT)}, line {line}" for line in found)

    assert wrong == []


def test_every_package_has_its_place() -> None:
    assert {package_of(path) for path in sources()} <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("package", "text"),
    [
        pytest.param("formulas", "from gruverify.engine import check", id="upwards"),
        pytest.param(
            "gruverify_strategies", "import gruverify.backends", id="strategies know no backend"
        ),
        pytest.param(
            "engine", "from gruverify.cell._cell import Cell", id="another package's private module"
        ),
        pytest.param("invariants", "def f():\n    import torch", id="a framework, and late"),
        pytest.param("cli", "from tests.conftest import settings", id="tests"),
    ],
)
def test_catches_an_import_that_runs_the_wrong_way(package: str, text: str) -> None:
    assert len(violations(package, text)) == 1
