"""Right modules that hold their weights in other ways than nn.GRU does conform; what cannot be
verified is named.
"""

from __future__ import annotations

import re
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

import gruverify
from gruverify import UnknownTarget, Variant, float32
from gruverify.backends import offers, resolve

from ._cases import case, falsified

torch = pytest.importorskip("torch")

from . import _wrapped as wrapped  # needs torch
from ._modules import Fussy, MyCell

nn = torch.nn


@pytest.mark.thinned
@pytest.mark.filterwarnings("ignore")
@pytest.mark.uncounted
@pytest.mark.parametrize("make", wrapped.RIGHT.values(), ids=wrapped.RIGHT.keys())
def test_a_right_instance_is_not_accused(make: Any) -> None:
    found = resolve(make())

    (format,) = found.formats
    assert falsified(found, case(format=format)) == set()


@pytest.mark.thinned
@pytest.mark.uncounted
@pytest.mark.parametrize(
    "cls",
    [
        wrapped.BatchFirst,
        wrapped.AlwaysBatchFirst,
        wrapped.BatchFirstAlone,
        wrapped.OneLayer,
        wrapped.Wrapper,
        wrapped.WrappedCell,
        wrapped.Headed,
        wrapped.Parametrized,
        wrapped.Noisy,
    ],
)
def test_a_right_class_is_not_accused(cls: Any) -> None:
    found = resolve(cls)

    assert {variant: falsified(found, case(variant, float32)) for variant in found.variants} == {
        variant: set() for variant in found.variants
    }


@pytest.mark.thinned
@pytest.mark.filterwarnings("ignore")
@pytest.mark.uncounted
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(wrapped.BatchFirst, id="batch first by default"),
        pytest.param(wrapped.Dropping, id="two layers and dropout by default"),
        pytest.param(wrapped.Wrapper, id="wrapper"),
        pytest.param(
            wrapped.Wrapper(2, 3, num_layers=2, bidirectional=True), id="wrapper of a stack"
        ),
        pytest.param(wrapped.tied_layers(), id="tied layers"),
        pytest.param(wrapped.tied_directions(), id="tied directions"),
        pytest.param(nn.GRU(2, 3, num_layers=2, dropout=0.5), id="dropout between layers"),
        pytest.param(wrapped.pruned(nn.GRU(2, 3, num_layers=2), "weight_hh_l1"), id="pruned"),
    ],
)
def test_a_right_stack_is_not_accused(target: Any) -> None:
    result = gruverify.check(resolve(target), formats=[float32], max_cases=3)

    assert [
        id for (id, _, _), tally in result.tallies.items() if tally.falsified or tally.error
    ] == []


def test_what_a_class_can_be_asked_for_is_found_out() -> None:
    def shape(cls: Any) -> Any:
        found: Any = resolve(cls)
        return found.num_layers, found.bidirectional, found.batch_first, found.stack is not None

    assert shape(wrapped.BatchFirst) == (None, None, None, True)
    assert shape(wrapped.Wrapper) == (None, None, None, True)
    assert shape(wrapped.OneLayer) == (None, None, None, False)
    assert shape(wrapped.Wrapper(2, 3, batch_first=True)) == (1, False, True, True)


def test_a_class_whose_default_is_batch_first_is_asked_both_ways() -> None:
    found: Any = resolve(wrapped.BatchFirst)
    one = case(format=float32)
    given = one.cell, one.inputs.copy(), one.state.copy()

    assert falsified(found, case(Variant(bias=False), float32)) == set()
    assert [a.shape for a in found.sequence(*given)] == [(3, 2, 3), (2, 3)]


@pytest.mark.uncounted
def test_a_wrong_wrapper_is_falsified() -> None:
    assert "agreement/outputs" in falsified(resolve(wrapped.Forgetful), case(format=float32))


