"""nn.Module classes and instances as targets: PyTorch's parameter names say what they are."""

from __future__ import annotations

from typing import Any

import pytest

from gruverify import UnknownTarget
from gruverify.backends import METHODS, offers, resolve

from ._cases import case, falsified

torch = pytest.importorskip("torch")

from ._modules import Fussy, Hidden, MyCell  # needs torch

nn = torch.nn
STEP = ["step", "step_jacobian", "step_vjp"]
#: A step follows from a sequence.
SEQUENCE = [method for method in METHODS if method != "step_jacobian"]


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("target", "methods"),
    [
        pytest.param("torch.nn:GRUCell", STEP, id="cell by name"),
        # As the class of layers below, which it names.
        pytest.param("torch.nn:GRU", SEQUENCE, id="layer by name", marks=pytest.mark.slow),
        pytest.param(MyCell, STEP, id="class of cells"),
        pytest.param(nn.GRU, SEQUENCE, id="class of layers"),
    ],
)
def test_a_class_is_a_cell_or_a_layer_by_its_parameters(target: Any, methods: list[str]) -> None:
    found = resolve(target)

    assert [method for method in METHODS if offers(found, method)] == methods
    assert falsified(found, case()) == set()


def test_an_instance_is_used_at_its_own_sizes() -> None:
    cell: Any = resolve(nn.GRUCell(4, 6))
    layer: Any = resolve(nn.GRU(4, 6))

    assert (cell.input_size, cell.hidden_size) == (4, 6)
    assert (layer.input_size, layer.hidden_size) == (4, 6)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            nn.Linear,
            "Linear has the parameters weight, bias: gruverify expects PyTorch's",
            id="other",
        ),
        pytest.param(nn.ReLU(), "ReLU has the parameters (none)", id="none"),
        pytest.param(Hidden, "Hidden has the parameters bias_ih, bias_hh, W, U", id="names"),
        pytest.param(
            Fussy,
            "Fussy(input_size=2, hidden_size=3) failed: RuntimeError: no room; give an instance",
            id="init",
        ),
    ],
)
def test_a_module_of_another_kind_says_what_is_missing(target: Any, message: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(target)

    assert message in str(caught.value)
