"""What a target claims, variants, formats and a name, is read alike from functions, objects,
classes and modules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, Format, Variant, backend, float32, float64
from gruverify.backends import NumpyBackend, declarations_of, declared_variants, resolve

NUMPY = NumpyBackend()
BEFORE = Variant("before")
NO_SUCH = Format("float8", "f8", 4, -6, 8)

RIGHT: list[tuple[Any, tuple[Format, ...]]] = [
    (float32, (float32,)),
    ("float32", (float32,)),
    ("f64", (float64,)),
    (["f64", float32], (float64, float32)),
    ([float32, "f32"], (float32,)),
    (FORMATS, FORMATS),
]
WRONG: list[tuple[str, Any, str]] = [
    ("formats", [], "formats is empty: a backend claims at least one Format"),
    ("formats", "double", "formats has 'double', which is unknown: choose from float16 (f16)"),
    ("formats", ["f31"], "formats has 'f31', which is unknown: choose from float16 (f16)"),
    (
        "formats",
        [np.float32],
        "formats has <class 'numpy.float32'>: each must be a Format, such as gruverify.float32",
    ),
    ("formats", np.float32, "formats=<class 'numpy.float32'> must be a sequence of Formats"),
    ("formats", np.dtype("f4"), "formats=dtype('float32') must be a sequence of Formats"),
    ("formats", 32, "formats=32 must be a sequence of Formats"),
    ("formats", {float32: 5}, "formats={gruverify.float32: 5} must be a sequence of Formats"),
    ("formats", b"float32", "formats=b'float32' must be a sequence of Formats"),
    ("formats", [NO_SUCH], "formats has gruverify.float8: each must be a Format"),
    ("variants", [], "variants is empty: a backend claims at least one Variant"),
    ("variants", "after", "variants='after' must be a sequence of Variants"),
    ("variants", [Variant(), "before"], "variants has 'before': it must be a sequence of Variants"),
    ("variants", Variant, "must be a sequence of Variants"),
]


def function(**attributes: Any) -> Any:
    """A right step with these attributes."""

    def step(cell: Any, x: Any, h: Any) -> Any:
        return NUMPY.step(cell, x, h)

    vars(step).update(attributes)
    return step


def cls(**attributes: Any) -> Any:
    """A class of right backends with these attributes."""
    return type("Mine", (NumpyBackend,), attributes)


def message(declare: Any) -> str:
    """What is said of a wrong claim: one line."""
    with pytest.raises(ValueError, match=r"^.") as caught:
        declare()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("given", "expected"), RIGHT)
def test_formats_are_one_or_several_each_itself_or_by_its_name(
    given: Any, expected: tuple[Format, ...]
) -> None:
    for made in (
        backend(step=NUMPY.step, formats=given),
        resolve(cls(formats=given)),
        resolve(cls(formats=given)()),
        resolve(function(formats=given)),
    ):
        assert made.formats == expected


def test_one_variant_is_enough() -> None:
    for made in (
        backend(step=NUMPY.step, variants=BEFORE),
        resolve(cls(variants=BEFORE)),
        resolve(function(variants=BEFORE)),
    ):
        assert declared_variants(made) == (BEFORE,)


@pytest.mark.parametrize(("claim", "given", "expected"), WRONG)
def test_a_wrong_claim_is_named(claim: str, given: Any, expected: str) -> None:
    said: dict[str, Any] = {claim: given}

    assert expected in message(lambda: backend(step=NUMPY.step, **said))
    assert expected in message(lambda: resolve(cls(**said)))
    assert expected in message(lambda: resolve(cls(**said)()))
    assert expected in message(lambda: resolve(function(**said)))


@pytest.mark.parametrize(("claim", "given", "expected"), WRONG)
def test_a_wrong_claim_of_a_module_is_named(claim: str, given: Any, expected: str) -> None:
    torch = pytest.importorskip("torch")
    from gruverify import torch_backend

    said: dict[str, Any] = {claim: given}
    mine = type("Mine", (torch.nn.GRUCell,), said)

    assert expected in message(lambda: torch_backend(torch.nn.GRUCell, **said))
    assert expected in message(lambda: torch_backend(torch.nn.GRUCell(2, 3), **said))
    assert expected in message(lambda: resolve(mine))
    assert expected in message(lambda: resolve(mine(2, 3)))


def test_what_a_module_claims_is_heeded() -> None:
    torch = pytest.importorskip("torch")
    mine = type("Mine", (torch.nn.GRUCell,), {"variants": BEFORE, "formats": "f32"})

    for made in (resolve(mine), resolve(mine(2, 3))):
        assert declared_variants(made) == (BEFORE,)
        assert made.formats == (float32,)


def test_an_instance_has_its_own_format() -> None:
    torch = pytest.importorskip("torch")
    mine = type("Mine", (torch.nn.GRUCell,), {"formats": [float64]})

    assert resolve(mine).formats == resolve(mine(2, 3).double()).formats == (float64,)
    assert message(lambda: resolve(mine(2, 3))) == (
        "formats=[gruverify.float64] contradicts the module, whose weights are float32: leave it "
        "out, or convert the "
        "module"
    )


@pytest.mark.parametrize("name", [3, "", " ", b"mine"])
def test_a_name_is_a_text(name: Any) -> None:
    expected = f"name={name!r} must be a text that is not empty"

    assert expected in message(lambda: backend(step=NUMPY.step, name=name))
    assert expected in message(lambda: resolve(cls(name=name)))


@pytest.mark.parametrize("method", ["step", "sequence", "stack_vjp"])
def test_what_is_no_function_is_named(method: str) -> None:
    given: dict[str, Any] = {method: "x"}

    assert (
        message(lambda: backend(**given))
        == f"{method}='x' must be a function, with the signature of `{method}`"
    )


# -- attributes of functions -----------------------------------------------------------------------


def test_what_attributes_of_a_function_declare_is_heeded() -> None:
    mine = function(kappa=8, biases="input", initial_state=False)

    for made in (resolve(mine), backend(step=mine)):
        assert declarations_of(made).unusual() == {
            "kappa_sigma": 8,
            "kappa_tanh": 8,
            "biases": "input",
            "initial_state": False,
            "state_gradient": False,
        }
        assert declared_variants(made) == (Variant(biases="input"),)


def test_a_keyword_has_the_last_word() -> None:
    made = backend(step=function(nan="raises", formats="f32"), nan="undefined", formats="f64")

    assert (declarations_of(made).nan, made.formats) == ("undefined", (float64,))


def test_functions_that_contradict_each_other_are_named() -> None:
    step, sequence = function(nan="raises"), function(nan="undefined")

    assert message(lambda: backend(step=step, sequence=sequence)) == (
        "nan='undefined' of sequence contradicts nan='raises' of step: both must say the same"
    )


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"kappa": -1}, "kappa=-1 must not be negative"),
        ({"biases": "inputs"}, "biases='inputs' must be one of 'both'"),
        ({"hidden_size": 0}, "hidden_size=0 must be a whole number, at least 1"),
        ({"biases": "none", "variants": Variant(bias=True)}, "biases='none' contradicts Variant("),
    ],
)
def test_a_wrong_attribute_of_a_function_is_named(declared: dict[str, Any], expected: str) -> None:
    assert expected in message(lambda: resolve(function(**declared)))


# -- properties that raise -------------------------------------------------------------------------


class Unfinished(NumpyBackend):
    """Something that a declaration is found from is not there."""

    @property
    def kappa(self) -> float:
        """Reads what was never set."""
        measured: float = self.measured  # type: ignore[attr-defined]
        return measured


def test_a_property_that_raises_attribute_error_is_no_attribute_that_is_missing() -> None:
    assert message(lambda: resolve(Unfinished())) == (
        "kappa cannot be read: its property raised AttributeError: 'Unfinished' object has no "
        "attribute 'measured'"
    )


@pytest.mark.parametrize("name", ["name", "variants", "formats"])
def test_a_claim_whose_property_raises_attribute_error_is_named(name: str) -> None:
    mine = cls(**{name: property(lambda self: self.nothing)})

    assert message(lambda: resolve(mine)).startswith(
        f"{name} cannot be read: its property raised AttributeError: "
    )


def test_a_property_of_a_module_that_raises_attribute_error_is_named_with_its_own_words() -> None:
    torch = pytest.importorskip("torch")

    def oops(self: Any) -> bool:
        raise AttributeError("oops")

    mine = type("Mine", (torch.nn.GRU,), {"initial_state": property(oops)})

    for target in (mine, mine(2, 3)):
        expected = "initial_state cannot be read: its property raised AttributeError: oops"
        assert message(lambda target=target: resolve(target)) == expected


def test_a_method_whose_property_raises_attribute_error_is_a_finding() -> None:
    from ._cases import case, falsified

    def oops(self: Any) -> Any:
        raise AttributeError("oops")

    assert "contract/shape-step" in falsified(resolve(cls(step=property(oops))), case())


def test_a_slot_that_nothing_was_put_into_declares_nothing() -> None:
    class Slotted(NumpyBackend):
        __slots__ = ("nan",)

    assert declarations_of(resolve(Slotted())).nan == "passes"
