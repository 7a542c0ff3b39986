"""gruverify diagnose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gruverify.reporting.diagnosis import diagnosis_schema

from ._invoke import gruverify, one_line

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def files(here: Path) -> Path:
    """The trained delay, its inputs, and those of others, in the current directory."""
    shutil.copy(DATA / "delay.npz", here)
    x = np.load(DATA / "delay.npz")["x"][:, :2]
    np.save("x.npy", x)
    np.save("bf.npy", x.swapaxes(0, 1))
    np.save("wide.npy", np.zeros((5, 2, 3)))
    np.save("none.npy", np.zeros((0, 2, 1)))
    x = x.copy()
    x[3, 1, 0] = np.nan
    np.save("nan.npy", x)
    return here


FIRST = ("delay.npz", "--time-first", "--inputs")
RUN = ("delay.npz", "--inputs", "x.npy", "--time-first")


def test_it_says_how_long_and_by_what_then_the_numbers(files: Path) -> None:
    result = gruverify("diagnose", *RUN, "--format", "bf16")

    assert result.exit_code == 0, result.output
    first, second, _, verdict, *rest = result.stdout.splitlines()
    assert first == "rnn: H=8, I=1, 1 layer, float32, reset after, keep (pytorch)"
    assert second == "inputs: x.npy, T=31, B=2"
    assert verdict == "remembers at least 31 steps, by 3 of 8 units that carry"
    text = "\n".join(rest)
    for heading in (
        "What the gates have to do with it\n  long memory is in active update gates: ",
        "In formats\n  safe in bfloat16 through all 31 steps: ",
        "What is left of a state after k steps\n‖∂h_t/∂h_(t-k)‖, the spectral norm; ",
        "Units, the longest memory first\n",
    ):
        assert heading in text
    assert all(len(line) <= 140 for line in rest)


def test_json_keeps_to_its_schema(files: Path) -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    result = gruverify("diagnose", *RUN, "--format", "f16", "--json", "-")
    written = gruverify("diagnose", *RUN, "--format", "f16", "--json", "found.json")

    found = json.loads(result.stdout)
    fastjsonschema.compile(diagnosis_schema())(found)
    assert json.loads(Path("found.json").read_text()) == found
    assert written.stdout.startswith("rnn: ")
    [layer] = found["layers"]
    assert layer["memory"]["carriers"] == [1, 2, 3]
    assert len(layer["by_lag"]["update_terms"]) == 31
    assert np.shape(layer["maps"]["z"]) == (8, 31)


def test_catches_a_document_that_breaks_its_schema() -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    check = fastjsonschema.compile(diagnosis_schema())

    with pytest.raises(fastjsonschema.JsonSchemaException):
        check({"schema": 1, "model": "m", "inputs": {}, "layers": []})


def test_the_page_has_the_same_in_words_and_pictures(files: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    result = gruverify("diagnose", *RUN, "--format", "bf16", "--report", "out")

    page = Path("out/index.html").read_text()
    assert result.stdout.endswith("report: out\nnext: open out/index.html\n")
    assert sorted(path.name for path in Path("out").iterdir()) == ["diagnosis.json", "index.html"]
    assert "remembers at least 31 steps, by 3 of 8 units that carry." in page
    assert page.count("<svg viewBox") == 6
    assert page.count("data:image/png;base64,") == 2
    assert " style=" not in page
    assert "Everything here is rendered from <code>diagnosis.json</code>" in page


def test_without_inputs_they_are_normal_and_it_is_said(files: Path) -> None:
    sizes = ("--steps", "5", "--members", "2", "--seed", "3", "--format", "f32")
    result = gruverify("diagnose", "delay.npz", *sizes)
    aloud = gruverify("diagnose", "delay.npz", "--inputs", "normal", *sizes)

    assert "\ninputs: standard normal, seed 3: record yours, T=5, B=2\n" in result.stdout
    assert aloud.stdout == result.stdout


@pytest.mark.uncounted
def test_batch_first_inputs_are_turned(files: Path) -> None:
    turned = ("delay.npz", "--inputs", "bf.npy", "--batch-first", "--format", "f32")

    found = gruverify("diagnose", *turned).stdout.replace("bf.npy", "x.npy")
    assert found == gruverify("diagnose", *RUN, "--format", "f32").stdout


def test_a_stack_has_a_verdict_for_each_layer_and_direction(here: Path) -> None:
    rng, arrays = np.random.default_rng(0), {}
    for layer, I in ((0, 2), (1, 6)):
        for way in ("", "_reverse"):
            arrays[f"weight_ih_l{layer}{way}"] = rng.normal(size=(9, I)).astype("f4")
            arrays[f"weight_hh_l{layer}{way}"] = rng.normal(size=(9, 3)).astype("f4")
    np.savez("w.npz", **arrays)
    result = gruverify("diagnose", "w.npz", "--steps", "6", "--members", "1", "--format", "f32")

    assert result.exit_code == 0, result.output
    for heading in (
        "layer 0, forward",
        "layer 0, backward",
        "layer 1, forward",
        "layer 1, backward",
    ):
        assert f"\n{heading}\n\nremembers " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*FIRST, "wide.npy"), "wide.npy: inputs has shape (5, 2, 3), expected (T, B, I) with I=1"),
        ((*FIRST, "none.npy"), "none.npy: inputs has shape (0, 2, 1): there is no step"),
        ((*FIRST, "nan.npy"), "nan.npy: inputs[t=3, b=1, i=0] is nan"),
        (("delay.npz", "--inputs", "x.npy"), "inputs has shape (31, 2, 1): say --time-first if"),
        (("delay.npz", "--inputs", "no.npy"), "no.npy: No such file"),
        (("delay.npz", "--steps", "0"), "steps=0 must be a whole number of 1 or more"),
        (("delay.npz", "--state", "x.npy"), "--state goes with recorded inputs"),
        ((*RUN, "--state", "x.npy"), "x.npy: state has shape (31, 2, 1), expected"),
        (("x.npy",), "x.npy: has no parameters of a GRU"),
        (("no.npz",), "no.npz: No such file"),
        (("torch",), "target 'torch' is given the weights of every case, and has none"),
        (("exec:mine",), "target 'exec:mine' is given the weights of every case"),
        (("no_such_module:model",), "there is no module 'no_such_module'"),
        (("word",), "target 'word' is not of the form pkg.module:object"),
        ((*RUN, "--json", "no/x.json"), "--json no/x.json: there is no directory no"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(files: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in one_line(gruverify("diagnose", *arguments))
