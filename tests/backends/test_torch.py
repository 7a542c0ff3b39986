"""PyTorch's modules, a user's modules and the formulas over tensors, as backends."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest

from gruverify import FORMATS, VARIANTS, Format, Variant, check, float32, float64, torch_backend
from gruverify.backends import METHODS, OPTIONAL_METHODS, offers, resolve
from gruverify.invariants import INVARIANTS

from ._cases import OF_CELLS, OF_MODULES, case, falsified, judged, same, writable

pytestmark = pytest.mark.uncounted

torch = pytest.importorskip("torch")

from ._modules import Hidden, Inverted, MyCell, Unbiased  # needs torch

nn = torch.nn


MASKED = {id for id in OF_CELLS if not set(OPTIONAL_METHODS).isdisjoint(INVARIANTS[id].needs)}


@pytest.fixture(scope="module")
def builtin() -> Any:
    return resolve("torch")


@pytest.mark.thinned
@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_pytorchs_own_gru_conforms(builtin: Any, bias: bool, format: Format) -> None:
    assert falsified(builtin, case(Variant(bias=bias), format)) == set()


@pytest.mark.parametrize(
    ("variant", "format"),
    [
        pytest.param(*pair, marks=[pytest.mark.slow] * (number >= len(FORMATS)))
        for number, pair in enumerate(zip(VARIANTS, cycle(FORMATS)))
    ],
    ids=str,
)
def test_the_formulas_over_tensors_conform_in_every_variant(
    variant: Variant, format: Format
) -> None:
    assert falsified(resolve("torch-formulas"), case(variant, format)) == set()


@pytest.mark.parametrize("name", ["torch", "torch-formulas"])
def test_a_program_that_computes_without_gradients_is_no_obstacle(name: str) -> None:
    with torch.no_grad():
        assert falsified(resolve(name), case()) == set()


@pytest.mark.parametrize("name", ["torch", "torch-formulas"])
def test_everything_is_asked_of_the_shipped_backends(name: str) -> None:
    found = resolve(name)

    assert found.name == name
    usual = OF_CELLS - {"agreement/kinks"}  # that is of other activation functions alone
    assert judged(found, case()) == (usual - MASKED if name == "torch" else usual - OF_MODULES)
    assert tuple(found.formats) == FORMATS


def test_pytorch_claims_its_own_conventions_alone(builtin: Any) -> None:
    assert builtin.variants == (Variant(), Variant(bias=False))
    assert resolve("torch-formulas").variants == VARIANTS


@pytest.mark.parametrize("name", ["torch", "torch-formulas"])
def test_no_state_is_a_state_of_zeros(name: str) -> None:
    one, backend = case(), resolve(name)
    cell, x, zeros = writable(one.cell), one.inputs.copy(), 0 * one.state
    d_outputs, d_last = one.d_outputs.copy(), one.d_last.copy()

    for found, expected in zip(
        backend.sequence(cell, x, None), backend.sequence(cell, x, zeros), strict=True
    ):
        np.testing.assert_array_equal(found, expected)

    without = backend.sequence_vjp(cell, x, None, d_outputs, d_last)
    expected = backend.sequence_vjp(cell, x, zeros, d_outputs, d_last)
    assert without.state is None
    assert same(without, replace(expected, state=None))


@pytest.mark.parametrize("name", ["torch", "torch-formulas"])
def test_a_missing_cotangent_is_one_of_zeros(name: str) -> None:
    one, backend = case(), resolve(name)
    cell, x, h, g, g_last = (
        writable(one.cell),
        *(a.copy() for a in (one.inputs, one.state, one.d_outputs, one.d_last)),
    )

    assert same(
        backend.sequence_vjp(cell, x, h, None, g_last),
        backend.sequence_vjp(cell, x, h, 0 * g, g_last),
    )
    assert same(
        backend.sequence_vjp(cell, x, h, g, None), backend.sequence_vjp(cell, x, h, g, 0 * g_last)
    )


def test_no_steps_give_no_outputs_and_the_state_back() -> None:
    one = case(H=3, B=2)

    outputs, last = resolve("torch-formulas").sequence(
        writable(one.cell), one.inputs[:0].copy(), one.state.copy()
    )

    assert outputs.shape == (0, 2, 3)
    np.testing.assert_array_equal(last, one.state)


# -- a user's modules ------------------------------------------------------------------------------


def test_a_class_of_cells_gives_the_three_methods_of_a_step() -> None:
    made = torch_backend(MyCell)

    assert made.name == "MyCell"
    assert [method for method in METHODS if offers(made, method)] == [
        "step",
        "step_jacobian",
        "step_vjp",
    ]
    assert made.variants == (Variant(),)
    assert falsified(made, *(case(format=format) for format in FORMATS)) == set()


def test_a_class_of_layers_gives_the_methods_of_a_sequence_and_of_stacks() -> None:
    made = torch_backend(sequence=nn.GRU)

    assert [method for method in METHODS if offers(made, method)] == [
        m for m in METHODS if m.startswith("s") and "step" not in m
    ]
    assert falsified(made, case(), case(Variant(bias=False))) == set()


@pytest.mark.slow
def test_a_cell_and_a_layer_make_one_backend() -> None:
    made = torch_backend(MyCell, nn.GRU, name="both")

    assert made.name == "both"
    assert made.variants == (Variant(),)
    assert judged(made, case()) == OF_CELLS - MASKED - {"agreement/kinks"}
    assert falsified(made, case()) == set()


def test_catches_an_inverted_update_gate_in_values_and_derivatives() -> None:
    found = falsified(torch_backend(Inverted), case())

    assert {"agreement/step", "agreement/jacobian-state", "agreement/step-vjp"} <= found


def test_an_instance_keeps_its_sizes_format_and_biases() -> None:
    made = torch_backend(nn.GRUCell(2, 5, bias=False, dtype=torch.float64))

    assert (made.hidden_size, made.input_size) == (5, 2)
    assert made.formats == (float64,)
    assert made.variants == (Variant(bias=False),)
    assert falsified(made, case(Variant(bias=False), float64, H=5, I=2)) == set()


def test_a_layer_as_an_instance_is_differentiated_too() -> None:
    made = torch_backend(sequence=nn.GRU(2, 3))

    assert (made.hidden_size, made.input_size, made.formats) == (3, 2, (float32,))
    assert falsified(made, case(format=float32, H=3, I=2)) == set()


def test_catches_a_class_that_does_not_heed_its_option_of_biases() -> None:
    made = torch_backend(Unbiased)
    one = case(Variant(bias=False))

    with pytest.raises(ValueError, match="has bias_ih and bias_hh although it was built with"):
        made.step(one.cell, one.inputs[0], one.state)
    assert falsified(torch_backend(Unbiased, variants=[Variant()]), case()) == set()


def test_a_class_that_takes_any_option_and_heeds_none_has_its_own_biases() -> None:
    class Anything(nn.GRUCell):
        def __init__(self, input_size: int, hidden_size: int, **ignored: Any) -> None:
            super().__init__(input_size, hidden_size)

    assert torch_backend(Anything).variants == (Variant(),)
    assert torch_backend(nn.GRUCell).variants == (Variant(), Variant(bias=False))


def test_variants_and_formats_may_be_declared() -> None:
    made = torch_backend(nn.GRUCell, variants=[Variant(bias=False)], formats=[float32], kappa=1)

    assert (made.variants, made.formats) == ((Variant(bias=False),), (float32,))
    assert (made.kappa_sigma, made.kappa_tanh) == (1, 1)


def test_nothing_to_test_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"needs an nn\.Module class or instance for step or sequence"
    ):
        torch_backend()


def test_other_parameter_names_are_named() -> None:
    with pytest.raises(
        ValueError,
        match="Hidden has the parameters bias_ih, bias_hh, W, U: gruverify expects PyTorch's",
    ):
        torch_backend(Hidden)


# -- random state ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_users_random_state_is_not_disturbed() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)

    torch.manual_seed(7)
    for target in ("torch", "torch-formulas", nn.GRUCell, nn.GRU, MyCell):
        falsified(resolve(target), case())

    assert torch.equal(torch.rand(3), expected)


class Spoilt(nn.GRUCell):  # type: ignore[misc, name-defined]
    """Adds a number drawn when it is built."""

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.noise = float(torch.rand(()))

    def forward(self, x: Any, h: Any) -> Any:
        return super().forward(x, h) + self.noise


def test_what_a_module_draws_when_it_is_built_does_not_depend_on_the_users_random_state() -> None:
    one, outputs = case(), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        backend: Any = torch_backend(Spoilt)
        outputs.append(backend.step(writable(one.cell), one.inputs[0].copy(), one.state.copy()))

    np.testing.assert_array_equal(*outputs)


def test_a_run_says_which_biases_were_found_of_a_module() -> None:
    only: dict[str, Any] = {"only": "contract/shape-step", "max_cases": 1, "formats": "f32"}

    result = check(nn.GRUCell(2, 3, bias=False), **only)

    assert result.header["variants"] == [
        {"reset": "after", "update": "keep", "bias": False, "biases": "none"}
    ]
    assert len(check(nn.GRUCell, **only).header["variants"]) == 2