@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("cls", "caught"),
    [
        (wrapped.HalvedInEvaluation, "agreement/step"),
        (wrapped.HalvedInTraining, "agreement/step-vjp"),
        (wrapped.LayerHalvedInEvaluation, "agreement/outputs"),
    ],
)
def test_values_are_asked_in_evaluation_mode_and_gradients_in_training_mode(
    cls: Any, caught: str
) -> None:
    assert caught in falsified(resolve(cls), case())


def test_the_users_instance_keeps_its_weights_and_its_parametrization() -> None:
    module = wrapped.RIGHT["weight_norm"]()
    before, outputs = dict(module.state_dict()), module(torch.ones(2, 2))[0]

    falsified(resolve(module), case(format=float32))

    assert module.state_dict().keys() == before.keys()
    assert all(torch.equal(weight, before[name]) for name, weight in module.state_dict().items())
    assert torch.equal(module(torch.ones(2, 2))[0], outputs)


class Close(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.w_ih = nn.Parameter(torch.ones(3 * hidden_size, input_size))
        self.w_hh = nn.Parameter(torch.ones(3 * hidden_size, hidden_size))


class Lazy(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.weight_ih = nn.UninitializedParameter()
        self.weight_hh = nn.Parameter(torch.ones(9, 3))


class OneForBoth(nn.GRU):  # type: ignore[misc, name-defined]
    """Its layers share recurrent weights, and its forward reads the first one's name alone."""

    def __init__(self) -> None:
        super().__init__(2, 3, 2)
        self.weight_hh_l1 = self.weight_hh_l0

    def forward(self, xs: Any, h: Any) -> Any:
        weights = [
            getattr(self, name.replace("weight_hh_l1", "weight_hh_l0")) for name, _ in named(self)
        ]
        return torch._VF.gru(xs, h, weights, True, 2, 0.0, False, False, False)


def named(module: Any) -> Any:
    return sorted(
        module.named_parameters(remove_duplicate=False),
        key=lambda pair: (pair[0][-1], pair[0].startswith("bias"), "hh" in pair[0]),
    )


class Mixed(nn.GRUCell):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__(2, 3)
        self.weight_hh = nn.Parameter(self.weight_hh.detach().half())


HELD = "{} holds GRU as `{}`, and its forward is not a GRU's: {}"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            wrapped.Tagger,
            HELD.format("Tagger", "encoder.rnn", "it returned a tensor (3, 2, 7), expected"),
            id="model",
        ),
        pytest.param(
            wrapped.Tagger,
            "Name `encoder.rnn` of an instance of yours, as module:instance.enc",
            id="way out",
        ),
        pytest.param(
            wrapped.Tagger(2, 3),
            "Name its encoder.rnn, as module:instance.encoder.rnn",
            id="instance",
        ),
        pytest.param(
            wrapped.Normed,
            "returns other numbers than `rnn` alone, by norm.weight, norm.bias",
            id="more",
        ),
        pytest.param(
            wrapped.Scaled,
            "returns other numbers than `gru` alone, by scale",
            id="returns less",
        ),
        pytest.param(
            nn.Sequential(nn.GRU(2, 3)),
            "Sequential holds GRU as `0`, and takes no state, forward(input). Name",
            id="no state",
        ),
        pytest.param(
            wrapped.TwoGRUs,
            "TwoGRUs holds 2 GRUs: name one of them, encoder or decoder, of an",
            id="two",
        ),
        pytest.param(
            Close,
            "say what they stand for by an attribute of Close, parameter_names = {",
            id="close names",
        ),
        pytest.param(
            Lazy(),
            "Lazy has no shape yet for weight_ih, which it initialises lazily: call it",
            id="lazy",
        ),
        pytest.param(nn.LSTM, "LSTM is not a GRU: weight_hh_l0 has the shape (12, 3)", id="LSTM"),
        pytest.param(
            nn.RNNCell(2, 3), "RNNCell is not a GRU: weight_hh has the shape (3, 3)", id="RNN"
        ),
        pytest.param(
            Mixed(), "Mixed has weights in float16 and float32: gruverify knows", id="mixed formats"
        ),
        pytest.param(
            nn.GRUCell(2, 3, dtype=torch.complex64),
            "GRUCell has weights in complex64",
            id="complex",
        ),
        pytest.param(
            wrapped.Peeking,
            "Peeking cannot be verified at any weights: its forward reads what weight_hh is",
            id="peeks",
        ),
        pytest.param(
            OneForBoth(),
            "OneForBoth cannot be verified at any weights: its forward does not read "
            "weight_hh_l1 by its name",
            id="reads one",
        ),
        pytest.param(
            Fussy,
            "Fussy(input_size=2, hidden_size=3) failed: RuntimeError: no room; give an instance",
            id="init",
        ),
    ],
)
def test_what_cannot_be_verified_is_named_with_the_way_out(target: Any, message: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(target)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scripted_layer_alone_cannot_be_called() -> None:
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        module = torch.jit.script(nn.GRU(2, 3))

    with pytest.raises(UnknownTarget, match="GRU is scripted and cannot be called"):
        resolve(module)


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of a user's, by the name `mine`."""
    found: Any = ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", found)
    return found


def test_a_submodule_of_an_instance_is_named_as_its_part(mine: Any) -> None:
    mine.model = wrapped.Tagger(2, 3)
    mine.rows = nn.ModuleList([nn.GRUCell(2, 3), nn.GRUCell(3, 3)])

    with pytest.raises(UnknownTarget, match=r"Name mine:model\.encoder\.rnn, or write"):
        resolve("mine:model")
    with pytest.raises(
        UnknownTarget, match=re.escape("holds 2 GRUs: name one of them, mine:rows.0 or mine:rows.1")
    ):
        resolve("mine:rows")
    for target in ("mine:model.encoder.rnn", "mine:model.encoder", "mine:rows.0"):
        assert falsified(resolve(target), case(format=float32)) == set()


@pytest.mark.uncounted
@pytest.mark.parametrize(
    "reason",
    [
        "\"addmm_impl_cpu_\" not implemented for 'BFloat16'",
        "derivative for aten::fancy is not implemented",
        "Got unsupported dtype BFloat16\nand a trace",
        "Batching rule not implemented for aten::gru.input; we could not generate a fallback",
        "Attempting to find a batching rule for aten::x failed",
        "no kernel image is available for execution",
        "Double backwards is not supported for CuDNN RNNs due to limitations in the CuDNN API",
    ],
)
def test_what_pytorch_refuses_is_no_error_of_the_target(reason: str) -> None:
    class Refusing(MyCell):
        def forward(self, x: Any, h: Any) -> Any:
            raise RuntimeError(reason)

    found: Any = resolve(Refusing)
    one = case()

    assert falsified(found, one) == set()
    with pytest.raises(NotImplementedError, match=f"^{re.escape(reason.splitlines()[0])}$"):
        found.step(one.cell, one.inputs[0].copy(), one.state.copy())


def test_another_runtime_error_is_one() -> None:
    class Broken(MyCell):
        def forward(self, x: Any, h: Any) -> Any:
            raise RuntimeError("size mismatch")

    assert "contract/shape-step" in falsified(resolve(Broken), case())


def test_a_module_that_keeps_what_it_computed_is_copied_without_it() -> None:
    module = wrapped.Remembering(2, 3)
    module(torch.zeros(2, 1, 2), torch.zeros(1, 1, 3))

    assert offers(resolve(module), "sequence")


@pytest.mark.parametrize("cls", [nn.GRU, nn.GRUCell])
def test_a_module_that_cannot_be_copied_is_refused_in_one_line(cls: Any) -> None:
    module = cls(2, 3)
    module.lock = threading.Lock()

    with pytest.raises(
        UnknownTarget, match=rf"{cls.__name__} cannot be copied \(TypeError: cannot"
    ):
        resolve(module)
