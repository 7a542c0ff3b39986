"""gruverify reach."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from ._invoke import gruverify, one_line

WEIGHTS = Path(__file__).parents[1] / "data" / "integrator.npz"
#: Few symbols: the models are small.
FEW = ("--generators", "200", "--roots", "16")


@pytest.fixture
def x(here: Path) -> Path:
    """x.npy, (8, 2, 1), and lo.npy and hi.npy, (8, 1), 0.02 apart."""
    with np.load(WEIGHTS) as file:
        xs = file["x"][:8, :2]
    np.save(here / "x.npy", xs)
    np.save(here / "lo.npy", xs[:, 0] - 0.01)
    np.save(here / "hi.npy", xs[:, 0] + 0.01)
    return here


def reach(*options: str, file: str = str(WEIGHTS)) -> tuple[int, str]:
    result = gruverify("reach", file, *FEW, *options)
    assert not result.stderr, result.stderr
    return result.exit_code, result.stdout


INPUTS = ("--inputs", "x.npy", "--time-first", "--radius", "0.01")


def test_an_enclosure_of_every_step(x: Path) -> None:
    code, text = reach(*INPUTS, "--head", "readout", "--json", "found.json", "--split", "2")

    assert code == 0
    assert "inputs within 0.01 of x.npy: 2 boxes, each in 2 pieces, T=8, computed in f" in text
    assert "y[0] in [" in text
    assert text.endswith("\nenclosed: 8 steps\n")
    found = json.loads((x / "found.json").read_text())
    assert (found["verdict"], found["silent_from"]) == ("proved", None)
    low, high = (np.array(found[end]) for end in ("low", "high"))
    assert low.shape == (8, 2, 8)
    assert (low < high).all()
    assert np.array(found["y_low"]).shape == (8, 2, 1)
    files = reach("--box", "lo.npy", "hi.npy", "--json", "-")
    np.testing.assert_allclose(np.array(json.loads(files[1])["low"])[:, 0], low[:, 0], atol=1e-3)


def test_what_is_proved_refuted_and_unknown(x: Path) -> None:
    proved = "--property", "y[0] > -9", "--property", "|h| <= 1"
    code, text = reach(*INPUTS, "--head", "readout", *proved)
    assert code == 0
    assert "proved   y[0] > -9: by at least" in text
    assert text.endswith("\nproved: 2 of 2\n")

    code, text = reach(*INPUTS, *proved[2:], "--property", "h[1] stays > 0.9", "--witness", "w.npz")
    assert code == 1
    assert "refuted  h[1] stays > 0.9: box 0, after step" in text
    assert "\nrefuted: 1 of 2\n" in text
    again = text.rpartition("again: gruverify reach ")[2].split(" --property ")[0].split()
    code, text = reach(*again[1:], "--property", "h[1] stays > 0.9", file=again[0])
    assert code == 1
    wrong = "--property", "y[0] > 9", "--witness", "w of y.npz", "--declare", "kappa_sigma=5"
    code, text = reach(*INPUTS, "--head", "readout", *wrong)
    assert code == 1
    again = shlex.split(text.rpartition("again: gruverify reach ")[2])
    code, text = reach(*again[1:], file=again[0])
    assert code == 1
    assert "refuted  y[0] > 9" in text

    found = json.loads(reach(*INPUTS, "--json", "-")[1])
    least = min(member[3] for member in found["low"][-1])
    code, text = reach(*INPUTS, "--property", f"h[3] > {least + 1e-7}")
    assert code == 6
    assert "where it may be missed by 1e-07" in text
    assert text.endswith("\nunknown: 1 of 1\n")


@pytest.mark.parametrize("short", ["bf16", "f16"])
def test_a_witness_is_judged_as_what_the_format_computes(x: Path, short: str) -> None:
    reach(*INPUTS, "--property", "h[0] > 2", "--witness", "w.npz", "--format", short)
    arrays = ("--inputs", "w.npz:inputs", "--outputs", "w.npz:outputs", "--state", "w.npz:state")
    judged = gruverify("judge", str(WEIGHTS), *arrays, "--time-first", "--format", short)
    assert judged.exit_code == 0, judged.output


def small(folder: Path, size: float) -> None:
    """w.npz, in float64, of weights of that size."""
    weights = {"weight_ih": np.full((6, 1), size), "weight_hh": np.full((6, 2), size)}
    biases = {"bias_ih": np.zeros(6), "bias_hh": np.zeros(6)}
    np.savez(folder / "w.npz", **weights, **biases)  # type: ignore[arg-type]


def test_for_ever_and_the_json_of_it(here: Path) -> None:
    small(here, 0.1)
    ever = ("--box", "-1", "1", "--steps", "4", "--property", "|h| <= 0.9 for ever")
    code, text = reach(*ever, file="w.npz")
    assert code == 0
    assert "the states are back in a box no wider than" in text
    code, text = reach(*ever, "--json", "-", "--state-box", "-0.1", "0.1", file="w.npz")
    answer = json.loads(text)["properties"][0]
    assert answer["verdict"] == "proved"
    assert answer["margin"] > 0
    assert "back in a box" in answer["how"]


def test_a_box_that_is_too_large(here: Path) -> None:
    code, text = reach("--box", "-9", "9", "--steps", "12")
    assert code == 6
    assert "nothing is claimed from step" in text
    assert text.endswith("\nnothing claimed\n")
    small(here, 100.0)
    code, text = reach("--box", "1e307", "1e308", "--steps", "2", "--json", "-", file="w.npz")
    assert code == 6
    assert json.loads(text)["low"][1][0][0] is None


def test_a_picture_of_it(x: Path) -> None:
    pytest.importorskip("matplotlib")
    reach(*INPUTS, "--plot", "p.svg")
    reach(*INPUTS, "--plot", "y.svg", "--head", "readout")
    assert (x / "p.svg").read_text().startswith("<?xml")
    assert "--plot p.xyz" in one_line(gruverify("reach", str(WEIGHTS), *INPUTS, "--plot", "p.xyz"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give recorded inputs and a radius, or a box of LOW and HIGH"),
        (("--inputs", "x.npy", "--radius", "0.1"), "say --time-first"),
        ((*INPUTS, "--radius", "nan"), "--radius nan: must be a number of 0 or more"),
        ((*INPUTS, "--steps", "0"), "steps=0: give at least 1"),
        ((*INPUTS, "--box", "0", "1"), "or a box of LOW and HIGH: not both"),
        (("--box", "1", "0", "--steps", "3"), "LOW 1 of the input box is above HIGH 0"),
        (("--box", "nan", "0", "--steps", "3"), "LOW of the input box is nan"),
        (("--box", "no.npy", "0", "--steps", "3"), "--box no.npy: is not a number, and no.npy: No"),
        ((*INPUTS, "--property", "h is good"), "property 'h is good' is not one"),
        (
            (*INPUTS, "--head", "none"),
            "'none' is not a linear layer of the model: there is readout",
        ),
        ((*INPUTS, "--format", "f32,f16"), "it is computed in one format"),
        ((*INPUTS, "--declare", "kapa=3"), "kapa declares nothing of accuracy"),
        ((*INPUTS, "--max-memory", "1e-9"), "more than --max-memory 1e-09"),
        ((*INPUTS, "--witness", "w.txt"), "--witness w.txt: name a file that ends in .npz"),
        ((*INPUTS, "--json", "no/x.json"), "there is no directory no"),
        ((*INPUTS, "--split", "5"), "split=5 must be 1, 2, 4, 8"),
    ],
)
def test_a_users_mistake_is_one_line(x: Path, options: tuple[str, ...], message: str) -> None:
    assert message in one_line(gruverify("reach", str(WEIGHTS), *options))


def test_a_model_that_is_no_gru(x: Path) -> None:
    np.savez(x / "lstm.npz", weight_ih=np.zeros((8, 1)), weight_hh=np.zeros((8, 2)))
    assert "an LSTM has four" in one_line(gruverify("reach", "lstm.npz", *INPUTS))
    assert "has no parameters of a GRU" in one_line(gruverify("reach", "x.npy", *INPUTS))
    assert "none.npz: No such file" in one_line(gruverify("reach", "none.npz", *INPUTS))
    unknown = one_line(gruverify("reach", "no_such_package:model", *INPUTS))
    assert "no_such_package" in unknown
