"""A program as the target of pytest."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from ._runs import inside, outcomes

GRU = Path(__file__).parents[2] / "examples/exec/gru.py"
FEW = ("--gru-formats", "f32", "--gru-profile", "quick", "--gru-only", "agreement/step")


@pytest.mark.slow
def test_a_program_conforms_and_its_version_is_reported(pytester: pytest.Pytester) -> None:
    target = f"exec:{shlex.join([sys.executable, '-S', '-E', str(GRU)])}"
    (pytester.path / "pyproject.toml").write_text("[tool.gruverify]\npatience = 60\nmemory = 1\n")

    run = inside(pytester, "--gru-target", target, *FEW, "--gru-report", "report")

    assert outcomes(run) == {"passed": 1}
    found = (pytester.path / "report/result.json").read_text()
    assert '"program": "a GRU in plain Python 1.0"' in found


def test_a_command_that_is_none_is_one_error(pytester: pytest.Pytester) -> None:
    run = inside(pytester, "--gru-target", "exec:no-such-gru", *FEW)

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --gru-target: target 'exec:no-such-gru' cannot be used*"])


@pytest.mark.parametrize("line", ["patience = 0", "memory = nan"])
def test_a_limit_that_is_none_is_one_error(pytester: pytest.Pytester, line: str) -> None:
    (pytester.path / "pyproject.toml").write_text(f"[tool.gruverify]\n{line}\n")

    run = inside(pytester, "--gru-target", "numpy", *FEW)

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: gruverify: {line} must be a number above 0"])
