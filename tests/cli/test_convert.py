"""gruverify convert."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gruverify.models import read_grus

from ._invoke import gruverify, one_line


@pytest.fixture
def weights(here: Path) -> Path:
    """A GRU of two units, three inputs and two layers, in w.npz in the current directory."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (6, 3), "weight_hh_l0": (6, 2), "weight_ih_l1": (6, 2)}
    shapes |= {"weight_hh_l1": (6, 2)}
    shapes |= {f"bias_{side}_l{layer}": (6,) for side in ("ih", "hh") for layer in (0, 1)}
    arrays = {f"rnn.{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    np.savez(here / "w.npz", **arrays)  # type: ignore[arg-type]
    return here


def test_weights_go_to_keras_and_back_as_layers_of_one(weights: Path) -> None:
    there = gruverify("convert", "w.npz", "k.npz", "--to-layout", "keras")
    back = gruverify(
        "convert", "k.npz", "b.json", "--to-layout", "pytorch", "--layers", "all", "--as", "enc"
    )

    assert (there.exit_code, back.exit_code) == (0, 0), there.output + back.output
    assert "rnn_0/kernel (3, 6)" in there.output
    assert "all 48 numbers have the same bits" in back.output
    [one], [other] = read_grus("w.npz"), read_grus("b.json")
    assert (other.name, other.stack) == ("enc", one.stack)


def test_what_was_folded_and_turned_is_told(weights: Path) -> None:
    flax = gruverify("convert", "w.npz", "f.safetensors", "--to-layout", "flax")
    turned = gruverify(
        "convert", "w.npz", "p.npz", "--to-layout", "pytorch", "--to-update", "replace"
    )

    assert "8 recurrent biases were added to the others: " in flax.output
    assert "z changed its sign" in turned.output
    again = gruverify(
        "convert", "p.npz", "q.npz", "--to-layout", "pytorch", "--update", "replace", "--as", "rnn"
    )
    assert again.exit_code == 0
    assert read_grus("q.npz")[0].stack == read_grus("w.npz")[0].stack


def test_cudnns_packing_is_told_its_sizes(weights: Path) -> None:
    gruverify("convert", "w.npz", "flat.npz", "--to-layout", "cudnn")
    sizes = ("--hidden-size", "2", "--input-size", "3", "--num-layers", "2")

    back = gruverify(
        "convert", "flat.npz", "b.npz", "--to-layout", "pytorch", "--layout", "cudnn", *sizes
    )

    assert back.exit_code == 0, back.output
    assert read_grus("b.npz")[0].stack == read_grus("w.npz")[0].stack


def test_nothing_is_written_over_without_force(weights: Path) -> None:
    (weights / "k.npz").write_text("mine")

    refused = gruverify("convert", "w.npz", "k.npz", "--to-layout", "keras")

    assert one_line(refused) == "k.npz is there: --force writes over it"
    assert (weights / "k.npz").read_text() == "mine"
    assert gruverify("convert", "w.npz", "k.npz", "--to-layout", "keras", "--force").exit_code == 0
    assert {path.name for path in weights.iterdir()} == {"w.npz", "k.npz"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["w.npz", "a.npz"], "a.npz: say its layout, --to-layout pytorch|keras|"),
        (["w.npz", "a.txt", "--to-layout", "keras"], "a.txt: name a file that ends in .npz, .safe"),
        (["w.npz", "-", "--to-layout", "keras"], "TO -: name a file"),
        (["w.npz", "x/a.npz", "--to-layout", "keras"], "TO x/a.npz: there is no directory x"),
        (["no.npz", "a.npz", "--to-layout", "keras"], "no.npz: No such file or directory"),
        (
            ["w.npz", "a.npz", "--to-layout", "haiku"],
            "w.npz to a.npz: rnn: haiku resets before the product, and this GRU after it",
        ),
        (
            ["w.npz", "a.npz", "--to-layout", "nnx"],
            "nnx has no recurrent bias of the candidate (b_hn), and this GRU has: bias_hh[4]",
        ),
        (
            ["w.npz", "a.npz", "--to-layout", "keras", "--hidden-size", "2"],
            "--hidden-size is of cuDNN's packing",
        ),
        (
            ["w.npz", "a.npz", "--to-layout", "keras", "--layout", "cudnn"],
            "--layout cudnn: say --hidden-size and --input-size",
        ),
        (
            ["w.npz", "a.weights.h5", "--to-layout", "flax"],
            "a.weights.h5: Keras' .weights.h5 holds its own layout, and no flax",
        ),
        (
            ["w.npz", "a.npz", "--to-layout", "flax", "--to-update", "keep"],
            "flax decides itself what z multiplies: leave --to-update out",
        ),
        (["w.npz", "a.npz", "--to-layout", "lstm"], "--to-layout lstm: must be pytorch or keras"),
        (["w.npz", "a.npz", "--to-layout", "keras", "--gru", "x"], "no GRU called 'x'"),
        (["w.npz", "a.npz", "--to-layout", "keras", "--layers", "a,b"], "no GRU called 'a'"),
    ],
)
def test_what_is_wrong_fits_on_one_line_and_nothing_is_written(
    arguments: list[str], message: str, weights: Path
) -> None:
    assert message in one_line(gruverify("convert", *arguments))
    assert [path.name for path in weights.iterdir()] == ["w.npz"]


def test_catches_a_result_that_is_not_found_again(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gruverify.models._convert.prove", _refuses)

    refused = gruverify("convert", "w.npz", "a.npz", "--to-layout", "keras")

    assert one_line(refused, 1) == "something else"
    assert [path.name for path in weights.iterdir()] == ["w.npz"]


def _refuses(*_: object) -> None:
    from gruverify.models import NotTheSame

    raise NotTheSame("something else")
