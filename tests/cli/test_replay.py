"""gruverify replay."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gruverify import Case, Cell, Variant, Witness, float32
from gruverify.cli._replay import _asked
from gruverify.engine import load_witness, save_witness
from gruverify.invariants import INVARIANTS, Residual

from ._invoke import check, gruverify, one_line


@pytest.fixture
def witness(planted: str, here: Path) -> Path:
    """A witness of a fault in the current directory."""
    one, three = float32.cast([[1.0]]), float32.cast([[1.0]] * 3)
    case = Case(
        Cell(Variant(), three, three, three[:, 0], three[:, 0]), one[None], one, one[None], one
    )
    residual = Residual("h[b=0, i=0]", 1.0, 0.5, 0.5, 0.25, 2.0)
    save_witness(Witness(f"{planted}:inverted", "agreement/step", case, residual), here / "w.json")
    return here / "w.json"


@pytest.mark.uncounted
@pytest.mark.parametrize(
    "fault",
    ["inverted", *(pytest.param(f, marks=pytest.mark.slow) for f in ("outside", "half", "Scaled"))],
)
def test_a_planted_fault_exits_with_1_and_every_witness_replays(
    planted: str, here: Path, fault: str
) -> None:
    only = ("--only", "agreement", "--only", "bounds")
    assert check(f"{planted}:{fault}", "--max-cases", "8", "--witnesses", "w", *only).exit_code == 1

    files = sorted((here / "w").iterdir())
    assert files
    for file in files:
        assert json.loads(file.read_text())["sizes"]["H"] <= 3
        assert gruverify("replay", str(file)).exit_code == 1


def test_what_falls_again_is_told_as_the_check_told_it(witness: Path) -> None:
    result = gruverify("replay", str(witness))

    assert result.exit_code == 1
    assert result.stdout.startswith("agreement/step: h = ")
    assert "  float32, reset after, keep, H=1, I=1, B=1, T=1\nfalsified\n" in result.stdout
    snippet = result.stdout.partition("to paste into Python:\n")[2]
    with pytest.raises(AssertionError, match="agreement/step"):
        exec(snippet, {})


@pytest.mark.uncounted
def test_another_target_may_hold(witness: Path) -> None:
    for target in ("planted:right", "numpy"):
        result = gruverify("replay", str(witness), "--target", target)

        assert result.exit_code == 0
        assert result.stdout == "agreement/step holds on this case\n"


def test_a_case_that_another_target_refuses_shows_nothing(witness: Path, here: Path) -> None:
    (here / "refuses.py").write_text(
        "def step(cell, x, h):\n    raise NotImplementedError('no H=1')\n"
    )

    result = gruverify("replay", str(witness), "--target", "refuses:step")

    assert result.exit_code == 6
    assert (
        result.stdout
        == "agreement/step inconclusive on this case: step is not implemented: no H=1\n"
    )


def test_a_check_that_goes_wrong_shows_nothing(
    witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(trial: object) -> Any:
        raise ValueError("our own")

    known = INVARIANTS["agreement/step"]
    monkeypatch.setitem(INVARIANTS, known.id, replace(known, check=stumbles))

    assert "an error in the check" in _asked(load_witness(witness), "numpy")


@pytest.mark.uncounted
def test_a_case_of_which_nothing_is_claimed_shows_nothing(witness: Path, here: Path) -> None:
    (here / "vague.py").write_text(
        "import gruverify, planted\n"
        "step = gruverify.backend(step=planted.right, formats=[gruverify.float32], kappa=1e9)\n"
    )

    result = gruverify("replay", str(witness), "--target", "vague:step")

    assert result.exit_code == 6
    assert "agreement/step inconclusive on this case: nothing is claimed" in result.stdout


def test_a_large_case_is_loaded_from_its_file(planted: str, here: Path) -> None:
    xs, one, three = (float32.cast([[[1.0]] * n])[0] for n in (600, 1, 3))
    case = Case(
        Cell(Variant(), three, three, three[:, 0], three[:, 0]), xs[:, None], one, xs[:, None], one
    )
    residual = Residual("h[b=0, i=0]", 1.0, 0.5, 0.5, 0.25, 2.0)
    save_witness(Witness(f"{planted}:inverted", "agreement/step", case, residual), here / "w.json")

    result = gruverify("replay", "w.json")

    assert result.exit_code == 1
    assert len(result.stdout) < 2000
    with pytest.raises(AssertionError, match="agreement/step"):
        exec(result.stdout.partition("to paste into Python:\n")[2], {})


@pytest.mark.uncounted
def test_a_target_that_raises_is_falsified_again(planted: str, here: Path) -> None:
    check(f"{planted}:raises", "--witnesses", "w")

    result = gruverify("replay", "w/planted-raises-contract-shape-step-float32.json")

    assert result.exit_code == 1
    assert "\n  step raised ZeroDivisionError: no gate\n" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "w.json is not JSON: Expecting value", id="empty"),
        pytest.param("import gruverify", "w.json is not JSON", id="python"),
        pytest.param("[" * 100_000, "w.json is not a witness: it is nested too deeply", id="deep"),
        pytest.param("{}", "this is not a gruverify witness", id="another object"),
        pytest.param("\x00", "w.json is not JSON", id="null"),
    ],
)
def test_a_file_of_something_else_fits_on_one_line(here: Path, text: str, message: str) -> None:
    (here / "w.json").write_text(text)

    assert message in one_line(gruverify("replay", "w.json"))


def test_a_truncated_file_fits_on_one_line(witness: Path) -> None:
    witness.write_text(witness.read_text()[:-40])

    assert "is not JSON" in one_line(gruverify("replay", str(witness)))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param(
            "schema", 7, "schema=7 cannot be read: this version reads schema 1", id="schema"
        ),
        pytest.param(
            "invariant", "agreement/stop", "invariant='agreement/stop' is unknown", id="invariant"
        ),
        pytest.param(
            "invariant",
            "agreement/last",
            "agreement/last cannot be checked on inverted: the",
            id="method",
        ),
        pytest.param(
            "target",
            "planted:invert",
            "planted has no 'invert': did you mean inverted?",
            id="target",
        ),
        pytest.param(
            "target",
            5,
            "the witness is damaged: TypeError: target=5 must be a string",
            id="no target",
        ),
        pytest.param(
            "format",
            "float8",
            "the witness is damaged: ValueError: format='float8' is unknown",
            id="format",
        ),
        pytest.param("arrays", {}, "the witness is damaged: KeyError: 'inputs'", id="arrays"),
        pytest.param(
            "sizes", {"H": 0, "I": 0, "B": 0, "T": 0}, "must each be at least 1", id="sizes"
        ),
    ],
)
def test_a_tampered_file_fits_on_one_line(
    witness: Path, key: str, value: Any, message: str
) -> None:
    witness.write_text(json.dumps({**json.loads(witness.read_text()), key: value}))

    assert message in one_line(gruverify("replay", str(witness)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "Missing argument 'FILE'", id="no file"),
        pytest.param(
            ["none.json"], "none.json cannot be read: No such file or directory", id="missing file"
        ),
        pytest.param(["."], ". cannot be read: Is a directory", id="directory"),
    ],
)
def test_what_is_wrong_fits_on_one_line(here: Path, arguments: list[str], message: str) -> None:
    assert message in one_line(gruverify("replay", *arguments))


def test_an_unknown_target_fits_on_one_line(witness: Path) -> None:
    message = one_line(gruverify("replay", str(witness), "--target", "nunpy"))

    assert "target 'nunpy' is unknown: did you mean numpy?" in message


def test_without_torch_a_witness_of_its_exits_with_3(
    witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    message = one_line(gruverify("replay", str(witness), "--target", "torch"), code=3)

    assert message.endswith("pip install 'gruverify[torch]'")


@pytest.mark.slow
def test_a_target_that_dies_does_not_take_gruverify_with_it(planted: str, here: Path) -> None:
    check(f"{planted}:inverted", "--only", "agreement/step")
    witness = str(here / "reports/witnesses/planted-inverted-agreement-step-float32.json")

    result = gruverify("replay", witness, "--target", f"{planted}:dies")

    assert result.exit_code == 4
    assert result.stderr.startswith("Error: the process ended with code 7 in step at H=")


def test_a_target_that_hangs_is_stopped(witness: Path) -> None:
    result = gruverify("replay", str(witness), "--target", "planted:hangs", "--patience", "5")

    assert result.exit_code == 4
    assert (
        "the process gave no answer for 5 s and was stopped in step at H=1, I=1, B=1"
        in result.stderr
    )
