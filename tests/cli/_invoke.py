"""Running gruverify in this process, on a directory of its own."""

from __future__ import annotations

from click.testing import CliRunner, Result

from gruverify.cli import main

QUICK = ("--format", "f32", "--max-cases", "3", "--jobs", "1")


def gruverify(*arguments: str) -> Result:
    """The result of `gruverify ARGUMENTS`."""
    return CliRunner().invoke(main, list(arguments))


def check(target: str, *options: str) -> Result:
    """A short run in float32, in one process."""
    return gruverify("check", target, *QUICK, *options)


def one_line(result: Result, code: int = 2) -> str:
    """What a failing command says, on one line of standard error and nowhere else."""
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip()
