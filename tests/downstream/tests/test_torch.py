"""The PyTorch layer, with padded batches and real modules from gruverify's strategies."""

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from gruverify import float64
from gruverify import strategies as gst

torch = pytest.importorskip("torch")

from tinygru._torch import ForgetfulGRU, MaskedGRU

suite = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def padded(draw):
    """A cell of PyTorch's and a ragged batch that fits it."""
    cell = draw(gst.torch_cells(formats=[float64], max_H=4, max_I=3))
    sizes = {
        "min_I": cell.input_size,
        "max_I": cell.input_size,
        "min_H": cell.hidden_size,
        "max_H": cell.hidden_size,
    }
    batch = draw(gst.sequences(**sizes, formats=[float64]))
    return cell, *(
        torch.from_numpy(array.copy()) for array in (batch.inputs, batch.state, batch.lengths)
    )


def one_by_one(cell, xs, h, lengths):
    """The last states of members that are run alone, without padding."""
    last = []
    for b, length in enumerate(lengths.tolist()):
        state = h[b : b + 1]
        for x in xs[:length, b : b + 1]:
            state = cell(x, state)
        last.append(state)
    return torch.cat(last)


def same(layer, problem):
    cell, *batch = problem
    return torch.allclose(layer(cell)(*batch), one_by_one(cell, *batch), rtol=0, atol=1e-10)


@suite
@given(padded())
def test_padding_is_not_read(problem):
    assert same(MaskedGRU, problem)


@suite
@given(gst.torch_grus(max_layers=2, formats=[float64]), st.data())
def test_a_gru_of_pytorch_is_drawn_whole(gru, data):
    T, B, I = 3, 2, gru.input_size
    xs = data.draw(
        gst.inputs(min_T=T, max_T=T, min_B=B, max_B=B, min_I=I, max_I=I, formats=[float64])
    )
    xs = torch.from_numpy(xs.copy())
    outputs, _ = gru(xs.transpose(0, 1) if gru.batch_first else xs)
    assert outputs.shape[2] == gru.hidden_size * (1 + gru.bidirectional)
    assert outputs.abs().max() <= 1


def test_finds_padding_that_is_multiplied():
    problem = find(
        padded(),
        lambda problem: not same(ForgetfulGRU, problem),
        settings=settings(suite, max_examples=500),
    )
    cell, xs, h, lengths = problem
    assert (cell.hidden_size, cell.input_size, len(h)) == (1, 1, 1)
    assert lengths.min() < len(xs)
