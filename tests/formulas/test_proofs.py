"""Proofs: the derivative code is the derivative of the step code, as an identity between
polynomials.

For H = 2, I = 1, a batch of one and every variant, with σ and tanh known by σ' = σ(1-σ) and tanh' =
1-tanh² only.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, replace
from typing import Any

import pytest

from gruverify import VARIANTS, Variant
from gruverify.cell import BLOCKS, Parameters
from gruverify.formulas import (
    Activations,
    _bptt,
    _step,
    activations,
    bptt,
    contributions,
    jacobian,
    next_state,
    pullback,
    sequence,
    step,
    total,
)

pytest.importorskip("sympy")

from gruverify.arithmetic.symbolic import (
    SymbolicArray,
    derivative,
    identical,
    symbolic_array,
    symbols,
)

pytestmark = pytest.mark.uncounted

H, I, B, T = 2, 1, 1, 2

variants = pytest.mark.parametrize("v", VARIANTS, ids=str)
#: What is an identity for any biases is one for none: no formula asks whether there are any.
biased = pytest.mark.parametrize("v", [v for v in VARIANTS if v.bias], ids=str)


def unknowns(v: Variant) -> Parameters:
    """Symbols for every block of the parameters; 0 for the biases of a variant without."""
    shapes = {"W_x": (H, I), "W_h": (H, H)}
    blocks = {
        name: symbols(name, *shapes.get(name[:3], (H,)))
        for name in BLOCKS
        if v.bias or name[0] == "W"
    }
    return Parameters(**{name: blocks.get(name, 0) for name in BLOCKS})


def blocks_of(v: Variant, p: Parameters) -> dict[str, SymbolicArray]:
    """The blocks that a variant has."""
    return {f.name: getattr(p, f.name) for f in fields(Parameters) if v.bias or f.name[0] == "W"}


def one_step(v: Variant) -> tuple[Parameters, SymbolicArray, SymbolicArray, Activations]:
    p, x, h = unknowns(v), symbols("x", B, I), symbols("h", B, H)
    return p, x, h, activations(v, p, x, h)


def number(expression: Any) -> SymbolicArray:
    """A single expression as an array."""
    return symbolic_array(expression).reshape(1)


def gradient(loss: SymbolicArray, by: SymbolicArray) -> SymbolicArray:
    """∂loss/∂by for a single number."""
    return derivative(loss, by)[0]


@variants
def test_jacobian_is_the_derivative_of_the_step(v: Variant) -> None:
    p, x, h, a = one_step(v)
    by_state, by_input = jacobian(v, p, a)
    after = next_state(v, a)

    assert identical(derivative(after, h)[:, :, 0], by_state)
    assert identical(derivative(after, x)[:, :, 0], by_input)


@variants
def test_pullback_is_the_derivative_with_respect_to_every_parameter(v: Variant) -> None:
    p, x, h, a = one_step(v)
    g = symbols("g", B, H)
    loss = number((g * step(v, p, x, h)).sum())
    back = pullback(v, p, a, g)

    for name, block in blocks_of(v, p).items():
        assert identical(gradient(loss, block), getattr(back.parameters, name)), name
    assert identical(gradient(loss, h), back.h)
    assert identical(gradient(loss, x), back.x)


def two_steps(v: Variant) -> tuple[Any, ...]:
    p, state = unknowns(v), symbols("h", B, H)
    inputs = [symbols(f"x{t}", B, I) for t in range(T)]
    d_outputs = [symbols(f"g{t}", B, H) for t in range(T)]
    return p, inputs, state, d_outputs, symbols("last", B, H)


def test_no_formula_asks_for_biases() -> None:
    for module in (_bptt, _step):
        assert not re.search(r"\.bias\b", inspect.getsource(module))


@pytest.mark.slow
@biased
def test_bptt_over_two_steps_is_the_derivative_of_any_loss(v: Variant) -> None:
    """The loss Σ g_t h_t + last h_2, composed of both steps, differentiated by SymPy."""
    p, inputs, state, d_outputs, last = two_steps(v)
    run = sequence(v, p, inputs, state)
    loss = number((d_outputs[0] * run.states[1] + (d_outputs[1] + last) * run.states[2]).sum())
    found = bptt(run, d_outputs, last)

    assert identical(gradient(loss, state), found.state)
    for x, d_x in zip(inputs, found.inputs, strict=True):
        assert identical(gradient(loss, x), d_x)
    for name, block in blocks_of(v, p).items():
        assert identical(gradient(loss, block), getattr(found.parameters, name)), name


@variants
def test_the_contributions_of_all_k_add_up_to_bptt(v: Variant) -> None:
    p, inputs, state, d_outputs, last = two_steps(v)
    run = sequence(v, p, inputs, state)
    terms = list(contributions(run, d_outputs, last))
    summed, whole = total(terms), bptt(run, d_outputs, last)

    assert [term.k for term in terms] == [2, 1]
    for name in blocks_of(v, p):
        assert identical(getattr(summed.parameters, name), getattr(whole.parameters, name))
        parts = getattr(terms[0].parameters, name) + getattr(terms[1].parameters, name)
        assert identical(parts, getattr(whole.parameters, name))


@variants
def test_catches_slope_of_a_gate_dropped(v: Variant) -> None:
    p, _, h, a = one_step(v)
    straightened = jacobian(v, p, replace(a, c=0 * a.c))[0]

    assert not identical(derivative(next_state(v, a), h)[:, :, 0], straightened)


def test_catches_recurrent_bias_without_its_reset() -> None:
    v = Variant()
    p, x, h, a = one_step(v)
    g = symbols("g", B, H)
    loss = number((g * step(v, p, x, h)).sum())
    unreset = pullback(v, p, a, g).parameters.b_xc

    assert identical(gradient(loss, p.b_xc), unreset)
    assert not identical(gradient(loss, p.b_hc), unreset)
