"""The main job, end to end: a right GRU conforms, a broken one falls with a witness that replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gruverify.cli import main

pytestmark = pytest.mark.thorough

BROKEN = """
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates(cell, x, h):
    gi, gh = np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, 1), np.split(h @ cell.weight_hh.T + cell.bias_hh, 3, 1)
    return sigmoid(gi[0] + gh[0]), sigmoid(gi[1] + gh[1]), gi[2], gh[2]


def right(cell, x, h):
    r, z, n_i, n_h = gates(cell, x, h)
    return (1 - z) * np.tanh(n_i + r * n_h) + z * h


def inverted(cell, x, h):
    r, z, n_i, n_h = gates(cell, x, h)
    return z * np.tanh(n_i + r * n_h) + (1 - z) * h


def outside(cell, x, h):
    r, z, n_i, n_h = gates(cell, x, h)
    b = cell.bias_hh[2 * h.shape[1] :]
    return (1 - z) * np.tanh(n_i + r * (n_h - b) + b) + z * h


def half(cell, x, h):
    return right(cell, x, h).astype(np.float16).astype(h.dtype)
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of GRUs in the current directory, under a name of its own for each test."""
    name = f"grus_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_numpy_conforms() -> None:
    result = run("check", "numpy", "--max-cases", "8", "--format", "f32", "--jobs", "1")

    assert result.exit_code == 0
    assert "conforms" in result.output


def test_torch_conforms() -> None:
    pytest.importorskip("torch")

    result = run("check", "torch", "--max-cases", "8", "--format", "f32,f64", "--jobs", "1")

    assert result.exit_code == 0


#: Enough to fall on, and quickly shrunk: all families together are tested where the engine is.
ONLY = ("--only", "agreement", "--only", "bounds")


@pytest.mark.parametrize("fault", ["inverted", "outside", "half"])
def test_a_broken_gru_falls_with_a_small_witness_that_replays(target: str, fault: str, tmp_path: Path) -> None:
    result = run(
        "check", f"{target}:{fault}", "--max-cases", "8", "--format", "f32", "--jobs", "1", "--witnesses", "w", *ONLY
    )

    assert result.exit_code == 1
    witnesses = sorted((tmp_path / "w").glob("*.json"))
    assert witnesses
    for witness in witnesses:
        assert json.loads(witness.read_text())["sizes"]["H"] <= 3
        assert run("replay", str(witness)).exit_code == 1
        assert run("replay", str(witness), "--target", f"{target}:right").exit_code == 0


def test_the_same_seed_gives_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = []
    for name in ("one.json", "two.json"):
        run("check", "numpy", "--max-cases", "2", "--seed", "1", "--json", name, "--jobs", "1")
        document = json.loads((tmp_path / name).read_text())
        del document["timing"]
        texts.append(json.dumps(document))

    assert texts[0] == texts[1]
