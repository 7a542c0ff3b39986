"""The same formulas on tensors: what torch.func and autograd make of the step is what the
derivative code says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from gruverify import VARIANTS, Case, Variant
from gruverify.cell import BLOCKS, unpack
from gruverify.formulas import activations, bptt, jacobian, next_state, sequence, step
from tests.formulas._cases import ball, balls, cases, escapes

pytestmark = pytest.mark.uncounted

torch = pytest.importorskip("torch")

variants = pytest.mark.parametrize("v", VARIANTS, ids=str)


def tensor(array: Any) -> Any:
    return torch.from_numpy(np.array(array))


def tensors(case: Case) -> dict[str, Any]:
    """The packed parameters as leaves."""
    return {name: tensor(array).requires_grad_() for name, array in case.cell.packed().items()}


@variants
def test_jacobian_is_that_of_torch_func(v: Variant) -> None:
    @given(cases(variants=[v], max_B=1, max_T=1))
    def agrees(case: Case) -> None:
        p = unpack(
            {name: tensor(array) for name, array in case.cell.packed().items()}, case.sizes["H"]
        )

        def advance(x: Any, h: Any) -> Any:
            return step(v, p, x[None], h[None])[0]

        by_input, by_state = torch.func.jacrev(advance, argnums=(0, 1))(
            tensor(case.inputs[0, 0]), tensor(case.state[0])
        )
        q, [x], h = balls(case)
        dh, dx = jacobian(v, q, activations(v, q, x, h))
        assert not escapes(by_state.numpy(), dh[0])
        assert not escapes(by_input.numpy(), dx[0])

    agrees()


@variants
def test_bptt_is_what_autograd_makes_of_the_formulas(v: Variant) -> None:
    @given(cases(variants=[v]))
    def agrees(case: Case) -> None:
        leaves, inputs, state = (
            tensors(case),
            tensor(case.inputs).requires_grad_(),
            tensor(case.state).requires_grad_(),
        )
        run = sequence(v, unpack(leaves, case.sizes["H"]), list(inputs), state)
        loss = (torch.stack(list(run.states[1:])) * tensor(case.d_outputs)).sum() + (
            run.states[-1] * tensor(case.d_last)
        ).sum()
        loss.backward()
        p, xs, h = balls(case)
        expected = bptt(sequence(v, p, xs, h), [ball(g) for g in case.d_outputs], ball(case.d_last))

        assert not escapes(state.grad.numpy(), expected.state)
        for t, d_x in enumerate(expected.inputs):
            assert not escapes(inputs.grad[t].numpy(), d_x)
        found = unpack({name: leaf.grad.numpy() for name, leaf in leaves.items()}, case.sizes["H"])
        for name in BLOCKS if v.bias else BLOCKS[:6]:
            assert not escapes(getattr(found, name), getattr(expected.parameters, name)), name

    agrees()


def test_step_over_tensors_is_step_over_arrays() -> None:
    @given(cases(max_T=1))
    def agrees(case: Case) -> None:
        v, H = case.cell.variant, case.sizes["H"]
        p = unpack({name: tensor(array) for name, array in case.cell.packed().items()}, H)
        q, [x], h = balls(case)
        after = step(v, p, tensor(case.inputs[0]), tensor(case.state)).numpy()
        assert not escapes(after, next_state(v, activations(v, q, x, h)))

    agrees()
