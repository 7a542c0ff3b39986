"""Sizes for which no case fits in memory are said on one line, whoever declares them."""

from __future__ import annotations

from typing import Any

import pytest

import gruverify
from gruverify import backend, identify
from gruverify.backends import BadDeclaration, NumpyBackend, resolve
from gruverify.backends._room import MOST, room

NUMPY = NumpyBackend()
TOO_LARGE = [
    {"hidden_size": 200_000},
    {"hidden_size": 10**9},
    {"input_size": 200_000},
    {"num_layers": 10**7},
    {"min_length": 10**6},
    {"hidden_size": 5_000, "input_size": 50_000},
]


@pytest.mark.parametrize("sizes", TOO_LARGE, ids=str)
def test_one_line_names_value_rule_and_way_out(sizes: dict[str, Any]) -> None:
    attributes: dict[str, Any] = {"stack": NUMPY.stack, **sizes}
    for ask in (resolve, gruverify.check, identify):
        with pytest.raises(BadDeclaration) as wrong:
            ask(type("Large", (NumpyBackend,), attributes))
        message = str(wrong.value)
        assert "\n" not in message
        assert message.startswith(
            ", ".join(f"{name}={size}" for name, size in sizes.items()) + ": a case would take "
        )
        assert message.endswith(
            f"none takes more than {MOST >> 30} GiB: name a target of smaller sizes"
        )


def test_a_keyword_is_refused_where_it_is_given() -> None:
    with pytest.raises(BadDeclaration, match="hidden_size=200000: a case would take"):
        backend(step=NUMPY.step, hidden_size=200_000, input_size=4)


def test_large_targets_are_taken() -> None:
    assert room({"H": 4096, "I": 4096, "D": 1, "L": 1}) <= MOST
    assert room({"I": 50_000}) <= MOST
    assert room({"T": 10_000}) <= MOST
    assert room({"H": 512, "I": 512, "L": 12, "D": 2}) <= MOST


@pytest.mark.uncounted
def test_a_module_is_as_large_as_its_parameters() -> None:
    torch = pytest.importorskip("torch")

    with torch.device("meta"):
        module = torch.nn.GRU(3, 20_000)

    with pytest.raises(ValueError, match=r"hidden_size=20000: a case would take \d+ GiB"):
        resolve(module)


def test_a_size_beyond_every_number_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"hidden_size=1000\S*000: a case would take \d+\.\.\.\d+"):
        backend(step=NUMPY.step, hidden_size=10**400)
