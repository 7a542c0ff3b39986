"""What is declared of accuracy, in one format or in all, and the rounding model that comes of
it.
"""

from __future__ import annotations

from typing import Any

import pytest

from gruverify.arithmetic import FORMATS, Rounding, bfloat16, float16, float32, float64
from gruverify.backends import BadDeclaration, NumpyBackend, declarations_of, resolve, rounding_of


class Declaring:
    """Whatever it is given, declared."""

    def __init__(self, **declared: Any) -> None:
        vars(self).update(declared)


def test_nothing_declared_is_the_default_model() -> None:
    for fmt in FORMATS:
        assert rounding_of(Declaring(), fmt) == Rounding(fmt)


def test_one_value_holds_in_every_format() -> None:
    careless = Declaring(
        kappa=9.0, kappa_tanh=16.0, accumulates="float64", blend="B+A", carry=1.0, tanh="absolute"
    )
    for fmt in FORMATS:
        assert rounding_of(careless, fmt) == Rounding(
            fmt, kappa_sigma=9.0, kappa_tanh=16.0, accumulates=float64, carry=1.0, tanh="absolute"
        )


def test_a_value_may_depend_on_the_format() -> None:
    declared = Declaring(
        subnormals={"bfloat16": False}, kappa={"f32": 6.0}, accumulates={"float16": "float16"}
    )

    assert rounding_of(declared, bfloat16) == Rounding(bfloat16, subnormals=False)
    assert rounding_of(declared, float32) == Rounding(float32, kappa_sigma=6.0, kappa_tanh=6.0)
    assert rounding_of(declared, float16) == Rounding(float16, accumulates=float16)
    assert rounding_of(declared, float64) == Rounding(float64)
    assert declarations_of(declared).unusual() == {
        "kappa_sigma": {"float32": 6.0},
        "kappa_tanh": {"float32": 6.0},
        "accumulates": {"float16": "float16"},
        "subnormals": {"bfloat16": False},
    }


def test_the_more_particular_declaration_has_the_last_word() -> None:
    declared = Declaring(kappa={"float32": 6.0}, kappa_tanh=2.0)
    assert rounding_of(declared, float32) == Rounding(float32, kappa_sigma=6.0, kappa_tanh=2.0)
    assert "kappa_tanh" not in declarations_of(declared).by_format


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"subnormals": {"float8": False}}, r"subnormals='float8': format='float8' is unknown"),
        ({"subnormals": {"float16": "no"}}, r"subnormals='no' must be True or False"),
        ({"kappa": {"float16": -1}}, r"kappa=-1 must not be negative"),
        ({"nan": {"float16": "raises"}}, r"nan=\{'float16': 'raises'\} must be one of"),
    ],
)
def test_a_bad_value_in_one_format_is_named(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDeclaration, match=message):
        declarations_of(Declaring(**declared))


def test_shipped_targets_declare_what_was_measured() -> None:
    assert rounding_of(NumpyBackend(), float32) == Rounding(float32, kappa_sigma=5.0)
    assert rounding_of(NumpyBackend(), float16) == Rounding(float16, sums_in_format=True)
    assert rounding_of(NumpyBackend(), float64) == Rounding(float64)


@pytest.mark.parametrize("name", ["torch", "torch-formulas"])
def test_pytorch_has_the_default_accuracy_in_float32(name: str) -> None:
    pytest.importorskip("torch")
    assert rounding_of(resolve(name), float32) == Rounding(float32)


def test_pytorch_declares_whether_bfloat16_products_flush_here() -> None:
    torch = pytest.importorskip("torch")

    # Which kernel there is follows from the number of rows.
    small = torch.full((8, 256), 2.0**-66, dtype=torch.bfloat16)
    flushes = not all(bool((small[:rows] @ small.T).all()) for rows in (1, 8))
    assert rounding_of(resolve("torch"), bfloat16).subnormals is not flushes
