"""Declarations are read alike from functions, objects, classes and modules; what is wrong with one
is one line.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gruverify import Variant, backend, float16
from gruverify._named import JsonObject
from gruverify.backends import (
    BadDeclaration,
    Declarations,
    NumpyBackend,
    declarations_of,
    declared_variants,
    offers,
    resolve,
)

NUMPY = NumpyBackend()

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kappa": -1}, "kappa=-1 must not be negative"),
    ({"kappa": float("nan")}, "kappa=nan must be finite"),
    ({"kappa": 10**400}, "kappa=1000"),
    ({"kappa": "much"}, "kappa='much' must be a number"),
    ({"kappa": True}, "kappa=True must be a number"),
    ({"biases": "some"}, "biases='some' must be one of 'both'"),
    ({"biases": np.zeros(40)}, "biases=array("),
    ({"initial_state": "no"}, "initial_state='no' must be True or False"),
    ({"state_gradient": 0}, "state_gradient=0 must be True or False"),
    ({"separate_passes": 1.5}, "separate_passes=1.5 must be True or False"),
    ({"nan": "fails"}, "nan='fails' must be one of 'passes', 'raises', 'undefined'"),
    ({"lengths": "none"}, "lengths='none' must be True or False"),
    ({"unbatched": 0}, "unbatched=0 must be True or False"),
    ({"min_length": -1}, "min_length=-1 must be a whole number, at least 0"),
]
SIZES: list[tuple[dict[str, Any], str]] = [
    ({"hidden_size": 0}, "hidden_size=0 must be a whole number, at least 1"),
    ({"hidden_size": 2.0}, "hidden_size=2.0 must be a whole number"),
    ({"input_size": "3"}, "input_size='3' must be a whole number"),
    ({"num_layers": True}, "num_layers=True must be a whole number"),
    ({"batch_first": "yes"}, "batch_first='yes' must be True or False"),
]


def message(declare: Any) -> str:
    """What is said of a wrong declaration: one line."""
    with pytest.raises(ValueError, match=r"^.") as caught:
        declare()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("declared", "expected"), WRONG + SIZES)
def test_a_wrong_declaration_is_named_on_functions_objects_and_classes(
    declared: dict[str, Any], expected: str
) -> None:
    cls = type("Mine", (NumpyBackend,), declared)

    assert expected in message(lambda: backend(step=NUMPY.step, **declared))
    assert expected in message(lambda: resolve(cls))
    assert expected in message(lambda: resolve(cls()))


@pytest.mark.parametrize(("declared", "expected"), WRONG)
def test_a_wrong_declaration_is_named_on_modules(declared: dict[str, Any], expected: str) -> None:
    torch = pytest.importorskip("torch")
    from gruverify import torch_backend

    cls = type("Mine", (torch.nn.GRUCell,), declared)

    assert expected in message(lambda: resolve(cls))
    assert expected in message(lambda: resolve(cls(2, 3)))
    assert expected in message(lambda: torch_backend(cls))
    assert expected in message(lambda: torch_backend(torch.nn.GRUCell, **declared))


#: Pairs of which each contradicts the other.
CONTRADICTORY = {"initial_state": False, "state_gradient": True}


def test_a_gradient_of_a_state_that_is_always_zeros_is_a_contradiction() -> None:
    cls = type("Mine", (NumpyBackend,), CONTRADICTORY)
    expected = "state_gradient=True contradicts initial_state=False: "

    assert message(lambda: backend(step=NUMPY.step, **CONTRADICTORY)).startswith(expected)
    assert message(lambda: resolve(cls())).startswith(expected)
    assert not declarations_of(backend(step=NUMPY.step, initial_state=False)).state_gradient


def test_a_gradient_of_a_state_that_is_always_zeros_is_a_contradiction_of_modules() -> None:
    torch = pytest.importorskip("torch")
    from gruverify import torch_backend

    cls = type("Mine", (torch.nn.GRUCell,), CONTRADICTORY)
    for declare in (lambda: resolve(cls), lambda: torch_backend(torch.nn.GRUCell, **CONTRADICTORY)):
        assert message(declare).startswith("state_gradient=True contradicts initial_state=False: ")
    assert not declarations_of(torch_backend(torch.nn.GRUCell, initial_state=False)).state_gradient


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"num_layers": 2}, "num_layers=2 is about stacks, and the target has none"),
        ({"bidirectional": True}, "bidirectional=True is about stacks, and the target has none"),
        ({"batch_first": True}, "batch_first=True is about stacks, and the target has none"),
        ({"min_length": 2}, "min_length=2 is about sequences, and the target has steps alone"),
    ],
)
def test_what_is_declared_of_methods_that_are_not_there_is_named(
    declared: dict[str, Any], expected: str
) -> None:
    assert expected in message(lambda: resolve(backend(step=NUMPY.step, **declared)))
    usual = {"num_layers": 1, "bidirectional": False, "batch_first": False, "min_length": 1}
    assert resolve(backend(step=NUMPY.step, **{name: usual[name] for name in declared})).name


def test_an_accuracy_by_format_is_kept_as_a_keyword() -> None:
    made = backend(step=NUMPY.step, kappa={"float16": 8})

    assert (
        declarations_of(made, float16).kappa_sigma == declarations_of(made, float16).kappa_tanh == 8
    )
    assert declarations_of(made).kappa_sigma == Declarations().kappa_sigma
    assert declarations_of(backend(step=NUMPY.step, kappa={})).unusual() == {}


@pytest.mark.parametrize("error", [SystemExit(3), BaseException("no")], ids=["leaves", "bare"])
def test_a_property_that_raises_no_exception_is_named(error: BaseException) -> None:
    class Leaving:
        @property
        def kappa(self) -> float:
            raise error

        @property
        def step(self) -> object:
            raise error

    told = re.escape(f"its property raised {type(error).__name__}: {error}")
    with pytest.raises(BadDeclaration, match=f"kappa cannot be read: {told}"):
        declarations_of(Leaving())
    assert offers(Leaving(), "step")


def test_a_property_that_raises_is_named() -> None:
    class Mine(NumpyBackend):
        @property
        def kappa(self) -> float:
            raise RuntimeError("not measured\nyet")

    assert message(lambda: resolve(Mine())) == (
        "kappa cannot be read: its property raised RuntimeError: not measured\\nyet"
    )


def test_a_declaration_that_does_not_exist_is_named() -> None:
    with pytest.raises(
        BadDeclaration, match="there is no declaration 'hiden_size': did you mean hidden_size"
    ):
        backend(step=NUMPY.step, hiden_size=3)  # type: ignore[call-arg]


def test_a_method_that_is_called_like_a_declaration_declares_nothing() -> None:
    class Mine:
        def tanh(self, a: Any) -> Any:
            return np.tanh(a)

    assert declarations_of(Mine()) == Declarations()


def test_shapes_that_a_target_has_noted_declare_nothing() -> None:
    class Mine(NumpyBackend):
        def __init__(self) -> None:
            self.shapes: set[tuple[int, ...]] = set()

    assert declarations_of(resolve(Mine())).shapes == "any"
    assert "shapes=set() must be one of 'any', 'few'" in message(
        lambda: backend(step=NUMPY.step, shapes=set())
    )  # type: ignore[arg-type]


def test_the_parts_of_a_module_declare_nothing() -> None:
    torch = pytest.importorskip("torch")

    class Mine(torch.nn.GRUCell):
        def __init__(self, *sizes: int) -> None:
            super().__init__(*sizes)
            self.tanh, self.carry = torch.nn.Tanh(), torch.zeros(3)

    assert unusual_here(declarations_of(resolve(Mine))) == {}


def unusual_here(declared: Declarations) -> JsonObject:
    """What is declared, but for the flushing of subnormal numbers, which the processor decides."""
    return {name: value for name, value in declared.unusual().items() if name != "subnormals"}


def test_functions_and_modules_take_every_declaration() -> None:
    torch = pytest.importorskip("torch")
    from gruverify import torch_backend

    said: dict[str, Any] = {
        "kappa": 8,
        "nan": "undefined",
        "separate_passes": True,
        "accumulates": "f16",
    }
    expected = Declarations(
        kappa_sigma=8,
        kappa_tanh=8,
        nan="undefined",
        separate_passes=True,
        accumulates=float16,
        hidden_size=5,
    )

    assert declarations_of(backend(step=NUMPY.step, hidden_size=5, **said)) == expected
    attributes = type("Mine", (torch.nn.GRUCell,), said)
    for made in (resolve(attributes), torch_backend(torch.nn.GRUCell, **said)):
        assert unusual_here(declarations_of(made)) == {
            name: value for name, value in expected.unusual().items() if name != "hidden_size"
        }


def test_numbers_of_numpy_are_numbers() -> None:
    made = backend(
        step=NUMPY.step, kappa=np.float32(8), hidden_size=np.int64(3), lengths=np.bool_(False)
    )  # type: ignore[arg-type]

    assert declarations_of(made).unusual() == {
        "kappa_sigma": 8,
        "kappa_tanh": 8,
        "hidden_size": 3,
        "lengths": False,
    }


# -- biases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("biases", ["input", "recurrent", "input+candidate", "none"])
def test_biases_are_those_of_every_variant_that_says_nothing_of_them(biases: Any) -> None:
    mine = [Variant(), Variant("before")]

    found = declared_variants(backend(step=NUMPY.step, variants=mine, biases=biases))

    assert found == (Variant(biases=biases), Variant("before", biases=biases))


@pytest.mark.parametrize(
    ("biases", "variant"),
    [
        ("none", Variant(bias=True)),
        ("input", Variant(bias=False)),
        ("input", Variant(biases="recurrent")),
        ("both", Variant(biases="input")),
    ],
)
def test_biases_that_contradict_a_variant_are_named(biases: Any, variant: Variant) -> None:
    found = message(lambda: backend(step=NUMPY.step, variants=[variant], biases=biases))

    assert found == f"biases={biases!r} contradicts {variant!r}: leave one of the two out"


def test_biases_may_be_said_twice() -> None:
    made = backend(
        step=NUMPY.step, variants=[Variant(biases="input"), Variant(bias=True)], biases="merged"
    )

    assert declared_variants(made) == (Variant(biases="input"),)


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ([], "variants is empty"),
        (["after"], "variants has 'after'"),
        (3, "variants=3 must be a sequence of Variants"),
    ],
)
def test_wrong_variants_are_named(variants: Any, expected: str) -> None:
    cls = type("Mine", (NumpyBackend,), {"variants": variants})

    assert message(lambda: resolve(cls())).startswith(expected)
    with pytest.raises(BadDeclaration):
        declared_variants(cls())


# -- modules ---------------------------------------------------------------------------------------


def test_a_module_without_one_of_the_biases_declares_the_other() -> None:
    torch = pytest.importorskip("torch")
    from ._cases import case, falsified

    class OneBias(torch.nn.Module):
        def __init__(self, I: int, H: int) -> None:
            super().__init__()
            self.weight_ih, self.weight_hh = (
                torch.nn.Parameter(torch.zeros(3 * H, n)) for n in (I, H)
            )
            self.bias_ih = torch.nn.Parameter(torch.zeros(3 * H))

        def forward(self, x: Any, h: Any) -> Any:
            return torch.gru_cell(
                x, h, self.weight_ih, self.weight_hh, self.bias_ih, torch.zeros_like(self.bias_ih)
            )

    class Declared(OneBias):
        biases = "input"

    zeros = {"bias_hh": np.zeros(9)}
    drawn = case()
    mine = Variant(biases="input")
    one = type(drawn.cell)(
        mine, drawn.cell.weight_ih, drawn.cell.weight_hh, drawn.cell.bias_ih, **zeros
    )
    from dataclasses import replace

    assert falsified(resolve(Declared), replace(drawn, cell=one)) == set()
    said = message(lambda: resolve(OneBias))
    assert said.startswith("OneBias has no bias_hh, which Variant(")
    assert 'declare biases="input"' in said


def test_a_module_that_starts_from_zeros_is_called_without_a_state() -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from ._cases import case, falsified

    class Exported(torch.nn.Module):
        initial_state = False

        def __init__(self, I: int, H: int, dtype: Any = None) -> None:
            super().__init__()
            gru = torch.nn.GRU(I, H, dtype=dtype)
            for name, parameter in gru.named_parameters():
                self.register_parameter(name, parameter)
            self.gru = [gru]

        def forward(self, inputs: Any) -> Any:
            given = {name: getattr(self, name) for name, _ in self.gru[0].named_parameters()}
            return torch.func.functional_call(self.gru[0], given, (inputs,))

    drawn = case()

    assert falsified(resolve(Exported), replace(drawn, state=np.zeros_like(drawn.state))) == set()
