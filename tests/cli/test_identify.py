"""gruverify identify."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ._invoke import gruverify, one_line


@pytest.mark.uncounted
def test_what_it_declares_is_said_with_the_evidence_and_the_next_command(planted: str) -> None:
    result = gruverify("identify", f"{planted}:right")

    assert result.exit_code == 0
    words = "reset after the product, z multiplies the old state, gate order r, z, n, both biases"
    assert f"\n  is {words}\n    24 of 24 cases, " in result.stdout
    assert re.search(
        r"\n  runner-up .*\n    \d+ of 24 cases, .*\n    excluded with margins from ", result.stdout
    )
    assert re.search(r"\n    h\[t=0\]\[b=0, i=\d\] is \S+, not \S+ ± \S+\n", result.stdout)
    assert result.stdout.endswith(
        "identified\nIt is what it declares.\nnext: gruverify check planted:right\n"
    )


#: Keras's order of the gates.
OTHER_ORDER = """
import numpy as np
from planted import inverted, right
from dataclasses import replace


def update_first(cell, x, h):
    blocks = {name: np.split(array, 3) for name, array in cell.packed().items()}
    return right(replace(cell, **{name: np.concatenate([z, r, n]) for name, (r, z, n) in blocks.items()}), x, h)
"""


@pytest.mark.uncounted
@pytest.mark.parametrize("step", ["inverted", "update_first"])
def test_the_snippet_makes_a_target_that_conforms(planted: str, here: Path, step: str) -> None:
    (here / "theirs.py").write_text(OTHER_ORDER)

    result = gruverify("identify", f"theirs:{step}")
    printed = result.stdout
    snippet = printed[printed.index("as mine.py:") : printed.index("next: ")].removeprefix(
        "as mine.py:"
    )
    (here / "mine.py").write_text(snippet)
    again = gruverify(
        "check",
        "mine:mine",
        "--format",
        "f32",
        "--max-cases",
        "5",
        "--jobs",
        "1",
        "--only",
        "agreement",
    )

    assert printed.endswith("next: gruverify check mine:mine\n")
    assert (result.exit_code, again.exit_code) == (1, 0)


@pytest.mark.uncounted
def test_a_bias_outside_the_product_is_named_with_the_equations_that_were_found(
    planted: str,
) -> None:
    result = gruverify("identify", f"{planted}:outside")

    assert result.exit_code == 1
    assert "bias_hh of the candidate outside the reset product\n" in result.stdout
    assert (
        "\nidentified, and not what it declares\nIt computes\n  r = σ(W_r x + b_r + U_r h' + c_r)\n"
        in result.stdout
    )
    assert (
        "\n  n = tanh(W_n x + b_n + c_n + r * (U_n h'))\n  h = z * h' + (1 - z) * n\n"
        in result.stdout
    )
    assert "r * (U_n h' + c_n)" not in result.stdout


#: Values of a GRU with gradients of which one term is missing, or all is twice what it should be.
GRADIENTS = """
from gruverify import Variant, backend
from gruverify.backends import NumpyBackend
from gruverify.faults import FAULTS

right = NumpyBackend()
lacking = FAULTS["direct-path-left-out"].build([Variant()])
declared = {"step": right.step, "variants": [Variant()]}
one = backend(step_vjp=lacking.step_vjp, **declared)
none = backend(step_vjp=lambda *given: FAULTS["cotangents-clipped"].build().step_vjp(*given), **declared)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("one", "identified, and not what it declares", "∂h/∂h' lacks z: the carry path"),
        pytest.param("none", "none", "none that was tried", marks=pytest.mark.uncounted),
    ],
)
def test_gradients_of_right_values_are_said_to_be_wrong_and_what_they_lack(
    here: Path, name: str, status: str, words: str
) -> None:
    (here / "theirs.py").write_text(GRADIENTS)

    result = gruverify("identify", f"theirs:{name}")

    assert result.exit_code == 1
    assert result.stdout.endswith(
        f"\n{status}\nIts values are what it declares.\n"
        f"Its gradients are not, by step_vjp: {words}.\nnext: gruverify check theirs:{name}\n"
    )


