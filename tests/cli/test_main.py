"""The group of commands: help, usage errors, and how little is imported for them."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from gruverify import __version__
from gruverify.cli import main

from ._invoke import gruverify, one_line

COMMANDS = (
    "check",
    "identify",
    "judge",
    "replay",
    "explain",
    "diagnose",
    "reach",
    "certify",
    "accuracy",
    "list",
    "faults",
    "convert",
    "export-cases",
    "report",
    "campaign",
    "compare",
)


def command(name: str) -> click.Command:
    """A command by its name."""
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def test_help_names_every_command_and_shows_examples() -> None:
    text = gruverify("--help").stdout

    assert main.list_commands(click.Context(main)) == list(COMMANDS)
    assert re.findall(r"^(\w+):$", text, re.MULTILINE) == [
        "Options",
        "Verify",
        "Understand",
        "Exchange",
        "Scale",
    ]
    for name in COMMANDS:
        assert f"\n  {name} " in text
    assert "\n  gruverify check torch " in text
    assert "\\b" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_explains_every_option(name: str) -> None:
    result = gruverify(name, "--help")

    assert result.exit_code == 0
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            assert f"{parameter.opts[0]} " in result.stdout
        else:
            assert parameter.human_readable_name in result.stdout
    assert "\\b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 110


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (
            "check",
            "0 conforms, 1 falsified, 2 usage error, 3 target unavailable, 4 the target died or "
            "hung, "
            "5 too few gates visited, 6 inconclusive (nothing failed, but too little was judged, "
            "answered or claimed), "
            "130 interrupted",
        ),
        (
            "replay",
            "0 the invariant holds now, 1 it is falsified again, 2 the file or target is wrong, "
            "3 target unavailable",
        ),
        (
            "compare",
            "0 done, and there is nothing of --fail-on (without it: whatever changed) "
            "1 there is something of --fail-on 2 a file is not a result or store, or, "
            "without --fail-on, cannot be written "
            "3 a package is missing 6 nothing of --fail-on, but NEW leaves open what OLD judged, "
            "or has no verdict",
        ),
    ],
)
def test_help_tells_the_exit_codes(name: str, codes: str) -> None:
    assert codes in " ".join(gruverify(name, "--help").stdout.split())


def test_the_help_of_check_shows_what_a_target_may_be() -> None:
    text = " ".join(gruverify("check", "-h").stdout.split())

    for words in (
        "numpy, torch or torch-formulas",
        "pkg.module:object",
        "step(cell, x, h)",
        "nn.Module",
        "contract",
    ):
        assert words in text


def test_the_version_is_the_packages() -> None:
    assert gruverify("--version").stdout == f"gruverify, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["chekc"], "there is no command 'chekc': did you mean check?", id="command"),
        pytest.param(
            ["list", "--seed", "1"], "(main list --help says more)", id="option of another command"
        ),
    ],
)
def test_what_is_wrong_fits_on_one_line(arguments: list[str], message: str) -> None:
    assert message in one_line(gruverify(*arguments))


def test_no_command_shows_the_help() -> None:
    result = gruverify()

    assert result.exit_code == 2
    assert "Usage: " in result.output
    assert "gruverify check torch" in result.output


@pytest.mark.uncounted
@pytest.mark.parametrize(
    "arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom gruverify.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "heavy = {'numpy', 'torch', 'hypothesis', 'rich', 'ml_dtypes', 'matplotlib', 'sympy', "
        "'flint'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("\n[]\n")
    assert done.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "numpy", "--json"),
        ("check", "numpy", "--report"),
        ("explain", "--plot"),
        ("report",),
        ("diagnose",),
        ("reach",),
    ],
)
def test_a_name_that_is_too_long_for_a_file_is_no_traceback(arguments: tuple[str, ...]) -> None:
    said = one_line(gruverify(*arguments, "x" * 300 + ".png"))

    assert "File name too long" in said
