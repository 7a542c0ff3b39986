"""Modules of PyTorch with drawn weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.errors import InvalidArgument

from gruverify import FORMATS, Format, float64
from gruverify import strategies as gst

from ._debug import drawn, minimal

torch = pytest.importorskip("torch")


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_cell_runs_in_its_format(fmt: Format) -> None:
    @given(gst.torch_cells(formats=[fmt]))
    def runs(cell: object) -> None:
        assert isinstance(cell, torch.nn.GRUCell)
        assert str(cell.weight_hh.dtype) == f"torch.{fmt.name}"
        assert cell.weight_hh.requires_grad
        x = torch.ones(2, cell.input_size, dtype=cell.weight_hh.dtype)
        assert torch.isfinite(cell(x)).all()

    runs()


@pytest.mark.uncounted
@given(
    gst.torch_grus(
        max_layers=2, bidirectional=False, batch_first=False, bias=True, formats=[float64]
    )
)
def test_a_gru_is_its_cells_one_layer_after_the_other(gru: Any) -> None:
    x = torch.linspace(-1, 1, 3 * gru.input_size, dtype=torch.float64).reshape(3, 1, -1)
    outputs = x
    for layer in range(gru.num_layers):
        cell = torch.nn.GRUCell(outputs.shape[2], gru.hidden_size, dtype=torch.float64)
        for name, parameter in cell.named_parameters():
            parameter.data = getattr(gru, f"{name}_l{layer}").data
        h, steps = torch.zeros(1, gru.hidden_size, dtype=torch.float64), []
        for step in outputs:
            h = cell(step, h)
            steps.append(h)
        outputs = torch.stack(steps)
    torch.testing.assert_close(gru(x)[0], outputs)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_options_are_kept(bias: bool, bidirectional: bool, batch_first: bool) -> None:
    asked = gst.torch_grus(
        bias=bias, bidirectional=bidirectional, batch_first=batch_first, min_layers=2, max_layers=2
    )

    for gru in drawn(asked, 3):
        assert (gru.bias, gru.bidirectional, gru.batch_first, gru.num_layers) == (
            bias,
            bidirectional,
            batch_first,
            2,
        )


@pytest.mark.slow
@pytest.mark.uncounted
def test_drawing_leaves_the_generator_of_pytorch_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    minimal(gst.torch_cells())
    minimal(gst.torch_grus())

    assert torch.rand(1) == expected


def test_a_cell_shrinks_to_one_unit_and_zeros() -> None:
    cell = minimal(gst.torch_cells())

    assert (cell.input_size, cell.hidden_size) == (1, 1)
    assert not np.concatenate([p.detach().numpy().ravel() for p in cell.parameters()]).any()


def test_without_pytorch_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)

    with pytest.raises(InvalidArgument, match="pip install torch"):
        minimal(gst.torch_cells())
