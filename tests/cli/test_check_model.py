"""gruverify check MODEL.onnx@RUNTIME."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify.cli._check_model import names_a_model

from ..runtimes.test_check_file import model
from ._invoke import gruverify, one_line

KAPPA = ("--declare", "kappa_sigma=5")


@pytest.fixture
def folder(here: Path) -> Path:
    """The current directory, with a model of one GRU node and runtimes for it."""
    shutil.copy(Path(__file__).parents[1] / "runtimes/_runtimes.py", here / "mine.py")
    model(here / "a.onnx")
    return here


def test_a_right_runtime_exits_with_0(folder: Path) -> None:
    result = gruverify("check", "a.onnx@mine:right", *KAPPA, "--json", "found.json")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "a.onnx in mine:right"
    assert lines[-1] == "conforms (1 GRU node, 26 inputs in all)"
    found = json.loads((folder / "found.json").read_text())
    assert (found["verdict"], found["runtime"]) == ("conforms", "mine:right")
    [node] = found["nodes"]
    assert all(one["verdict"] == "passed" for one in node["inputs"])
    assert not (folder / "reports").exists()


def test_a_wrong_one_exits_with_1_says_why_and_leaves_a_witness_that_anybody_can_run(
    folder: Path,
) -> None:
    result = gruverify("check", "a.onnx@mine:before", *KAPPA, "-v")

    assert result.exit_code == 1
    assert re.search(r"gru_of_y failed on \d+ of 26 inputs; the smallest:", result.stdout)
    assert "this explains all of it: reset gate applied before the product" in result.stdout
    saved = folder / "reports/witnesses/a-gru-of-y"
    given = dict(np.load(saved.with_suffix(".npz")))
    assert set(given) == {"X", "initial_h", "sequence_lens"}
    # The witness is run again with its states and lengths, which --inputs takes of the same file.
    file = f"{saved.with_suffix('.onnx')}@mine:before"
    options = ("--inputs", f"{saved}.npz", "--max-cases", "1", "--json", "-")
    again = json.loads(gruverify("check", file, *KAPPA, *options).stdout)
    first, *others = again["nodes"][0]["inputs"]
    assert (first["sizes"], first["verdict"]) == ({"T": 1, "B": 1}, "failed")
    assert len(others) == 17


@pytest.mark.uncounted
def test_one_that_ends_its_process_is_one_line(folder: Path) -> None:
    assert "process" in one_line(gruverify("check", "a.onnx@mine:ends"), code=4)


@pytest.mark.uncounted
def test_inputs_of_a_file_come_first(folder: Path) -> None:
    np.save(folder / "x.npy", np.ones((4, 2), np.float32))

    result = gruverify(
        "check",
        "a.onnx@mine:right",
        *KAPPA,
        "--inputs",
        "x.npy",
        "--gru",
        "gru_of_y",
        "--json",
        "-",
    )

    [node] = json.loads(result.stdout)["nodes"]
    first = node["inputs"][0]
    assert first["about"] == "the inputs of x.npy"
    assert first["sizes"] == {"T": 4, "B": 1}


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"state": (2, 2, 3)}, "states have shape (2, 2, 3), expected (L·D, B, H) = (1, 2, 3)"),
        ({"lengths": [4]}, "lengths are int64 of shape (1,), expected whole numbers, (B,) = (2,)"),
        ({"lengths": [4, 5]}, "a length is below 0 or above T=4"),
    ],
)
def test_states_and_lengths_beside_inputs_must_fit(
    folder: Path, arrays: dict[str, Any], message: str
) -> None:
    beside = {k: np.ones(v, "f4") if k == "state" else np.array(v) for k, v in arrays.items()}
    np.savez(folder / "x.npz", X=np.ones((4, 2, 2), "f4"), **beside)

    assert message in one_line(gruverify("check", "a.onnx@mine:right", "--inputs", "x.npz"))


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a.onnx@onnxruntim",), 2, "runtime 'onnxruntim' is unknown: did you mean onnxruntime?"),
        (
            ("a.onnx@tvm",),
            2,
            "choose from onnxruntime, openvino, openvino:f32, tract, onnx, litert,",
        ),
        (("a.tflite@litert",), 2, "a.tflite has no GRU nodes: check it as a whole, with --weights"),
        (("a.onnx@mine:wrong",), 2, "mine has no 'wrong'"),
        (("a.onnx@mine:np",), 2, "runtime 'mine:np' is not a function of (model, inputs)"),
        (("b.onnx@mine:right",), 2, "b.onnx: No such file or directory"),
        (("b.tflite@litert",), 2, "b.tflite: No such file or directory"),
        (("b.tflite@litert", "--weights", "w.npz"), 2, "b.tflite: No such file or directory"),
        (("a.onnx@mine:right", "--gru", "x"), 2, "a.onnx has no GRU node 'x': it has gru_of_y"),
        (("a.onnx@mine:right", "--profile", "quick"), 2, "--profile does not apply to a model"),
        (("a.onnx@mine:right", "--declare", "kapa=5"), 2, "kapa"),
        (("a.onnx@mine:right", "--inputs", "a.onnx"), 2, "a.onnx"),
        (("numpy", "--gru", "x"), 2, "--gru is for a model in a runtime"),
    ],
)
def test_a_users_mistake_is_one_line(
    folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (folder / "a.tflite").touch()

    assert message in one_line(gruverify("check", *arguments), code)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weights", "w.npz"), "with --weights, say --time-first if the model's sequence is"),
        (("--activations", "sigmoid,relu"), "--activations says something of --weights, which"),
        (("--layout", "keras"), "--layout says something of --weights, which is not given"),
        (("--batch-first",), "--batch-first and --time-first go with --weights"),
        (("--port", "input=x"), "--port input=x: must be ROLE=NAME, and ROLE one of sequence"),
        (("--weights", "b.npz", "--time-first"), "b.npz: No such file or directory"),
    ],
)
def test_what_is_said_of_a_whole_model_must_fit(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in one_line(gruverify("check", "a.onnx@mine:right", *arguments), 2)


def test_other_targets_have_no_weights() -> None:
    assert "--weights is for a model in a runtime" in one_line(
        gruverify("check", "numpy", "--weights", "w.npz"), 2
    )


@pytest.mark.uncounted
def test_a_whole_model_is_checked_against_weights_of_a_file(folder: Path) -> None:
    from ..runtimes import _models

    _models.scan(folder / "scan.onnx")
    np.savez(folder / "w.npz", **_models.WEIGHTS)
    np.save(folder / "x.npy", np.ones((2, 4, _models.I), np.float32))
    arguments = ("check", "scan.onnx@onnx", "--weights", "w.npz", "--inputs", "x.npy", *KAPPA)

    result = gruverify(*arguments, "--time-first", "--json", "-")

    found = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"]) == (0, "conforms")
    [whole] = found["nodes"]
    assert (whole["kind"], whole["outputs"]) == ("whole", ["y", "hn"])
    assert whole["inputs"][0]["sizes"] == {"T": 2, "B": 4}


def test_a_runtime_that_is_not_there_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tract", None)
    monkeypatch.delitem(sys.modules, "gruverify.backends.world._tract", raising=False)
    from gruverify.backends import TargetUnavailable
    from gruverify.runtimes import check_file

    with pytest.raises(TargetUnavailable, match=r"pip install tract==[\d.]+ onnx==[\d.]+"):
        check_file("a.onnx", "tract")


@pytest.mark.parametrize(
    ("target", "is_a_model"),
    [
        ("a.onnx@onnxruntime", True),
        ("models/A.ONNX@mine:right", True),
        ("a.tflite@litert", True),
        ("torch:GRU@cuda", False),
        ("torch:onnx@cpu", False),
        ("mypkg.mod:holder.onnx@cuda", False),
        ("exec:run a.onnx@b", False),
    ],
)
def test_a_model_in_a_runtime_is_told_from_an_object_on_a_device(
    target: str, is_a_model: bool
) -> None:
    assert names_a_model(target) == is_a_model


def test_a_file_that_is_there_is_a_model_whatever_it_is_called(here: Path) -> None:
    (here / "mod:a.onnx").touch()

    assert names_a_model("mod:a.onnx@cuda")
