"""[tool.gruverify.targets.NAME]: a target by a name of the project's own, with what it declares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gruverify._config import configuration
from gruverify.backends import (
    UnknownTarget,
    declarations_of,
    declared_variants,
    offers,
    resolve,
)

from ._invoke import gruverify

MINE = """
import numpy as np
import gruverify
from gruverify.backends import NumpyBackend

def step(cell, x, h):  # without bias_hh
    a, b = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, 1), np.split(h @ cell.weight_hh.T, 3, 1)
    with np.errstate(over="ignore"):
        r, z = (1 / (1 + np.exp(-(i + j))) for i, j in zip(a[:2], b[:2], strict=True))
    return (1 - z) * np.tanh(a[2] + r * b[2]) + z * h

class Whole(NumpyBackend):
    name = "whole"
    kappa_sigma = 5.0
"""
#: Enough to meet a bias of the recurrent side.
MORE = ("--max-cases", "4", "-q")
FEW = """
[tool.gruverify]
max-cases = 1
only = ["agreement/step"]
jobs = 1
"""


def project(here: Path, table: str, name: str = "mine") -> Path:
    """A project with a target of that name; the file."""
    (here / "kernels.py").write_text(MINE)
    file = here / "pyproject.toml"
    file.write_text(f"{FEW}\n[tool.gruverify.targets.{name}]\n{table}\n")
    return file


@pytest.mark.slow
def test_a_declaration_of_the_file_is_checked_as_any_other(here: Path) -> None:
    project(here, 'target = "kernels:step"\nbiases = "merged"\nformats = ["f32"]')

    named = gruverify("check", "mine", "--json", "-")
    bare = gruverify("check", "kernels:step", "--format", "f32", "--no-shrink", *MORE)

    found = json.loads(named.stdout)
    assert (found["target"], found["backend"], found["formats"]) == ("mine", "step", ["float32"])
    assert found["declarations"] == {"biases": "merged"}
    assert {row["status"] for row in found["invariants"] if row["cases"]} == {"passed"}
    assert bare.exit_code == 1


@pytest.mark.parametrize(
    ("declares", "found"),
    [
        ("kappa = 8", {"kappa_sigma": 8.0, "kappa_tanh": 8.0}),
        ("kappa = {f32 = 8}", {"kappa_sigma": {"float32": 8.0}, "kappa_tanh": {"float32": 8.0}}),
        ('accumulates = "f64"', {"kappa_sigma": 5.0, "accumulates": "float64"}),
        ("hidden_size = 3", {"kappa_sigma": 5.0, "hidden_size": 3}),
        ('shapes = "few"', {"kappa_sigma": 5.0, "shapes": "few"}),
    ],
)
def test_what_the_file_declares_wins_over_the_attribute(
    here: Path, declares: str, found: dict[str, object]
) -> None:
    project(here, f'target = "kernels:Whole"\n{declares}')

    usual = resolve("kernels:Whole")
    declared = declarations_of(resolve("mine")).unusual()

    expected = {**declarations_of(usual).unusual(), **found}
    assert {name: declared.get(name) for name in found} == found
    assert declared == expected


def test_its_variants_are_tables(here: Path) -> None:
    project(here, 'target = "kernels:step"\nvariants = [{reset = "before", biases = "input"}]')

    [variant] = declared_variants(resolve("mine"))

    assert (variant.reset, variant.biases) == ("before", "input")


def test_a_shortest_length_keeps_a_step_from_being_derived(here: Path) -> None:
    project(here, 'target = "kernels:OnlySequences"\nmin_length = 2')
    text = "\nOnlySequences = gruverify.backend(sequence=lambda cell, inputs, state: None)\n"
    (here / "kernels.py").write_text(MINE + text)

    assert offers(resolve("kernels:OnlySequences"), "step")
    assert not offers(resolve("mine"), "step")


def test_a_module_is_called_as_the_file_declares(here: Path) -> None:
    pytest.importorskip("torch")
    project(here, 'target = "modules:Stateless"\ninitial_state = false')
    (here / "modules.py").write_text(
        "from torch import nn\n"
        "class Stateless(nn.GRU):\n"
        "    def forward(self, inputs):\n"
        "        return super().forward(inputs)\n"
    )

    assert not declarations_of(resolve("mine")).initial_state


@pytest.mark.uncounted
def test_an_option_of_its_table_holds_before_that_of_all_and_the_command_wins(here: Path) -> None:
    table = 'target = "kernels:Whole"\nmax-cases = 2\nformats = ["f32"]\nxfails-files = ["known"]'
    file = project(here, table)
    (here / "known").write_text("agreement/step f16\n")
    options = configuration(here).options("mine")

    values = {key: owner.values[key] for key, owner in options.items()}
    given = gruverify("check", "mine", "--max-cases", "1", "--json", "-")

    assert (values["max-cases"], values["jobs"]) == (2, 1)
    assert values["xfails-files"] == [str(here / "known")]
    assert json.loads(given.stdout)["cases"] == 1
    assert (
        f"max-cases = 2 of {file} [tool.gruverify.targets.mine] is overridden by --max-cases\n"
        in given.stderr
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('target = "kernels:step"\nkapa = 3', "has no key 'kapa': did you mean kappa?"),
        ('target = "kernels:step"\nmax-case = 3', "did you mean max-cases?"),
        ('target = "kernels:step"\nreport = "x"', "has no key 'report'"),
        ('target = "kernels:step"\nkappa = -3', "kappa=-3 must not be negative"),
        ('target = "kernels:step"\nshapes = [1]', "shapes=[1] must be one of"),
        ('target = "kernels:step"\nseed = "1"', "seed = '1': it must be an integer"),
        ('target = "kernels:step"\nformats = ["f33"]', "format='f33' is unknown"),
        ('target = "kernels:step"\nvariants = ["x"]', "it must be tables"),
        ('target = "kernels:step"\nvariants = [{rest = "before"}]', "variants has no key 'rest'"),
        ('target = "kernels:step"\nvariants = {reset = "x"}', "variants: reset='x' must be"),
        ('target = "kernels:steep"', "kernels has no 'steep': did you mean step?"),
        ('target = "nowhere.cells:G"', "there is no module 'nowhere'"),
        ('target = "kernels:step"\nmin_length = 3', "is about sequences"),
        ('target = "mine"', "target = 'mine': it is a name of this file"),
        ("target = 3", "target = 3: it must be a string"),
        ("kappa = 3", "has no target: say what it stands for"),
    ],
)
def test_a_mistake_names_the_file_the_table_and_the_key(
    here: Path, table: str, message: str
) -> None:
    file = project(here, table)

    result = gruverify("check", "mine")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {file}: [tool.gruverify.targets.mine] ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("numpy", "[tool.gruverify.targets.numpy] is a target that ships with gruverify"),
        ('"a:b"', '[tool.gruverify.targets."a:b"] is not a name'),
        ('""', "is not a name: it must not be empty"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(here: Path, name: str, message: str) -> None:
    project(here, 'target = "kernels:step"', name)

    assert message in gruverify("check", "numpy").stderr


@pytest.mark.uncounted
def test_a_name_is_offered_where_another_is_near(here: Path) -> None:
    project(here, 'target = "kernels:step"', "chunked")

    assert "did you mean chunked?" in gruverify("check", "chunkd").stderr
    assert "pyproject.toml has chunked; shipped targets: numpy" in gruverify("check", "xy").stderr


def test_a_name_of_the_project_may_be_placed(here: Path) -> None:
    pytest.importorskip("torch")
    project(here, 'target = "torch:GRUCell"\nkappa = 5')

    mine = resolve("mine@cpu")

    assert mine.name == "torch:GRUCell@cpu"
    assert declarations_of(mine).kappa_sigma == 5


def test_a_name_of_the_project_may_stand_for_what_is_placed_which_is_then_placed_no_more(
    here: Path,
) -> None:
    pytest.importorskip("torch")
    project(here, 'target = "torch:GRUCell@cpu"', "there")

    assert resolve("there").name == "torch:GRUCell@cpu"
    with pytest.raises(UnknownTarget, match="it names a device itself, and cannot be put on cpu"):
        resolve("there@cpu")
