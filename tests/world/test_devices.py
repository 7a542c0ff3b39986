"""Targets that JAX computes, on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import UnknownTarget, Variant, float32
from gruverify.backends import TargetUnavailable, resolve
from gruverify.cell import Cell

jax = pytest.importorskip("jax")
pytest.importorskip("equinox")

from gruverify.backends import _jax_devices

CELL = Cell(
    Variant(biases="input+candidate"),
    *(np.full(shape, 0.5, np.float32) for shape in ((6, 3), (6, 2), (6,))),
    np.float32([0, 0, 0, 0, 0.5, 0.5]),
)


def test_on_the_cpu_a_target_answers_as_it_does_anyway() -> None:
    x, h = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    plain: Any = resolve("equinox")
    placed: Any = resolve("equinox@cpu")

    assert placed.name == "equinox@cpu"
    assert placed.step(CELL, x, h).tolist() == plain.step(CELL, x, h).tolist()
    assert placed.formats == plain.formats
    assert float32 in placed.formats


def test_arrays_go_to_the_device() -> None:
    with _jax_devices.placement("cpu:0").on():
        assert jax.config.jax_default_device == jax.devices("cpu")[0]
        assert jax.numpy.zeros(1).devices() == {jax.devices("cpu")[0]}


@pytest.mark.parametrize("device", ["quantum", "cpu:", "gpu:x", "0"])
def test_an_unknown_device_is_said_in_one_line(device: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(f"equinox@{device}")

    assert f"JAX has no device '{device}': devices here: cpu" in str(caught.value)


@pytest.mark.parametrize("device", ["tpu", "cpu:99"])
def test_a_device_that_is_not_here_makes_a_target_unavailable(device: str) -> None:
    with pytest.raises(TargetUnavailable, match=f"sees no {device}"):
        resolve(f"equinox@{device}")