@pytest.mark.uncounted
def test_json_has_the_equations_and_whether_they_are_what_is_declared(planted: str) -> None:
    right, other = (
        json.loads(gruverify("identify", f"{planted}:{it}", "--json").stdout)
        for it in ("right", "inverted")
    )

    assert (right["status"], right["as_declared"]) == ("identified", True)
    assert (other["status"], other["as_declared"]) == ("identified", False)
    assert other["parts"][0]["holds"][0]["equations"][-1] == "h = (1 - z) * h' + z * n"


#: Of a GRU that has its sequence only where there is a GPU.
HALF_ANSWERED = """
from planted import inverted, right
from gruverify import backend


def sequence(cell, inputs, state):
    raise NotImplementedError("no GPU")


one = backend(step=right, sequence=sequence)
other = backend(step=inverted, sequence=sequence)
"""


@pytest.mark.parametrize(("name", "code"), [("one", 0), ("other", 1)])
def test_a_method_that_answers_no_case_hides_nothing_of_the_other(
    planted: str, here: Path, name: str, code: int
) -> None:
    (here / "theirs.py").write_text(HALF_ANSWERED)

    result = gruverify("identify", f"theirs:{name}")

    assert result.exit_code == code
    assert "sequence gave no answer, declared: reset after, keep\n" in result.stdout
    assert ("It is what it declares.\n" in result.stdout) == (name == "one")
    assert ("    step=lambda cell, *rest: theirs.step(cell, *rest),\n" in result.stdout) == (
        name == "other"
    )
    assert "sequence=lambda" not in result.stdout


@pytest.mark.parametrize(("fault", "status"), [("halved", "none"), ("raises", "unanswered")])
def test_what_is_none_of_them_exits_with_1_and_is_json_on_request(
    planted: str, fault: str, status: str
) -> None:
    result = gruverify("identify", f"{planted}:{fault}", "--json", "--format", "f64")

    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["status"], document["formats"]) == (status, ["float64"])
    [part] = document["parts"]
    assert part["holds"] == []
    assert all(evidence["excluded_by"]["format"] == "float64" for evidence in part["excluded"])


@pytest.mark.slow
@pytest.mark.uncounted
def test_what_is_less_accurate_than_declared_exits_with_1_and_says_by_what(planted: str) -> None:
    shown = gruverify("identify", f"{planted}:half", "--format", "f64")
    written = gruverify("identify", f"{planted}:half", "--format", "f64", "--json")

    assert (shown.exit_code, written.exit_code) == (1, 1)
    assert "\nidentified, less accurate than declared\n" in shown.stdout
    assert (
        "less accurate than declared by: float16 arithmetic in float64 (declare computes='float16')"
        in shown.stdout
    )
    [part] = json.loads(written.stdout)["parts"]
    assert part["less_accurate"] == {
        "words": "float16 arithmetic in float64",
        "declare": {"computes": "float16"},
    }


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("nympy", 2, "target 'nympy' is unknown: did you mean numpy?"),
        ("broken:step", 3, "importing broken failed"),
    ],
)
def test_a_target_that_is_none_is_one_line(
    here: Path, target: str, code: int, message: str
) -> None:
    (here / "broken.py").write_text("1 / 0")

    assert message in one_line(gruverify("identify", target), code)


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_check_names_the_reading_that_explains_what_fell(planted: str) -> None:
    printed = gruverify(
        "check", f"{planted}:inverted", "--format", "f64", "--max-cases", "3", "--jobs", "1"
    ).stdout

    assert "likely cause: z multiplies the candidate (float64, every case)" in printed
    assert "  evidence: gruverify identify planted:inverted\n" in printed
