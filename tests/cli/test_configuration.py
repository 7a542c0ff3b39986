"""[tool.gruverify] of pyproject.toml, and options in the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gruverify._config import KEYS, BadConfiguration, configuration
from gruverify.cli._check import command

from ._invoke import gruverify

FEW = """
[tool.gruverify]
target = "numpy"
formats = ["f32"]
max-cases = 1
only = ["agreement/step"]
jobs = 1
seed = 4
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


def test_what_is_not_given_is_that_of_the_nearest_table(here: Path) -> None:
    written(here, FEW)
    written(here / "deep", '[tool.other]\nseed = "theirs"\n')

    found = json.loads(gruverify("check", "--json", "-").stdout)

    assert (found["target"], found["formats"], found["cases"], found["seed"]) == (
        "numpy",
        ["float32"],
        1,
        4,
    )
    assert {row["id"] for row in found["invariants"] if row["cases"]} == {"agreement/step"}


@pytest.mark.uncounted
def test_what_is_given_wins_and_that_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(here, FEW)
    monkeypatch.setenv("GRUVERIFY_CHECK_JOBS", "2")

    result = gruverify("check", "numpy", "--seed", "5", "--json", "-")

    assert json.loads(result.stdout)["seed"] == 5
    place = f"{file} [tool.gruverify]"
    assert f"seed = 4 of {place} is overridden by --seed\n" in result.stderr
    assert f"jobs = 1 of {place} is overridden by GRUVERIFY_CHECK_JOBS\n" in result.stderr
    assert "target" not in result.stderr.partition("is overridden")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max-case = 1", "has no key 'max-case': did you mean max-cases?"),
        ("colour = 1", "has no key 'colour': there are target, "),
        ("seed = '3'", "seed = '3': it must be an integer"),
        ("seed = true", "seed = True: it must be an integer"),
        ("strict = 1", "strict = 1: it must be true or false"),
        ("only = 'agreement'", "only = 'agreement': it must be a list of strings"),
        ("target = []", "target = []: it must be a string or a list of strings"),
        ("targets = 'mine'", "targets = 'mine': it must be a table of tables"),
        ("only = [1]", "only = [1]: it must be a list of strings"),
        ("seed = -1", "seed = -1: -1 is not in the range"),
        ("profile = 'fast'", "profile = 'fast': 'fast' is not one of"),
        ("formats = ['f33']", "formats = ['f33']: format='f33' is unknown"),
        (
            "only = ['agreemnt']",
            "only = ['agreemnt']: no invariant matches 'agreemnt': did",
        ),
        ("patience = nan", "patience = nan: --patience nan: must be"),
        ("seed", "Expected '='"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(here: Path, text: str, message: str) -> None:
    file = written(here, f"[tool.gruverify]\n{text}\n")

    result = gruverify("check", "numpy")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {file}: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert gruverify("check", "--help").exit_code == gruverify("check", "-h").exit_code == 0


def test_what_is_no_table_is_told(here: Path) -> None:
    written(here, "[tool]\ngruverify = 3\n")
    with pytest.raises(BadConfiguration, match="it must be a table"):
        configuration(here)
    written(here, "tool = 3\n")
    assert configuration(here).values == {}


def test_paths_are_relative_to_the_file(here: Path) -> None:
    written(here, '[tool.gruverify]\nxfails-files = ["known.txt"]\nreport = "out"\n')

    values = configuration(Path.cwd()).values

    assert values == {"xfails-files": [str(here / "known.txt")], "report": str(here / "out")}


def test_every_key_is_a_parameter_of_the_command() -> None:
    named = {key.replace("-", "_") for key in KEYS if key != "target"}

    assert named <= {param.name for param in command.params}


def test_an_unknown_command_is_told_with_the_one_that_is_near() -> None:
    assert gruverify("chekc").stderr == "Error: there is no command 'chekc': did you mean check?\n"
    assert "there are check, identify" in gruverify("verify-all-of-it").stderr


@pytest.mark.parametrize(
    ("table", "option"),
    [
        ("max-failures = 3", "-x"),
        ("max-failures = 3", "--keep-going"),
        ("keep-going = true", "-x"),
        ("keep-going = true", "--max-failures=1"),
    ],
)
def test_when_to_end_is_one_choice_and_the_command_line_makes_it(
    here: Path, table: str, option: str
) -> None:
    written(here, f"{FEW}{table}\n")

    result = gruverify("check", option)

    assert result.exit_code == 6  # one case tells little
    assert f"[tool.gruverify] is overridden by {option.partition('=')[0]}\n" in result.stderr


def test_two_such_choices_in_one_place_contradict_each_other(here: Path) -> None:
    written(here, f"{FEW}max-failures = 3\nkeep-going = true\n")

    assert "give one of them" in gruverify("check").stderr
