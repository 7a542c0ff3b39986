"""gruverify accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ._invoke import gruverify, one_line


def test_targets_stand_side_by_side_and_are_written_and_drawn(planted: str, here: Path) -> None:
    result = gruverify(
        *("accuracy", "numpy", f"{planted}:right", "--format", "f16,f32", "--cases", "2"),
        *("--json", "found.json", "--plot", "found.svg", "--witnesses", "worst"),
    )

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1] == "float32: errors in ulp; of answers in units of roundoff"
    assert [line.split()[:2] for line in lines[3:13:5]] == [
        ["numpy", "σ"],
        [f"{planted}:right", "σ"],
    ]
    found = json.loads((here / "found.json").read_text())
    assert {(one["target"], one["format"]) for one in found} == {
        (target, fmt) for target in ("numpy", f"{planted}:right") for fmt in ("float16", "float32")
    }
    assert all(one["functions"][0]["worst"] < 4 for one in found)
    numpy = next(one for one in found if one["target"] == "numpy")
    assert 0 < numpy["sequence_vjp"]["median"] < numpy["sequence_vjp"]["worst"] < 100
    assert found[-1]["sequence_vjp"] is None  # a step alone has none
    saved = here / "worst" / "numpy-agreement-jacobian-state-float32.json"
    assert "holds on this case" in gruverify("replay", str(saved)).stdout
    assert "<svg" in (here / "found.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nympy",), 2, "did you mean numpy?"),
        (("numpy", "--plot", "a.xyz", "--format", "f16", "--cases", "1"), 2, "--plot a.xyz"),
    ],
)
def test_a_users_mistake_is_one_line(
    here: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in one_line(gruverify("accuracy", *arguments), code)


def test_a_folder_that_takes_no_witness_is_one_line_and_the_figures_stand(here: Path) -> None:
    (here / "file").touch()
    options = ("--format", "bf16", "--cases", "1", "--witnesses", "file/below")

    result = gruverify("accuracy", "numpy", *options)

    assert result.exit_code == 2
    assert result.stderr.count("witness not saved to file/below/") == 1
    assert "step_jacobian" in result.stdout
