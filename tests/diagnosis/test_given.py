"""What is wrong with a model or its inputs, on one line that names the way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gruverify import Stack
from gruverify.backends import UnknownTarget
from gruverify.diagnosis import (
    Layer,
    Model,
    _given,
    diagnose,
    diagnosed,
    given_inputs,
    model_of,
    require_no_embedding,
)
from tests.diagnosis._models import DATA, cell, trained


def refused(model: object, *given: Any, **options: Any) -> str:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as wrong:
        diagnose(model, *given, **options)
    return str(wrong.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((9, 2, 3)), "inputs has shape (9, 2, 3), expected (T, B, I) with I=2"),
        (
            np.zeros((0, 2, 2)),
            "inputs has shape (0, 2, 2): there is no step, member or input",
        ),
        (
            np.zeros((5, 0, 2)),
            "inputs has shape (5, 0, 2): there is no step, member or input",
        ),
        (np.zeros(3), "inputs has shape (3,), expected (T, B, I), or (T, I) without a batch"),
        ([[0.0, np.nan]], "inputs[t=0, b=0, i=1] is nan: every number must be finite (of 1 that"),
        ([["a", "b"]], "inputs has dtype <U1: numbers are wanted"),
        (np.zeros((9, 4), int), "inputs has shape (9, 4) and dtype int64: that looks like tokens"),
        (np.full((3, 1, 2), 1e308), "are so large that the gates of layer 0 overflow in float64"),
    ],
)
def test_inputs_that_do_not_fit(inputs: Any, message: str) -> None:
    assert message in refused(cell(scale=9.0), inputs)


def test_tokens_are_told_how_to_become_vectors() -> None:
    assert "model.rnn.register_forward_pre_hook(" in refused(cell(), np.zeros((9, 4), int))


def test_a_state_that_does_not_fit() -> None:
    x = np.zeros((3, 1, 2))

    assert "state has shape (2, 4), expected (L·D, B, H) or" in refused(
        cell(), x, state=np.ones((2, 4))
    )
    wrong = np.full((1, 1, 4), np.inf)
    assert "state[s=0, b=0, i=0] is inf" in refused(cell(), x, state=wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps=0 must be a whole number of 1 or more"),
        ({"members": -1}, "members=-1 must be a whole number of 1 or more"),
        ({"steps": 10**9}, "T=1000000000 steps of H=4 units take more memory"),
        ({"members": 10**14}, "members=100000000000000 are inputs of more than fits in memory"),
        ({"seed": 1.5}, "seed=1.5 must be a whole number of 0 or more"),
        ({"formats": "f8"}, "format='f8' is unknown"),
    ],
)
def test_sizes_that_are_none(options: Any, message: str) -> None:
    assert message in refused(cell(), **options)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"a.weight": np.zeros((3, 2))}, "the mapping: has no parameters of a GRU"),
        ({"weight_ih": np.zeros((16, 2)), "weight_hh": np.zeros((16, 4))}, "an LSTM has four"),
        ("nowhere.npz", "nowhere.npz: No such file or directory"),
        ("", "model '' is not a name"),
        pytest.param("x" * 300 + ".npz", "File name too long", id="long file"),
        pytest.param("x" * 300 + ":net", "there is no module", id="long module"),
        ("torch:GRU@cpu", "target 'torch:GRU@cpu' is given the weights of every case, and has"),
        ("numpy", "target 'numpy' is given the weights of every case, and has none: name an inst"),
        ("numpy:mean", "holds no weights that are read here"),
        ("pathlib:Path", "is the class Path, which is to be built and has no weights yet"),
        (3, "target int is of type int, and holds no weights that are read here: name an instance"),
    ],
)
def test_a_model_that_is_no_gru_with_weights(model: object, message: str) -> None:
    assert message in refused(model)


def test_several_grus_are_listed() -> None:
    weights, _ = trained("delay")
    two = {f"{part}.{name}": array for part in "ab" for name, array in weights.items()}

    assert "the mapping has 2 GRUs, pick one with --gru: a.rnn: H=8, I=1" in refused(two)
    assert model_of(two, gru="b.rnn").gru.name == "b.rnn"


def test_an_embedding_before_the_gru_asks_for_recorded_inputs() -> None:
    weights, x = trained("integrator")
    with_embedding = {"emb.weight": np.zeros((50, 1)), **weights}

    assert refused(with_embedding).startswith("emb.weight (50, 1) stands before the GRU")
    assert diagnose(with_embedding, x[:3], formats=()).steps == 3
    require_no_embedding(model_of(weights))


def test_a_model_is_a_cell_a_stack_a_path_or_a_mapping() -> None:
    weights, _ = trained("integrator")
    path = DATA / "integrator.npz"
    of_file = model_of(str(path)).gru
    assert of_file.stack.cells[0][0] == model_of(weights).gru.stack.cells[0][0]
    assert diagnose(Path(path), steps=2, members=1, formats=()).recorded is False
    assert (
        diagnose(Stack(((cell(),), (cell(I=4),))), steps=2, members=1, formats=()).layers[1].number
    )


def test_a_module_s_weights_are_read_as_it_computes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from torch import nn
    from torch.nn.utils import parametrize

    class Doubled(nn.Module):
        def forward(self, weight: Any) -> Any:
            return 2 * weight

    gru = nn.GRUCell(2, 3)
    plain = gru.weight_hh.detach().numpy().copy()
    parametrize.register_parametrization(gru, "weight_hh", Doubled())
    found = model_of(nn.ModuleDict({"encoder": gru})).gru

    assert found.name == "encoder"
    assert np.array_equal(found.stack.cells[0][0].weight_hh, 2 * plain)
    with pytest.raises(UnknownTarget, match="is the class GRU, which is to be built"):
        model_of("torch.nn:GRU")
    (tmp_path / "mine_to_diagnose.py").write_text(
        "from torch import nn\nmodel = nn.ModuleDict({'rnn': nn.GRU(2, 3)})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert model_of("mine_to_diagnose:model.rnn").gru.stack.hidden_size == 3


@pytest.mark.uncounted
def test_a_gru_that_runs_backward_alone_meets_the_last_step_first() -> None:
    x = np.random.default_rng(0).normal(size=(6, 1, 2))
    forward = model_of(cell())
    backward = replace(forward, gru=replace(forward.gru, backward=True))

    def found(model: Model, inputs: npt.NDArray[Any]) -> Layer:
        given = given_inputs(model, inputs, state=None, batch_first=False, source="x")
        return diagnosed(model, given, ()).layers[0]

    assert np.array_equal(found(backward, x).z, found(forward, x[::-1]).z)
    assert (found(backward, x).direction, found(forward, x).direction) == (1, 0)


def test_members_that_do_not_fit_into_memory_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_given, "_MOST_NUMBERS", 100)

    found = diagnose(cell(), np.zeros((6, 9, 2)), formats=())
    assert (found.members, found.inputs) == (4, "as given, the first of its 9 members")
    assert "give at most 25 steps" in refused(cell(), np.zeros((26, 1, 2)))


def test_one_step_and_one_member_are_enough() -> None:
    found = diagnose(cell(H=1, I=1), [[0.5]])

    assert found.layers[0].memory.length.at_least
    assert len(found.layers[0].formats) == 3


def test_catches_axes_taken_for_each_other() -> None:
    x = np.random.default_rng(0).normal(size=(7, 3, 2))

    first = diagnose(cell(), x, formats=())
    same = diagnose(cell(), x.swapaxes(0, 1), batch_first=True, formats=())
    other = diagnose(cell(), x, batch_first=True, formats=())
    assert (first.steps, same.steps, other.steps) == (7, 7, 3)
    assert np.array_equal(first.layers[0].z, same.layers[0].z)
