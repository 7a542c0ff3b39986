"""Stacks: what the formulas make of layers, directions and lengths is what nn.GRU makes of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gruverify import Cell, Stack, StackCase, Variant, float64
from gruverify import strategies as gst
from gruverify.backends import NumpyBackend
from gruverify.cell import unpack
from gruverify.formulas import StackRun, bptt, sequence, stack, stack_bptt
from tests.formulas._cases import ball, escapes

pytestmark = pytest.mark.uncounted

PYTORCH = [Variant(), Variant(bias=False)]
stack_cases = partial(gst.stack_cases, formats=[float64], max_H=3, max_I=3)


def run_of(case: StackCase) -> StackRun:
    """The stack of the case in balls."""
    rows = [[cell.parameters(ball) for cell in row] for row in case.stack.cells]
    return stack(
        case.variant,
        rows,
        [ball(x) for x in case.inputs],
        [ball(h) for h in case.states],
        case.lengths,
    )


@settings(max_examples=60)
@given(stack_cases(variants=PYTORCH, batched=True))
def test_stack_and_its_gradients_are_those_of_nn_gru(case: StackCase) -> None:
    torch = pytest.importorskip("torch")
    s = case.stack
    module = torch.nn.GRU(
        s.input_size,
        s.hidden_size,
        s.layers,
        s.variant.bias,
        bidirectional=s.directions == 2,
        dtype=torch.float64,
    )
    for name, array in s.packed().items():
        getattr(module, name).data = torch.tensor(array)
    x, h = (torch.tensor(a).requires_grad_() for a in (case.inputs, case.states))
    outputs, last = packed_call(torch, module, x, h, case.lengths)
    cotangents = [torch.tensor(case.d_outputs), torch.tensor(case.d_last)]
    parameters = dict(module.named_parameters())
    found = torch.autograd.grad([outputs, last], [*parameters.values(), x, h], cotangents)
    d = dict(zip([*parameters, "inputs", "states"], (g.numpy() for g in found), strict=True))

    run = run_of(case)
    back = stack_bptt(run, [ball(g) for g in case.d_outputs], [ball(g) for g in case.d_last])
    assert inside(outputs.detach().numpy(), run.outputs)
    assert inside(last.detach().numpy(), run.last)
    assert inside(d["inputs"], back.inputs)
    assert inside(d["states"], back.states)
    assert [len(row) for row in back.parameters] == [s.directions] * s.layers
    for layer, row in enumerate(back.parameters):
        for direction, p in enumerate(row):
            place = f"_l{layer}{'_reverse' * direction}"
            own = {name.removesuffix(place): d[name] for name in parameters if name.endswith(place)}
            blocks = dict(unpack(own, s.hidden_size).items())
            assert not [name for name, block in p.items() if not_in(blocks[name], block)]


def packed_call(torch: Any, module: Any, x: Any, h: Any, lengths: Any) -> tuple[Any, Any]:
    if lengths is None:
        outputs, last = module(x, h)
        return outputs, last
    rnn = torch.nn.utils.rnn
    packed, last = module(
        rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False), h
    )
    return rnn.pad_packed_sequence(packed, total_length=len(x))[0], last


def inside(found: Any, expected: Any) -> bool:
    return len(found) == len(expected) and not any(map(escapes, found, expected))


def not_in(found: Any, expected: Any) -> bool:
    """Whether a block lies outside its ball; a cell without biases has the number 0 for them."""
    return not isinstance(found, int) and escapes(found, expected)


@settings(max_examples=20)
@given(stack_cases(max_layers=1, bidirectional=False, min_length=0))
def test_a_stack_of_one_cell_is_a_sequence_for_each_member(case: StackCase) -> None:
    (cell,) = case.stack.cells[0]
    run, p = run_of(case), cell.parameters(ball)
    for b, n in enumerate(case.real.sum(0)):
        one = slice(b, b + 1)
        alone = sequence(
            case.variant, p, [ball(x[one]) for x in case.inputs[:n]], ball(case.states[0, one])
        )
        assert not escapes(run.last[0].mid[one], alone.states[-1])
        for t, outputs in enumerate(run.outputs):
            expected = alone.states[t + 1] if t < n else ball(np.zeros((1, cell.hidden_size)))
            assert not escapes(outputs.mid[one], expected)


@pytest.mark.parametrize("v", PYTORCH, ids=str)
def test_members_without_a_step_keep_their_states_and_pass_their_cotangents_on(v: Variant) -> None:
    numpy, case = NumpyBackend(), ragged([0, 0], v)
    outputs, last = numpy.stack(case.stack, case.inputs, case.states, case.lengths, False)
    assert not outputs.any()
    assert np.array_equal(last, case.states)
    for d_outputs, d_last in ((case.d_outputs, case.d_last), (case.d_outputs, None)):
        g = numpy.stack_vjp(
            case.stack, case.inputs, case.states, case.lengths, False, d_outputs, d_last
        )
        assert np.array_equal(g.states, 0 * case.d_last if d_last is None else d_last)
        assert not any(array.any() for array in [*g.parameters.values(), g.inputs])


def test_a_gradient_needs_a_cotangent() -> None:
    run, case = run_of(ragged([2, 1])), ragged([2, 1])
    missing = r"^d_outputs=None and d_last=None: a gradient needs at least one cotangent$"
    with pytest.raises(ValueError, match=missing):
        stack_bptt(run, None, None)
    with pytest.raises(ValueError, match=missing):
        bptt(run.parts[0].layers[0][0], None, None)
    d_outputs, d_last = [ball(g) for g in case.d_outputs], [ball(g) for g in case.d_last]
    of_outputs, of_last, of_both = (
        stack_bptt(run, *given)
        for given in ((d_outputs, None), (None, d_last), (d_outputs, d_last))
    )
    for one, other, both in zip(of_outputs.inputs, of_last.inputs, of_both.inputs, strict=True):
        assert not escapes((one + other).mid, both)


def ragged(lengths: list[int], v: Variant = PYTORCH[0]) -> StackCase:
    """Two layers in both directions, two members and two steps."""
    draw = np.random.default_rng(0).normal

    def cell(I: int) -> Cell:
        biases = [draw(size=6), draw(size=6)] if v.bias else []
        return Cell(v, draw(size=(6, I)), draw(size=(6, 2)), *biases)

    cells = Stack(((cell(1), cell(1)), (cell(4), cell(4))))
    shapes = ((2, 2, 1), (4, 2, 2), (2, 2, 4), (4, 2, 2))
    return StackCase(cells, *(draw(size=shape) for shape in shapes), lengths=np.array(lengths))
