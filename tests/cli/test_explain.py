"""gruverify explain."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gruverify.cli import main

QUICK = ("--bias", "8", "--format", "f32")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def test_answers_the_question() -> None:
    result = invoke()
    assert result.exit_code == 0
    assert "In words" in result.stdout
    assert "keeps its size at every length" in " ".join(result.stdout.split())
    assert result.stderr == ""


def test_the_same_seed_prints_the_same() -> None:
    first, again, other = (invoke("--seed", seed, *QUICK).stdout for seed in ("1", "1", "2"))
    assert first == again
    assert first != other


def test_shows_what_is_asked_for() -> None:
    result = invoke("--hidden", "3", "--input", "2", "--steps", "5", "--z", "0.9", "--r", "1", "--reset", "before",
                    "--update", "replace", "--bias", "4,8", "--format", "f16,float64")  # fmt: skip
    assert "H=3 I=2 T=5 · seed 0 · reset before, replace · given (z=0.9, r=1)" in result.stdout
    assert "f64" in result.stdout
    assert "f32" not in result.stdout


def test_help_teaches() -> None:
    text = invoke("--help").stdout
    for word in (
        "z = 1 ",
        "z = 0, r = 0",
        "z = 0, r = 1",
        "dL_T/dU_z",
        "carry",
        "forget",
        "Elman",
        "Exit codes",
    ):
        assert word in text
    assert "\\b" not in text
    assert "\n  gruverify explain --z 0.9 --r 0.5 --format f32\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--hidden", "0"], "hidden=0 must be from 1 to 32", id="size"),
        pytest.param(["--steps", "ten"], "--steps ten: must be a whole number", id="not whole"),
        pytest.param(["--seed", "-1"], "seed=-1 must be 0 or more", id="seed"),
        pytest.param(["--z", "2"], "z=2 must be a gate value, from 0 to 1", id="gate"),
        pytest.param(["--r", "open"], "--r open: must be a number", id="not a number"),
        pytest.param(
            ["--bias", "8,4"], "bias=8,4 must grow from one number to the next", id="biases"
        ),
        pytest.param(
            ["--bias", "4;8"],
            "--bias 4;8: must be numbers with commas between them, e.g. 4,8,12,16",
            id="list",
        ),
        pytest.param(["--reset", "never"], "--reset never: must be after or before", id="reset"),
        pytest.param(["--update", "z"], "--update z: must be keep or replace", id="update"),
        pytest.param(
            ["--format", "f8"],
            "--format f8: format='f8' is unknown: choose from float16",
            id="format",
        ),
        pytest.param(
            ["--plot", "a.gif"], "--plot a.gif: the name must end in .png, .svg, .pdf", id="suffix"
        ),
        pytest.param(
            ["--plot", "no/such/a.png"],
            "--plot no/such/a.png: there is no directory no/such",
            id="folder",
        ),
    ],
)
def test_what_is_wrong_fits_on_one_line(arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1


def test_writes_a_plot(tmp_path: Path) -> None:
    file = tmp_path / "gradients.PNG"
    result = invoke("--plot", str(file), *QUICK)
    assert result.exit_code == 0
    assert file.stat().st_size > 0
    assert result.stdout.endswith(f"plot: {file}\n")


@pytest.mark.uncounted
def test_a_plot_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder.png"
    folder.mkdir()
    result = invoke("--plot", str(folder), *QUICK)
    assert result.exit_code == 2
    assert result.stderr == f"Error: --plot {folder}: is a directory; name a file in it\n"
    assert result.stdout == ""


def test_says_how_to_get_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = invoke("--plot", str(tmp_path / "gradients.png"), *QUICK)
    assert result.exit_code == 3
    assert result.stderr == "Error: plots need matplotlib: pip install 'gruverify[report]'\n"


def test_nothing_heavy_is_imported_before_it_runs() -> None:
    code = (
        "import sys, gruverify.cli._explain; print({'numpy', 'rich', 'hypothesis', "
        "'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
