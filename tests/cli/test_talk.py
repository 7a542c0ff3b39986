"""What a target prints, and how, while others want to read standard output."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from subprocess import run

import pytest

pytestmark = pytest.mark.uncounted

TALKS = """
import os
import subprocess
import sys

from planted import right

print("at import")
os.write(1, b"past Python\\n")
calls = 0


def step(cell, x, h):
    global calls
    calls += 1
    if calls == 1:
        print("::error::from a call")
        print("to stderr", file=sys.stderr)
        subprocess.run(["echo", "##[error]from a program \\u202e"])
        sys.stdout.write("no line's end")
    return right(cell, x, h)


def raises(cell, x, h):
    raise ValueError("first\\n::error::second\\x1b[31m")
"""
SAID = [
    "at import",
    "past Python",
    r"\x3a:error::from a call",
    "to stderr",
    r"\x23#[error]from a program \u202e",
    "no line's end",
]


@pytest.fixture
def talks(planted: str, here: Path) -> str:
    (here / "talks.py").write_text(TALKS)
    return "talks"


def outputs(*arguments: str) -> tuple[str, str]:
    """What a command writes to standard output and to standard error."""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "gruverify", *arguments]
    done = run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    return done.stdout, done.stderr


def test_it_goes_to_standard_error_under_the_targets_name_and_the_json_is_whole(talks: str) -> None:
    stdout, stderr = outputs(
        "check", "talks:step", "--format", "f32", "--max-cases", "2", "--json", "-"
    )

    assert json.loads(stdout)["verdict"] == "conforms"
    assert {f"  talks:step | {said}" for said in SAID} <= set(stderr.splitlines())


@pytest.mark.thinned
@pytest.mark.parametrize(
    "command",
    [
        ("identify", "--format", "f32"),
        ("check", "--list"),
        ("check", "--format", "f32", "--max-cases", "1"),
    ],
)
def test_it_stands_in_no_line_of_ours(talks: str, command: tuple[str, ...]) -> None:
    stdout, stderr = outputs(*command, "talks:step")

    assert not any(said in stdout for said in SAID)
    assert "  talks:step | at import" in stderr.splitlines()


def test_what_it_raises_is_on_one_line_and_commands_nothing(talks: str) -> None:
    stdout, _ = outputs("check", "talks:raises", "--format", "f32", "--max-cases", "1")

    assert r"step raised ValueError: first\n::error::second\x1b[31m" in stdout
    assert not any(line.lstrip().startswith("::") for line in stdout.splitlines())
