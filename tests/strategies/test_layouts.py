"""Layouts: what other libraries compute with the parameters is what the cell says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from gruverify import Cell, Variant, float64
from gruverify import strategies as gst
from gruverify.arithmetic import Ball, Rounding
from gruverify.cell import LAYOUTS
from gruverify.formulas import step

from ._debug import drawn, find_any, minimal

pytestmark = pytest.mark.uncounted

NDArray = npt.NDArray[Any]
Parameters = Mapping[str, NDArray]


def sigmoid(a: NDArray) -> NDArray:
    return 0.5 * (1 + np.tanh(a / 2))


def keras_step(p: Parameters, x: NDArray, h: NDArray, reset_after: bool) -> NDArray:
    """keras.layers.GRUCell.call, as its source has it."""
    bias = p.get("bias", np.zeros((2, 3 * h.shape[1]) if reset_after else 3 * h.shape[1]))
    input_bias, recurrent_bias = bias if reset_after else (bias, None)
    x_z, x_r, x_h = np.split(x @ p["kernel"] + input_bias, 3, axis=1)
    if reset_after:
        inner = h @ p["recurrent_kernel"] + recurrent_bias
        recurrent_z, recurrent_r, recurrent_h = np.split(inner, 3, axis=1)
        z, r = sigmoid(x_z + recurrent_z), sigmoid(x_r + recurrent_r)
        hh = np.tanh(x_h + r * recurrent_h)
    else:
        U_z, U_r, U_h = np.split(p["recurrent_kernel"], 3, axis=1)
        z, r = sigmoid(x_z + h @ U_z), sigmoid(x_r + h @ U_r)
        hh = np.tanh(x_h + (r * h) @ U_h)
    return np.asarray(z * h + (1 - z) * hh)


def onnx_step(p: Parameters, x: NDArray, h: NDArray, linear_before_reset: bool) -> NDArray:
    """The equations of ONNX' operator GRU, default activations."""
    H = h.shape[1]
    W_z, W_r, W_h = np.split(p["W"][0], 3)
    R_z, R_r, R_h = np.split(p["R"][0], 3)
    Wb_z, Wb_r, Wb_h, Rb_z, Rb_r, Rb_h = np.split(p["B"][0] if "B" in p else np.zeros(6 * H), 6)
    z = sigmoid(x @ W_z.T + h @ R_z.T + Wb_z + Rb_z)
    r = sigmoid(x @ W_r.T + h @ R_r.T + Wb_r + Rb_r)
    recurrent = r * (h @ R_h.T + Rb_h) if linear_before_reset else (r * h) @ R_h.T + Rb_h
    return np.asarray((1 - z) * np.tanh(x @ W_h.T + recurrent + Wb_h) + z * h)


def flax_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """flax.linen.GRUCell.__call__, as its source has it."""
    r = sigmoid(x @ p["ir.kernel"] + p["ir.bias"] + h @ p["hr.kernel"])
    z = sigmoid(x @ p["iz.kernel"] + p["iz.bias"] + h @ p["hz.kernel"])
    n = np.tanh(x @ p["in.kernel"] + p["in.bias"] + r * (h @ p["hn.kernel"] + p["hn.bias"]))
    return np.asarray((1.0 - z) * n + z * h)


