"""What modules return that return no state, or no outputs and last states, is said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gruverify.backends import resolve

from ._cases import case

torch = pytest.importorskip("torch")
nn = torch.nn


def returning(parent: Any, change: Callable[..., Any]) -> Any:
    """A class of modules whose answers are changed."""

    class Changed(parent):  # type: ignore[misc]
        def forward(self, *given: Any) -> Any:
            return change(super().forward(*given))

    return Changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: (h, h), r"a tuple of 2 \(Tensor, Tensor\)"),
        (lambda h: None, "nothing"),
        (lambda h: {"h": h}, "an object of type dict"),
        (lambda h: h.detach().numpy(), "an object of type ndarray"),
    ],
)
def test_a_cell_returns_a_tensor(change: Callable[..., Any], said: str) -> None:
    backend, one = resolve(returning(nn.GRUCell, change)), case()
    given = one.cell, one.inputs[0], one.state

    for method, more in (
        (backend.step, ()),
        (backend.step_jacobian, ()),
        (backend.step_vjp, (one.d_last,)),
    ):
        with pytest.raises(TypeError, match=f"^the module returned {said} where a cell returns"):
            method(*given, *more)
    with pytest.raises(TypeError, match=f"^the module returned {said} where a cell returns"):
        backend.reloaded("data", one.cell, one.inputs, one.state, one.d_last)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # One tensor of two steps would be unpacked into two.
        (lambda both: both[0], "an object of type Tensor"),
        (lambda both: (*both, None), r"a tuple of 3 \(Tensor, Tensor, NoneType\)"),
        (lambda both: [both[0], list(both[1])], r"a list of 2 \(Tensor, list\)"),
        (lambda both: dict(zip("yh", both, strict=True)), "an object of type dict"),
    ],
)
def test_a_layer_returns_two_tensors(change: Callable[..., Any], said: str) -> None:
    backend, one = resolve(returning(nn.GRU, change)), case(T=2)

    with pytest.raises(TypeError, match=f"^the module returned {said} where a layer returns"):
        backend.sequence(one.cell, one.inputs, one.state)
    with pytest.raises(TypeError, match=f"^the module returned {said} where a layer returns"):
        backend.reloaded("data", one.cell, one.inputs, one.state, one.d_last)


def test_a_gradient_of_an_answer_of_another_shape_names_both_shapes() -> None:
    backend, one = resolve(returning(nn.GRUCell, torch.t)), case()

    with pytest.raises(
        TypeError, match=r"^the module returned the shape \(3, 2\), expected \(2, 3\)$"
    ):
        backend.step_vjp(one.cell, one.inputs[0], one.state, one.d_last)
