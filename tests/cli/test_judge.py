"""gruverify judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Variant
from gruverify.backends import NumpyBackend

from ._invoke import gruverify, one_line

KAPPA = ("--declare", "kappa_sigma=5")


@pytest.fixture
def files(here: Path) -> Path:
    """Weights w.npz, inputs x.npy (T=12, B=2, I=2) and outputs y.npy of NumPy in the current
    directory.
    """
    rng = np.random.default_rng(0)
    shapes = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    x, h = (
        rng.normal(size=(12, 2, 2)).astype(np.float32),
        rng.uniform(-1, 1, (2, 3)).astype(np.float32),
    )
    y = NumpyBackend().sequence(Cell(Variant(), **arrays), x, h)[0]
    np.savez(here / "w.npz", **{f"rnn.{name}_l0": array for name, array in arrays.items()})  # type: ignore[arg-type]
    for name, array in {"x": x, "h": h, "y": y}.items():
        np.save(here / f"{name}.npy", array)
    return here


RUN = ("w.npz", "--inputs", "x.npy", "--outputs", "y.npy", "--state", "h.npy", "--time-first")


def test_rounding_exits_with_0_and_says_how_accurate(files: Path) -> None:
    result = gruverify("judge", *RUN, *KAPPA)

    assert result.exit_code == 0, result.output
    first, _, sizes, verdict, worst = result.stdout.splitlines()
    assert first == "rnn: H=3, I=2, 1 layer, float32, reset after, keep (pytorch)"
    assert sizes == "y.npy: L=1, D=1, H=3, I=2, B=2, T=12, judged in float32"
    assert (
        verdict == "rounding: all 72 numbers are within their bounds, of which 72 claim something"
    )
    assert worst.startswith("  worst: t=")
    assert " ulp, 0." in worst


def test_catches_functions_that_the_run_has_not(files: Path) -> None:
    result = gruverify("judge", *RUN, *KAPPA, "--activations", "hard_sigmoid(1/6, 0.5),tanh")

    assert result.exit_code == 1
    assert "1 layer, hard_sigmoid x/6 + 0.5 and tanh, float32" in result.stdout
    assert "its activations are ignored: it has sigmoid and tanh" in result.stdout


def test_the_functions_that_the_run_has_change_nothing(files: Path) -> None:
    said = gruverify("judge", *RUN, *KAPPA, "--activations", "sigmoid,tanh")

    assert said.exit_code == 0
    assert said.stdout.splitlines()[1:] == gruverify("judge", *RUN, *KAPPA).stdout.splitlines()[1:]


def test_masks_are_files_and_what_is_done_instead_is_named(files: Path) -> None:
    x, h, y = (np.load(files / f"{name}.npy") for name in "xhy")
    keep = np.arange(12)[:, None] % 3 == [[1, 2]]
    np.savez(files / "masks.npz", keep=keep, is_init=np.zeros((12, 2), bool))
    with np.load(files / "w.npz") as weights:
        cell = Cell(Variant(), *weights.values())
    for t in range(12):
        h = np.where(keep[t][:, None], h, NumpyBackend().step(cell, x[t], h))
        y[t] = np.where(keep[t][:, None], np.float32(0), h)
    np.save(files / "y.npy", y)
    masks = ["--keep", "masks.npz", "--restart", "masks.npz"]

    right = gruverify("judge", *RUN, *KAPPA, *masks, "--zero-outputs")
    wrong = gruverify("judge", *RUN, *KAPPA, *masks)
    two = gruverify("judge", *RUN, "--outputs", "y.npy", *masks)

    assert right.exit_code == 0, right.output
    assert wrong.exit_code == 1
    assert (
        "explains all of it: the outputs of masked steps are 0, and not the state" in wrong.stdout
    )
    assert "--keep is about one run: give --outputs once" in one_line(two, 2)


def test_functions_that_are_not_modelled_are_a_mistake(files: Path) -> None:
    message = one_line(gruverify("judge", *RUN, "--activations", "gelu,tanh"), 2)

    assert "--activations: gelu is not modelled here: choose from sigmoid, tanh, relu" in message


def test_catches_a_bug_and_names_the_reading(files: Path) -> None:
    result = gruverify("judge", *RUN, "--reset", "before", "--json", "found.json")

    found = json.loads((files / "found.json").read_text())["outputs"][0]
    assert result.exit_code == 1
    assert "\nbug: " in result.stdout
    assert " of 72 numbers are beyond their bounds\n  first: t=0, member " in result.stdout
    assert "\n  this explains all of it: reset gate applied after the product\n" in result.stdout
    assert (found["verdict"], found["first"]["step"], found["sizes"]["T"]) == ("bug", 0, 12)
    assert found["cause"]["words"] == "reset gate applied after the product"


@pytest.mark.uncounted
def test_undecidable_exits_with_6_and_says_what_would_decide(files: Path) -> None:
    np.save("y.npy", np.load("y.npy").astype(np.float16).astype(np.float32))

    result = gruverify("judge", *RUN, *KAPPA)

    assert result.exit_code == 6
    assert "\nundecidable: " in result.stdout
    assert "rounded to float16 before they were recorded" in result.stdout


def test_two_outputs_are_judged_and_compared_and_drawn(files: Path) -> None:
    pytest.importorskip("matplotlib")
    other = np.load("y.npy")
    other[11, 0, 0] = np.nextafter(other[11, 0, 0], np.float32(0))
    np.save("z.npy", other)

    result = gruverify(
        "judge", *RUN, "--outputs", "z.npy", *KAPPA, "--plot", "apart.svg", "--json", "-"
    )

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [one["verdict"] for one in found["outputs"]] == ["rounding", "rounding"]
    assert found["distance"]["part"] == [11, 0, 0]
    assert len(found["distance"]["explained"]) == 12
    assert (files / "apart.svg").read_text().startswith("<?xml")
    printed = gruverify("judge", *RUN, "--outputs", "z.npy", *KAPPA).stdout
    assert "\nthey part at t=11 (member 0, column 0), and are at most " in printed
    assert printed.endswith("is explained by rounding\n")


def test_arrays_of_one_file_are_found_by_their_names_and_lengths_are_listed(files: Path) -> None:
    y = np.load("y.npy").swapaxes(0, 1)
    y[1, 5:] = np.nan
    x, h, n = np.load("x.npy").swapaxes(0, 1), np.load("h.npy"), np.array([12, 5])
    np.savez("run.npz", x=x, state=h, mine=y)
    np.savez("all.npz", x=x, state=h, mine=y, lengths=n)
    np.save("n.npy", n)
    own = ("--state", "h.npy", "--lengths", "n.npy")

    for file, more in (
        ("run.npz", ("--state", "run.npz", "--lengths", "12,5")),
        ("run.npz", ("--lengths", "n.npy")),
        ("all.npz", ()),
        ("all.npz", own),
    ):
        arrays = ("--inputs", file, "--outputs", f"{file}:mine")
        result = gruverify("judge", "w.npz", *arrays, *more, "--batch-first", *KAPPA)
        assert result.exit_code == 0, result.output
        assert "all 51 numbers" in result.stdout


def test_grus_of_a_file_may_be_the_layers_of_one(files: Path) -> None:
    rng = np.random.default_rng(1)
    shapes = {"weight_ih": (9, 3), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
    above = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    both = {**np.load("w.npz")} | {f"rnn2.{name}_l0": array for name, array in above.items()}
    np.savez("two.npz", **both)  # type: ignore[arg-type]
    cell = Cell(Variant(), **above)
    zeros = np.zeros((2, 3), np.float32)
    below = np.load("y.npy")
    np.save("h2.npy", np.stack([np.load("h.npy"), zeros]))
    np.save("y2.npy", np.stack([below, NumpyBackend().sequence(cell, below, zeros)[0]]))
    run = ("two.npz", "--inputs", "x.npy", "--outputs", "y2.npy", "--state", "h2.npy")

    for layers in ("all", "rnn,rnn2"):
        result = gruverify("judge", *run, "--time-first", "--layers", layers, *KAPPA)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("rnn: H=3, I=2, 2 layers, float32")
    wrong = one_line(gruverify("judge", *run, "--time-first", "--layers", "rnn,lstm"))
    assert wrong.startswith("two.npz: --layers rnn,lstm: there is no GRU called 'lstm'")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--gru", "lstm"], "w.npz: has no GRU called 'lstm': it has 'rnn'"),
        (
            ["--outputs", "x.npy"],
            "x.npy: outputs has shape (12, 2, 2), expected (T, B, H) with T=12, B=2, H=3",
        ),
        (
            ["--inputs", "y.npy"],
            "y.npy: inputs has shape (12, 2, 3), expected (T, B, I) with I=2, the columns of",
        ),
        (["--inputs", "no.npy"], "no.npy: No such file or directory"),
        (
            ["--layout", "keras"],
            "w.npz: has no parameters of a GRU under keras's names; it has rnn.weight_ih_l0 (9",
        ),
        (
            ["--layout", "caffe"],
            "--layout caffe: must be pytorch or keras or onnx or flax or nnx or equinox or mlx",
        ),
        (["--declare", "kappa"], "--declare kappa: must be NAME=VALUE, e.g. kappa_sigma=5"),
        (["--declare", "kappa=x"], "kappa='x' must be a number"),
        (
            ["--declare", "shapes=few"],
            "shapes declares nothing of accuracy: choose from kappa, kappa_sigma",
        ),
        (["--format", "f32,f64"], "--format f32,f64: a run is computed in one format"),
        (["--plot", "p.png"], "--plot draws how far two outputs are apart: give --outputs twice"),
        (["--lengths", "1.5,2"], "--lengths 1.5,2: neither whole numbers with commas between them"),
        (["--lengths", "1,13"], "lengths must be whole numbers from 0 to T=12, and not [1, 13]"),
        (["--outputs", "y.npy", "--outputs", "y.npy"], "--outputs was given 3 times"),
    ],
)
def test_a_mistake_is_one_line(files: Path, changes: list[str], message: str) -> None:
    given = list(RUN)
    if changes[0] in given and changes.count("--outputs") < 2:
        at = given.index(changes[0])
        del given[at : at + 2]

    assert message in one_line(gruverify("judge", *given, *changes))


def test_it_is_asked_which_axis_is_the_batch_and_which_gru_is_meant(files: Path) -> None:
    arrays: dict[str, Any] = dict(np.load("w.npz"))
    np.savez("two.npz", **arrays, **{f"b.{name}": array for name, array in arrays.items()})

    axes = one_line(gruverify("judge", *RUN[:-1]))
    several = one_line(gruverify("judge", "two.npz", *RUN[1:]))

    assert axes.startswith(
        "inputs has shape (12, 2, 2): say --time-first if that is (T, B, I), or --batch-first"
    )
    assert several.startswith("two.npz has 2 GRUs, pick one with --gru: rnn: H=3, ")


def test_a_plot_of_no_kind_is_one_line(files: Path) -> None:
    pytest.importorskip("matplotlib")
    result = gruverify("judge", *RUN, "--outputs", "x.npy:y.npy", "--plot", "p.txt")
    assert result.exit_code == 2
    two = gruverify("judge", *RUN, "--outputs", "y.npy", "--plot", "p.txt", *KAPPA)
    assert two.exit_code == 2
    assert "--plot p.txt: " in two.stderr


def test_the_json_keeps_to_its_schema(files: Path) -> None:
    fastjsonschema = pytest.importorskip("fastjsonschema")
    from gruverify.reporting import JUDGE_SCHEMA

    valid = fastjsonschema.compile(JUDGE_SCHEMA)
    y = np.load(files / "y.npy")
    y[3, 0, 0] = np.nan
    np.save(files / "z.npy", y)
    for more in ((), ("--reset", "before"), ("--outputs", "z.npy")):
        valid(json.loads(gruverify("judge", *RUN, *KAPPA, *more, "--json", "-").stdout))
    with pytest.raises(fastjsonschema.JsonSchemaException):
        valid({"kind": "gruverify judge"})