def nnx_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """flax.nnx.GRUCell.__call__, as its source has it."""
    bias = p.get("dense_i.bias", np.zeros(3 * h.shape[1]))
    x_r, x_z, x_n = np.split(x @ p["dense_i.kernel"] + bias, 3, axis=1)
    h_r, h_z, h_n = np.split(h @ p["dense_h.kernel"], 3, axis=1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    return np.asarray((1.0 - z) * np.tanh(x_n + r * h_n) + z * h)


def equinox_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """equinox.nn.GRUCell.__call__, as its source has it."""
    H = h.shape[1]
    i_r, i_z, i_n = np.split(x @ p["weight_ih"].T + p.get("bias", np.zeros(3 * H)), 3, axis=1)
    h_r, h_z, h_n = np.split(h @ p["weight_hh"].T, 3, axis=1)
    reset, update = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
    new = np.tanh(i_n + reset * (h_n + p.get("bias_n", np.zeros(H))))
    return np.asarray(new + update * (h - new))


def mlx_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """mlx.nn.GRU.__call__ of one step, as its documentation has it."""
    H = h.shape[1]
    named = {"weight_ih": p["Wx"], "weight_hh": p["Wh"], "bias": p.get("b", np.zeros(3 * H))}
    return equinox_step(named | {"bias_n": p.get("bhn", np.zeros(H))}, x, h)


def haiku_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """haiku.GRU.__call__, as its source has it."""
    U_z, U_r, U_a = np.split(p["w_h"], 3, axis=1)
    x_z, x_r, x_a = np.split(x @ p["w_i"] + p["b"], 3, axis=1)
    z, r = sigmoid(x_z + h @ U_z), sigmoid(x_r + h @ U_r)
    return np.asarray((1 - z) * h + z * np.tanh(x_a + (r * h) @ U_a))


def pytorch_step(p: Parameters, x: NDArray, h: NDArray) -> NDArray:
    """The equations of torch.nn.GRUCell."""
    H = h.shape[1]
    i_r, i_z, i_n = np.split(x @ p["weight_ih"].T + p.get("bias_ih", np.zeros(3 * H)), 3, axis=1)
    h_r, h_z, h_n = np.split(h @ p["weight_hh"].T + p.get("bias_hh", np.zeros(3 * H)), 3, axis=1)
    r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
    return np.asarray((1 - z) * np.tanh(i_n + r * h_n) + z * h)


STEPS: dict[str, Callable[[Parameters, Variant], Callable[[NDArray, NDArray], NDArray]]] = {
    "pytorch": lambda p, v: lambda x, h: pytorch_step(p, x, h),
    "keras": lambda p, v: lambda x, h: keras_step(p, x, h, v.reset == "after"),
    "onnx": lambda p, v: lambda x, h: onnx_step(p, x, h, v.reset == "after"),
    "flax": lambda p, v: lambda x, h: flax_step(p, x, h),
    "nnx": lambda p, v: lambda x, h: nnx_step(p, x, h),
    "equinox": lambda p, v: lambda x, h: equinox_step(p, x, h),
    "mlx": lambda p, v: lambda x, h: mlx_step(p, x, h),
    "haiku": lambda p, v: lambda x, h: haiku_step(p, x, h),
}


def escapes(cell: Cell, found: NDArray, x: NDArray, h: NDArray) -> bool:
    mode = Rounding(float64)
    lift = lambda a: Ball.exact(mode, a)  # noqa: E731
    ball = step(cell.variant, cell.parameters(lift), lift(x), lift(h))
    return bool((np.abs(found - ball.mid) > ball.radius).any())


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_library_computes_what_the_cell_says(name: str) -> None:
    @given(gst.layouts(layouts=[name], formats=[float64]))
    def holds(laid: gst.LaidOut) -> None:
        x, h = np.full((1, laid.cell.input_size), 0.75), np.full((1, laid.cell.hidden_size), -0.5)
        found = STEPS[name](laid.parameters, laid.cell.variant)(x, h)
        assert not escapes(laid.cell, found, x, h)

    holds()


@pytest.mark.parametrize("name", LAYOUTS)
def test_catches_blocks_in_another_order(name: str) -> None:
    """With r and z exchanged in the parameters, some cell of the strategy's shows it."""

    def shows(laid: gst.LaidOut) -> bool:
        blocks = np.repeat([1, 0, 2], laid.cell.hidden_size) * laid.cell.hidden_size
        order = blocks + np.tile(np.arange(laid.cell.hidden_size), 3)
        swapped = Cell(laid.cell.variant, **{n: a[order] for n, a in laid.cell.packed().items()})
        x, h = np.full((1, laid.cell.input_size), 0.75), np.full((1, laid.cell.hidden_size), -0.5)
        parameters = LAYOUTS[name].parameters(LAYOUTS[name].merged(swapped))
        return escapes(laid.cell, STEPS[name](parameters, laid.cell.variant)(x, h), x, h)

    find_any(gst.layouts(layouts=[name], formats=[float64]), shows)


@given(gst.layouts())
def test_there_and_back_again(laid: gst.LaidOut) -> None:
    assert LAYOUTS[laid.layout].cell(laid.parameters, laid.cell.variant) == laid.cell


@given(gst.layouts())
def test_repr_can_be_pasted_back(laid: gst.LaidOut) -> None:
    namespace: dict[str, Any] = {}
    exec("from gruverify import *; from gruverify.strategies import *", namespace)

    assert eval(repr(laid), namespace) == laid


@given(gst.cells())
def test_merging_twice_is_merging_once(cell: Cell) -> None:
    for layout in LAYOUTS.values():
        if cell.variant in layout.variants:
            assert layout.merged(layout.merged(cell)) == layout.merged(cell)


def unlike_adjoint(layout: Any, variant: Variant) -> bool:
    """Whether ⟨gradients(G), t⟩ differs from ⟨G, t in the library's parameters⟩, for whole numbers,
    which are exact.
    """
    integers = np.random.default_rng(0)
    H, I = 3, 2
    sizes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H)}
    sizes |= {"bias_ih": (3 * H,), "bias_hh": (3 * H,)} if variant.bias else {}
    drawn = {name: integers.integers(-9, 9, size).astype(float) for name, size in sizes.items()}
    there = {name: (array.T * np.repeat(variant.mask(name), H)).T for name, array in drawn.items()}
    tangent = Cell(variant, **there)
    laid = layout.parameters(layout.merged(tangent))
    given = {
        name: integers.integers(-9, 9, array.shape).astype(float) for name, array in laid.items()
    }
    found = layout.gradients(given, variant)
    moved = sum(float((found[name] * array).sum()) for name, array in tangent.packed().items())
    return moved != sum(float((given[name] * array).sum()) for name, array in laid.items())


