"""gruverify certify."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ._invoke import gruverify, one_line

pytest.importorskip("flint")


@pytest.fixture
def weights(here: Path) -> Path:
    """Two layers in small.npz, of small weights; large.npz has the same, times 100."""
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}_{side}_l{layer}": rng.normal(size=shape, scale=0.05)
        for layer in (0, 1)
        for kind, side, shape in (
            ("weight", "ih", (12, 4)),
            ("weight", "hh", (12, 4)),
            ("bias", "ih", 12),
            ("bias", "hh", 12),
        )
    }
    np.savez(here / "small.npz", **arrays)  # type: ignore[arg-type]
    np.savez(here / "large.npz", **{name: 100 * a for name, a in arrays.items()})  # type: ignore[arg-type]
    return here


def test_small_weights_are_certified_layer_by_layer(weights: Path) -> None:
    result = gruverify("certify", "small.npz", "--inputs-within", "2", "--json", "found.json")

    assert result.exit_code == 0, result.output
    assert "layer 0, inputs within 2:" in result.stdout
    assert "layer 1, inputs within 1:" in result.stdout
    assert result.stdout.endswith("2 of 2 certified\n")
    layers = json.loads((weights / "found.json").read_text())["layers"]
    assert all(0 < one["rate"] < 1 and len(one["weights"]) == 4 for one in layers)
    assert layers[0]["steps"]["float16"] < layers[0]["steps"]["float64"]


def test_grus_of_a_file_may_be_the_layers_of_one(weights: Path) -> None:
    both = np.load("small.npz")
    apart = {f"gru{name[-1]}.{name[:-1]}0": both[name] for name in both}
    np.savez("apart.npz", **apart)  # type: ignore[arg-type]

    one = gruverify("certify", "apart.npz", "--layers", "all", "--json", "-")

    whole = json.loads(gruverify("certify", "small.npz", "--json", "-").stdout)
    assert json.loads(one.stdout)["layers"] == whole["layers"]
    assert one_line(gruverify("certify", "apart.npz")).startswith("apart.npz has 2 GRUs")


def test_large_ones_are_not_and_that_is_no_error(weights: Path) -> None:
    result = gruverify("certify", "large.npz")

    assert result.exit_code == 6
    assert "not certified: the smallest rate found is" in result.stdout
    assert "\n0 of 2 certified\n" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("next: gruverify certify ")
    assert " --inputs-within 0.5, or gruverify diagnose " in last


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small.npz", "--inputs-within", "nan"), "--inputs-within nan must be a number"),
        (("none.npz",), "none.npz: No such file"),
        (("small.npz", "--gru", "x"), "has no GRU called 'x'"),
    ],
)
def test_a_users_mistake_is_one_line(
    weights: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in one_line(gruverify("certify", *arguments))
