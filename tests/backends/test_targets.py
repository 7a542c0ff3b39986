"""From what a user names to a backend."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gruverify import FORMATS, Variant
from gruverify.backends import (
    METHODS,
    TARGETS,
    NumpyBackend,
    TargetUnavailable,
    UnknownTarget,
    offers,
    resolve,
)

from ._cases import case, falsified

MODULE = """
from gruverify.backends import NumpyBackend


def step(cell, x, h):
    return NumpyBackend().step(cell, x, h)


class Mine(NumpyBackend):
    name = "mine"


class Nested:
    inner = Mine()


class NeedsMore(NumpyBackend):
    def __init__(self, device):
        self.device = device


class Anonymous:
    def step(self, cell, x, h):
        return step(cell, x, h)


anonymous = Anonymous()
instance = Mine()
number = 5
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's package in the current directory, which is on nobody's path."""
    name = f"users_{tmp_path.name}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "grus.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return f"{name}.grus"


def write(text: str) -> str:
    """A module of that text in the current directory; returns its name."""
    name = f"module_{abs(hash(text))}"
    Path(f"{name}.py").write_text(text)
    return name


# -- what there is ---------------------------------------------------------------------------------


@pytest.mark.uncounted
@pytest.mark.parametrize("path", ["instance", "Mine", "Nested.inner"])
def test_a_backend_its_class_and_an_attribute_of_something_are_found(
    module: str, path: str
) -> None:
    found = resolve(f"{module}:{path}")

    assert found.name == "mine"
    assert falsified(found, case()) == set()


def test_a_function_is_a_step(module: str) -> None:
    found = resolve(f"{module}:step")

    assert (found.name, found.variants, found.formats) == ("step", (Variant(),), FORMATS)
    assert [method for method in METHODS if offers(found, method)] == ["step"]
    assert falsified(found, case()) == set()


def test_objects_need_no_name() -> None:
    backend = NumpyBackend()

    assert resolve(backend) is backend
    assert isinstance(resolve(NumpyBackend), NumpyBackend)
    assert resolve(lambda cell, x, h: backend.step(cell, x, h)).name == "<lambda>"


def test_an_object_whose_repr_raises_is_a_target_like_any_other() -> None:
    class Unreadable(NumpyBackend):
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    assert isinstance(resolve(Unreadable()), NumpyBackend)


def test_numpy_ships_and_needs_nothing() -> None:
    assert isinstance(resolve("numpy"), NumpyBackend)
    assert next(target for target in TARGETS if target.name == "numpy").available


def test_every_shipped_target_that_is_available_resolves_to_its_name() -> None:
    for target in TARGETS:
        if target.available:
            assert resolve(target.name).name == target.name


# -- what there is not -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("numpi", "target 'numpi' is unknown: did you mean numpy?", id="near a name"),
        pytest.param(
            "torch-f", "did you mean torch or torchrl or torch:func", id="near some names"
        ),
        pytest.param(
            "xyzzy", "shipped targets: numpy, torch, torch-formulas, torch:GRU, ", id="near nothing"
        ),
        pytest.param("", "target '' is unknown", id="empty"),
        pytest.param(
            ":step", "target ':step' is not of the form pkg.module:object", id="no module"
        ),
        pytest.param(
            "json:", "target 'json:' is not of the form pkg.module:object", id="no object"
        ),
        pytest.param(
            ".json:dumps", "target '.json:dumps' begins with a dot: name the", id="relative"
        ),
        pytest.param(
            "no_such_module:step",
            "there is no module 'no_such_module' (searched ",
            id="unknown module",
        ),
        pytest.param(
            "json.no_such:step", "there is no module 'json.no_such'", id="unknown submodule"
        ),
        pytest.param("json:dump_", "json has no 'dump_': did you mean dump", id="near an object"),
        pytest.param("./json.py:dump", "names a file: name its module, 'json:dump'", id="a file"),
        pytest.param("json:xyzzy", "json has no 'xyzzy'", id="unknown object"),
        pytest.param(
            "json:JSONEncoder.encod",
            "json.JSONEncoder has no 'encod': did you mean encode",
            id="attribute",
        ),
        pytest.param(
            "json:__name__", "target json:__name__ is str, which is not a backend", id="no backend"
        ),
        pytest.param(
            "json:JSONEncoder",
            "target json:JSONEncoder is type, which is not a backend",
            id="other class",
        ),
    ],
)
def test_an_unknown_target_is_named_with_what_is_near(target: str, message: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(target)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param(
            "anonymous",
            "has no attribute 'name': a backend declares name, variants and formats",
            id="name",
        ),
        pytest.param("Anonymous", "has no attribute 'name'", id="its class"),
        pytest.param(
            "number",
            "is int, which is not a backend: give a function step(cell, x, h)",
            id="number",
        ),
        pytest.param("NeedsMore", "NeedsMore() failed: TypeError: ", id="constructor"),
        pytest.param("instanc", "has no 'instanc': did you mean instance?", id="near"),
    ],
)
def test_what_cannot_be_made_into_a_backend_says_why(module: str, path: str, message: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(f"{module}:{path}")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "target", [None, 5, b"five", {"step": 1}], ids=["None", "int", "bytes", "dict"]
)
def test_other_things_are_no_targets(target: Any) -> None:
    with pytest.raises(UnknownTarget, match="which is not a backend"):
        resolve(target)


# -- what cannot be used here ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [target.name for target in TARGETS if target.needs == "torch" and not target.install]
)
def test_without_torch_its_targets_say_how_to_get_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    assert not next(target for target in TARGETS if target.name == name).available
    with pytest.raises(TargetUnavailable) as caught:
        resolve(name)
    assert (
        str(caught.value)
        == f"target '{name}' needs the package 'torch': pip install 'gruverify[torch]'"
    )


def test_without_torch_numpy_and_functions_are_unaffected(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    assert resolve("numpy").name == "numpy"
    assert resolve(f"{module}:step").name == "step"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "import no_such_package.part",
            "needs the package 'no_such_package', which is not installed",
            id="a package",
        ),
        pytest.param("1 / 0", "failed: ZeroDivisionError: division by zero", id="raises"),
        pytest.param("def f(:", "failed: SyntaxError: ", id="syntax"),
        pytest.param("raise SystemExit(0)", "failed: SystemExit: 0", id="leaves"),
        pytest.param("raise BaseException('no')", "failed: BaseException: no", id="bare"),
    ],
)
def test_a_module_that_cannot_be_imported_is_unavailable(
    module: str, text: str, message: str
) -> None:
    name = write(text)
    with pytest.raises(TargetUnavailable) as caught:
        resolve(f"{name}:step")

    assert name in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def step(cell, x, h): ...\ndef helper(a): ...", "name what to check in it: whole:step"),
        ("def helper(a): ...", "name what to check in it: whole:helper"),
        ("from gruverify.backends import NumpyBackend\nx = 1", "without a GRU that could be"),
        ("from gruverify.backends import NumpyBackend\nx = NumpyBackend()", "in it: whole:x"),
    ],
    ids=["a step", "a function", "nothing", "an object"],
)
@pytest.mark.parametrize("name", ["whole", "whole.py", "./whole.py"])
def test_a_module_is_told_what_it_has(
    text: str, said: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "whole", raising=False)

    with pytest.raises(UnknownTarget, match=said):
        resolve(name)


def test_a_dot_in_place_of_the_colon_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dotted.py").write_text("def step(cell, x, h): ...")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UnknownTarget, match=r"did you mean dotted:step\?"):
        resolve("dotted.step")