@pytest.mark.parametrize(
    ("name", "variant"),
    [(name, v) for name, layout in LAYOUTS.items() for v in layout.variants],
    ids=str,
)
def test_gradients_come_back_where_the_parameters_came_from(name: str, variant: Variant) -> None:
    assert not unlike_adjoint(LAYOUTS[name], variant)


def test_catches_a_folded_bias_without_its_gradient() -> None:
    """Where a layout forgets that it adds b_hr to b_xr, b_hr has no gradient."""
    flax = LAYOUTS["flax"]
    forgetful = replace(flax, _one_bias=lambda _: (False, False, False))
    mixed = SimpleNamespace(
        merged=flax.merged, parameters=flax.parameters, gradients=forgetful.gradients
    )

    assert unlike_adjoint(mixed, Variant())


@pytest.mark.slow
def test_shrinks_to_pytorch() -> None:
    laid = minimal(gst.layouts())

    assert (laid.layout, laid.cell.hidden_size, laid.cell.input_size) == ("pytorch", 1, 1)


ONE = find_any(gst.cells(variants=[Variant()]), lambda cell: cell.bias_hh.all())
REPLACING = drawn(gst.cells(variants=[Variant(update="replace")]), 1)[0]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        pytest.param(
            lambda: LAYOUTS["flax"].parameters(ONE),
            "bias_hh of this cell is not 0",
            id="bias without a place",
        ),
        pytest.param(
            lambda: LAYOUTS["keras"].parameters(REPLACING),
            "keras has no GRU with reset after, replace",
            id="variant",
        ),
        pytest.param(
            lambda: LAYOUTS["onnx"].cell({"W": np.ones((1, 3, 1))}, Variant()),
            r"onnx parameters lack 'R' \(given: W\)",
            id="parameter missing",
        ),
        pytest.param(
            lambda: LAYOUTS["pytorch"].cell({}, Variant()),
            r"lack 'weight_ih' \(given: none\)",
            id="no parameters",
        ),
    ],
)
def test_what_cannot_be_laid_out_is_said(attempt: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attempt()
