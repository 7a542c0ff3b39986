"""gruverify export-cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
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


@pytest.mark.uncounted
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
        (["x", "--as", "onnx", "--update", "replace"], "--as onnx: its GRU has --update keep"),
        (["x", "--as", "onnx", "--biases", "input"], "--as onnx: its GRU has --update keep"),
        (["x", "--as", "onnx", "--masks"], "--masks: these cases are drawn, and written as json"),
        (["x", "--masks", "--stack-masks"], "--stack-masks: cases of one layer, with --masks or"),
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


def test_cases_of_weights_of_ones_own(here: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
    arrays = {f"{name}_l0": rng.normal(size=shape).astype("f4") for name, shape in shapes.items()}
    np.savez("w.npz", **arrays)  # type: ignore[arg-type]

    result = gruverify("export-cases", "mine", "--weights", "w.npz", "--max-cases", "1")

    assert result.stdout == "mine: 8 cases in 10 files, listed in index.json\n"
    for file in ("own-000.json", "own-002.json", "drawn-000.json"):
        case = json.loads((here / "mine" / file).read_text())
        given = case["parameters"]["weight_hh_l0"]["data"]
        assert given == arrays["weight_hh_l0"].ravel().tolist()
        assert (case["lengths"] is None) == (file != "own-002.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gru", "x"), "--gru says something of --weights, which is not given"),
        (("--weights", "w.npz", "--format", "f64"), "--format is not for --weights"),
        (("--weights", "w.npz", "--biases", "none"), "--biases is not for --weights"),
        (("--weights", "w.npz"), "w.npz: No such file or directory"),
        (("--as", "webnn", "--format", "bf16"), "--as webnn: WebNN has --format f16 or f32"),
    ],
)
def test_what_does_not_go_with_weights_is_one_line(
    here: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in one_line(gruverify("export-cases", "mine", *arguments), 2)


@pytest.mark.uncounted
def test_cases_of_weights_whose_layers_are_grus_of_their_own(here: Path) -> None:
    shapes = {"weight_ih": (9, 3), "weight_hh": (9, 3), "bias_ih": 9, "bias_hh": 9}
    arrays = {f"gru{k}.{n}_l0": np.full(s, 0.1, "f4") for k in (0, 1) for n, s in shapes.items()}
    np.savez("two.npz", **arrays)  # type: ignore[arg-type]
    export = ("export-cases", "mine", "--weights", "two.npz", "--max-cases", "1")

    assert one_line(gruverify(*export), 2).startswith("two.npz has 2 GRUs, pick one with --gru")
    assert gruverify(*export, "--layers", "gru1,gru0").exit_code == 0
    case = json.loads(next((here / "mine").glob("*[0-9].json")).read_text())
    assert case["sizes"]["L"] == 2


def test_cases_of_weights_are_no_node_tests(here: Path) -> None:
    np.savez("w.npz", weight_ih=np.ones((3, 1), "f4"), weight_hh=np.ones((3, 1), "f4"))

    for kind in ("onnx", "webnn"):
        message = one_line(gruverify("export-cases", "mine", "--as", kind, "--weights", "w.npz"), 2)
        assert "cases of --weights are written as json, npz or safetensors" in message


def test_webnns_tests_are_written(here: Path) -> None:
    result = gruverify("export-cases", "w", "--as", "webnn", "--max-cases", "0", "--reset", "after")

    assert result.exit_code == 0
    names = [one["name"] for one in json.loads((here / "w/index.json").read_text())["cases"]]
    assert len(list((here / "w").glob("webnn_gru_lbr1_*.json"))) == len(names) > 10
