"""What a target declares, on the command line: a wrong declaration is one line, a right one is
shown.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ._invoke import check, gruverify, one_line

TARGET = """\
from gruverify import Variant, backend, float32
from gruverify.backends import NumpyBackend


class Mine(NumpyBackend):
    variants = [{variant}]
    kappa_sigma = sums_in_format = None
    {declared}
"""


def written(here: Path, declared: str, variant: str = "Variant()") -> str:
    """The name of a target that declares this."""
    (here / "mine.py").write_text(TARGET.format(declared=declared, variant=variant))
    return "mine:Mine"


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("declared", "variant", "message"),
    [
        ("kappa = -1", "Variant()", "kappa=-1 must not be negative"),
        ("kappa = float('nan')", "Variant()", "kappa=nan must be finite"),
        ("hidden_size = 'large'", "Variant()", "hidden_size='large' must be a whole number"),
        (
            "hidden_size = property(lambda self: 1 / 0)",
            "Variant()",
            "its property raised ZeroDivisionError",
        ),
        (
            "name = property(lambda self: 1 / 0)",
            "Variant()",
            "name cannot be read: its property raised",
        ),
        (
            "formats = property(lambda self: 1 / 0)",
            "Variant()",
            "formats cannot be read: its property raised",
        ),
        ("initial_state = 'zeros'", "Variant()", "initial_state='zeros' must be True or False"),
        ("nan = 'never'", "Variant()", "nan='never' must be one of"),
        ("min_length = 1.5", "Variant()", "min_length=1.5 must be a whole number"),
        ("biases = 'none'", "Variant(bias=True)", "biases='none' contradicts Variant("),
        ("biases = 'input'", "Variant(biases='recurrent')", "biases='input' contradicts Variant("),
        ("biases = 'input'", "3", "variants has 3: it must be a sequence of Variants"),
        (
            "initial_state, state_gradient = False, True",
            "Variant()",
            "state_gradient=True contradicts initial_state=",
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "identify", "list"])
def test_a_wrong_declaration_is_one_line(
    command: str, declared: str, variant: str, message: str, here: Path
) -> None:
    target = written(here, declared, variant)
    result = check(target, "--list") if command == "list" else gruverify(command, target)

    assert message in one_line(result)


def test_a_wrong_keyword_is_one_line(here: Path) -> None:
    (here / "mine.py").write_text(
        "import gruverify\nmine = gruverify.backend(step=lambda *_: 0, min_length=-1)\n"
    )

    assert "min_length=-1 must be a whole number, at least 0" in one_line(check("mine:mine"))


@pytest.mark.uncounted
def test_what_is_declared_stands_in_header_verdict_and_json(here: Path) -> None:
    target = written(here, "kappa, initial_state, biases = 8, False, 'input'")
    shown = check(target, "--only", "agreement", "--json", "result.json")

    said = json.loads((here / "result.json").read_text())["declarations"]
    expected = {"kappa_sigma": 8, "kappa_tanh": 8, "initial_state": False, "biases": "input"}
    assert {name: said[name] for name in expected} == expected
    assert "declared: kappa=8" in shown.stdout.splitlines()[2]
    assert "biases='input', zoneout='shares', initial_state=False" in shown.stdout.splitlines()[2]
