"""gruverify export-cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ._invoke import gruverify, one_line


@pytest.mark.usefixtures("here")
def test_a_folder_has_the_cases_their_index_and_their_schema() -> None:
    run = gruverify("export-cases", "cases", "--max-cases", "1", "--seed", "3", "--format", "f16")

    assert run.exit_code == 0, run.output
    assert run.stdout == "cases: 13 cases in 15 files, listed in index.json\n"
    index = json.loads(Path("cases/index.json").read_text())
    names = {path.name for path in Path("cases").iterdir()}
    files = {file for case in index["cases"] for file in case["files"]}
    assert names == files | {"index.json", "case.schema.json"}
    assert (index["seed"], index["format"]) == (3, "float16")
    assert "hypothesis" in index["versions"]
    assert all(0 <= case["claimed"] <= case["numbers"] for case in index["cases"])
    assert [path.name for path in Path().iterdir()] == ["cases"]


@pytest.mark.usefixtures("here")
def test_what_is_declared_widens_the_bounds() -> None:
    for folder, *declared in (("a",), ("b", "--declare", "kappa=64")):
        gruverify("export-cases", folder, "--max-cases", "0", *declared)

    bounds = [
        json.loads(Path(folder, "boundary-000.json").read_text())["bounds"]["outputs"]["data"]
        for folder in "ab"
    ]

    assert bounds[0][0] < bounds[1][0]


@pytest.mark.usefixtures("here")
def test_node_tests_are_folders_and_nothing_is_written_over_without_force() -> None:
    arguments = ("export-cases", "node", "--as", "onnx", "--max-cases", "0", "--biases", "none")

    run = gruverify(*arguments, "--reset", "after")

    assert run.exit_code == 0, run.output
    [case, *_] = json.loads(Path("node/index.json").read_text())["cases"]
    assert all(Path("node", file).stat().st_size for file in case["files"])
    assert one_line(gruverify(*arguments)) == (
        "node is there, and not empty: --force writes over its files"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--format", "f32,f64"], "--format f32,f64: cases are of one format"),
        (["x", "--as", "onnx", "--update", "replace"], "--as onnx: ONNX' GRU has --update keep"),
        (["x", "--as", "onnx", "--biases", "input"], "--as onnx: ONNX' GRU has --update keep"),
        (["x", "--as", "xml"], "--as xml: must be json or npz or safetensors or onnx"),
        (["x", "--declare", "kapa=3"], "--declare: kapa declares nothing of accuracy"),
        (["x", "--declare", "kappa=-3"], "--declare: kappa="),
        (["y/x"], "y/x: there is no directory"),
        (["file"], "file: is a file; name a folder"),
    ],
)
def test_what_is_wrong_fits_on_one_line_and_nothing_is_written(
    arguments: list[str], message: str, here: Path
) -> None:
    (here / "file").write_text("")

    assert message in one_line(gruverify("export-cases", *arguments, "--max-cases", "0"))
    assert [path.name for path in here.iterdir()] == ["file"]
