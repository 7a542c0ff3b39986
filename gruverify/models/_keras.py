"""The files of Keras: .keras, .weights.h5 and the .h5 of before, as arrays by the names of layers.

Keras 3 numbers the weights of a layer, "layers/gru/cell/vars/0": they get the names that Keras
calls them by, "encoder/gru_cell/kernel", with the layer's own name where the file has it. What the
configuration says of each GRU decides its reset side, and refuses what is not modelled.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gruverify.arithmetic import Functions, NDArray
from gruverify.models._archives import member_of
from gruverify.models._hdf5 import Hdf5, hdf5
from gruverify.models._keras_activations import functions_in
from gruverify.models._mapped import mapped

#: The weights of a cell, by the numbers that Keras gives them.
_WEIGHTS = {"0": "kernel", "1": "recurrent_kernel", "2": "bias"}
#: Groups that stand for no layer.
_CONTAINERS = ("layers", "cells", "_layer_checkpoint_dependencies", "model_weights")
_GRUS = ("GRU", "GRUCell", "CuDNNGRU")
#: Configurations inside configurations, down to here.
_DEPTH = 64


@dataclass
class KerasModel:
    """Arrays by name, and of the GRUs that the configuration names the side of the reset gate and
    the activation functions, or why they are not read.
    """

    arrays: dict[str, NDArray]
    resets: dict[str, str] = field(default_factory=dict)
    functions: dict[str, tuple[Functions, ...]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def keras_weights(path: Path) -> KerasModel:
    """What an HDF5 file of Keras holds.

    Raises:
        ValueError: as `hdf5`.
    """
    read = hdf5(mapped(path))
    return _model(read, read.config, read.version)


def is_keras(archive: zipfile.ZipFile) -> bool:
    """Whether an archive is a .keras file."""
    return {"config.json", "model.weights.h5"} <= set(archive.namelist())


def keras_archive(path: Path, archive: zipfile.ZipFile) -> KerasModel:
    """What a .keras file holds, whose members were seen not to be too large.

    Raises:
        ValueError: as `hdf5`.
    """
    data = member_of(path, archive.getinfo("model.weights.h5"))
    version = ""
    if "metadata.json" in archive.namelist():
        version = str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
    return _model(hdf5(data), archive.read("config.json").decode(), version)


def _model(read: Hdf5, config: str, version: str) -> KerasModel:
    found = KerasModel(_named(read))
    if config:
        settings = dict(_settings(json.loads(config), _DEPTH))
    else:
        settings = {}
    for name in found.arrays:
        prefix, _, leaf = name.rpartition("/")
        # The first part that the configuration calls a GRU: a layer, or the GRUCell of an RNN.
        own = next((settings[part] for part in prefix.split("/") if part in settings), None)
        if own is None or leaf != "recurrent_kernel":
            continue
        if isinstance(own.get("reset_after"), bool):
            if own["reset_after"]:
                found.resets[prefix] = "after"
            else:
                found.resets[prefix] = "before"
        try:
            found.functions[prefix] = (functions_in(own, version),)
            _require_forward(own)
        except ValueError as wrong:
            found.refused[prefix] = f"{prefix} {wrong}"
    return found


def _named(read: Hdf5) -> dict[str, NDArray]:
    """The arrays by the names of their layers and weights."""
    found = dict[str, NDArray]()
    for path, array in read.arrays.items():
        above, _, number = path.rpartition("/")
        group, _, vars_ = above.rpartition("/")
        leaf = number.partition(":")[0]
        if vars_ == "vars" and _is_cell(above, read.arrays) and number in _WEIGHTS:
            leaf = _WEIGHTS[number]
        else:
            group = above
        named = "/".join((*_layers(group, read.names), leaf))
        # Two layers of a model inside a model may have one name: the second keeps its path.
        found[path if named in found else named] = array
    return found


def _is_cell(above: str, arrays: Mapping[str, NDArray]) -> bool:
    """Whether a group of numbered weights is a recurrent cell's: two matrices with columns for the
    same gates, the second of a whole number of squares.
    """
    kernel, recurrent = arrays.get(f"{above}/0"), arrays.get(f"{above}/1")
    if kernel is None or recurrent is None or kernel.ndim != 2 or recurrent.ndim != 2:
        return False
    units, columns = recurrent.shape
    return bool(kernel.shape[1] == columns and units > 0 and columns % units == 0)


def _layers(group: str, names: Mapping[str, str]) -> Iterator[str]:
    """The layers on the way to a group: by their own names where the file has them."""
    path = ""
    for part in group.split("/") if group else ():
        path = f"{path}/{part}" if path else part
        if part not in _CONTAINERS:
            yield names.get(f"{path}/vars", part)


def _settings(value: object, depth: int) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The settings of each GRU in a configuration, by its name."""
    if isinstance(value, Mapping) and depth:
        settings = value.get("config")
        if value.get("class_name") in _GRUS and isinstance(settings, Mapping):
            yield str(settings.get("name", "")), settings
        for key, inner in value.items():
            for name, own in _settings(inner, depth - 1):
                # That half of Bidirectional runs backwards, as it should, and is found by its name.
                half = key == "backward_layer" and name.startswith("backward_")
                yield name, {**own, "go_backwards": False} if half else own
    elif isinstance(value, list) and depth:
        for inner in value:
            yield from _settings(inner, depth - 1)


def _require_forward(settings: Mapping[str, object]) -> None:
    """Raise ValueError of a GRU that runs backward, which is not modelled here."""
    if settings.get("go_backwards"):
        raise ValueError(
            "has go_backwards=True: save its weights alone, "
            "model.save_weights('m.weights.h5'), and reverse time in the inputs"
        )
