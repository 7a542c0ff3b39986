"""Weights reach PyTorch's modules by every way, and modules that they do not reach are caught by
that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from gruverify import float16, float32
from gruverify.backends import WAYS, resolve
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS

from ._cases import case

pytestmark = [pytest.mark.uncounted, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")

from . import _wrapped as wrapped  # needs torch
from ._modules import MyCell

nn, Tensor = torch.nn, torch.Tensor

#: What an eager module has of the ways, and what one of one size has beside them.
EAGER = set(WAYS) - {"as-given", "script", "script-after-functional-call"}
#: Where released PyTorch itself answers wrongly for scripted modules (findings/).
WRONG_WHEN_SCRIPTED = {
    "load-state-dict-assign",
    "setattr",
    "deepcopy",
    "script-after-functional-call",
}


def judged(
    target: Any, *, H: int = 3, I: int = 2, ways: Iterable[str] = WAYS
) -> dict[str, Judgement]:
    """Each way's judgement, on three cases: the first that failed, or the last."""
    backend, found = resolve(target), {}
    for seed in range(3):
        for way in ways:
            one = case(format=float32, H=H, I=I, seed=seed)
            (judgement,) = judge(one, backend, [INVARIANTS[f"contract/weights-{way}"]])
            if way not in found or not found[way].failed:
                found[way] = judgement
    return found


def statuses(found: dict[str, Judgement], status: str) -> set[str]:
    return {way for way, judgement in found.items() if judgement.tally.status == status}


@pytest.mark.parametrize(
    "target", ["torch", "torch:GRU", "torch:GRUCell", MyCell, wrapped.Wrapper, nn.GRU]
)
def test_weights_reach_a_right_class_by_every_way(target: Any) -> None:
    found = judged(target)

    assert statuses(found, "passed") == EAGER
    assert statuses(found, "not applicable") == set(WAYS) - EAGER


@pytest.mark.thinned
@pytest.mark.parametrize(
    ("make", "as_given"),
    [
        pytest.param(lambda: nn.GRU(2, 3), set(), id="layer"),
        pytest.param(lambda: MyCell(2, 3), set(), id="cell"),
        pytest.param(lambda: wrapped.Wrapper(2, 3), set(), id="wrapper"),
        *(
            pytest.param(wrapped.RIGHT[name], {"as-given"}, id=name)
            for name in (
                "weight_norm",
                "spectral_norm of a cell",
                "older weight_norm",
                "older spectral_norm",
                "pruned",
            )
        ),
        pytest.param(
            wrapped.RIGHT["wrapper under weight_norm"], {"as-given"}, id="weight_norm within"
        ),
    ],
)
def test_weights_reach_a_right_instance_by_every_way_scripted_too(
    make: Any, as_given: set[str]
) -> None:
    assert statuses(judged(make()), "passed") == EAGER | {"script"} | as_given


def test_what_came_with_parametrizations_is_run_with_them() -> None:
    assert statuses(judged(wrapped.Parametrized), "passed") == EAGER | {"as-given"}


def test_gradients_of_16_bits_are_the_same_bits_where_weights_are_read_at_every_step() -> None:
    backend, found = resolve(wrapped.StepByStep), set[str]()
    for seed in range(20):
        small = replace((one := case(format=float16, seed=seed)), d_last=one.d_last / 2**14)
        (judgement,) = judge(small, backend, [INVARIANTS["contract/weights-parametrization"]])
        found.add(judgement.tally.status)

    assert found == {"passed"}


def test_scripted_instances_are_asked_what_pytorch_can_do_with_copies_of_them() -> None:
    found = judged(torch.jit.script(MyCell(2, 3)))

    assert statuses(found, "passed") == {
        "data",
        "copy",
        "load-state-dict",
        "optimizer-step",
        "script",
    }
    assert statuses(found, "falsified") == set()
    assert "PyTorch itself fails here" in found["deepcopy"].tally.reason


@pytest.mark.slow
def test_scripting_is_where_pytorch_itself_answers_with_old_weights() -> None:
    found = judged("torch:script", H=5, I=3)

    assert statuses(found, "falsified") == WRONG_WHEN_SCRIPTED
    assert statuses(found, "passed") == {
        "data",
        "copy",
        "load-state-dict",
        "optimizer-step",
        "script",
    }
    assert found["setattr"].residual.where.startswith("GRU: last, by setattr")
    assert (
        found["deepcopy"].residual.where
        == "GRUCell: no gradient reached weight_ih.grad, by deepcopy"
    )


def test_a_backend_without_modules_is_not_asked() -> None:
    assert list(judge(case(), resolve("numpy"), [INVARIANTS["contract/weights-data"]])) == []


# -- modules that weights do not reach -------------------------------------------------------------


def at(x: Any, h: Any, weights: Any) -> Any:
    """nn.GRUCell's next state at these weights."""
    return torch._VF.gru_cell(x, h, *weights)


class Shown(MyCell):
    """A right cell, which tells what its weights are."""

    def shown(self) -> list[Any]:
        return [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]

    def forward(self, x: Any, h: Any) -> Any:
        return at(x, h, self.shown())


class Remembering(Shown):
    """Computes with copies of the weights that it had when it first ran."""

    def forward(self, x: Any, h: Any) -> Any:
        if not hasattr(self, "kept"):
            self.kept = [weight.detach().clone() for weight in self.shown()]
        return at(
            x, h, [w + (k - w).detach() for w, k in zip(self.shown(), self.kept, strict=True)]
        )


class Detached(Shown):
    """Its own parameters get no gradient."""

    def forward(self, x: Any, h: Any) -> Any:
        return at(x, h, [weight.detach() for weight in self.shown()])


class Masked(Shown):
    """Halves its state while it is pruned."""

    def forward(self, x: Any, h: Any) -> Any:
        return at(x, h / 2 if hasattr(self, "weight_hh_mask") else h, self.shown())


class Listed(nn.Module):  # type: ignore[misc, name-defined]
    """Keeps a list of its parameters from when it was made, as nn.GRU once did."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        cell = MyCell(input_size, hidden_size)
        for name, p in cell.named_parameters():
            setattr(self, name, p)
        self.flat = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]

    def forward(self, x: Any, h: Any) -> Any:
        return at(x, h, self.flat)


class ByAddress(Shown):
    """Looks at its weights again once they are at another place in memory: not after a change in
    place.
    """

    def forward(self, x: Any, h: Any) -> Any:
        places = [weight.data_ptr() for weight in self.shown()]
        if getattr(self, "places", None) != places:
            self.places = places
            self.kept = [weight.detach().clone() for weight in self.shown()]
        return at(
            x, h, [w + (k - w).detach() for w, k in zip(self.shown(), self.kept, strict=True)]
        )


class Captured(Shown):
    """Reads its weights through a function, which deepcopy does not copy."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.read = lambda: self.shown()

    def forward(self, x: Any, h: Any) -> Any:
        return at(x, h, self.read())


class OtherwiseScripted(MyCell):
    """Does something else once it is scripted."""

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return h
        return torch._VF.gru_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)


@pytest.mark.parametrize(
    ("make", "caught"),
    [
        pytest.param(lambda: Detached, EAGER, id="detached"),
        pytest.param(lambda: Remembering, EAGER, id="remembering"),
        pytest.param(
            lambda: Listed,
            {"load-state-dict-assign", "setattr", "functional-call", "parametrization", "pruning"},
            id="listed",
        ),
        pytest.param(
            lambda: ByAddress, {"copy", "load-state-dict", "optimizer-step"}, id="by address"
        ),
        pytest.param(lambda: Captured, {"deepcopy"}, id="captured"),
        pytest.param(lambda: OtherwiseScripted(2, 3), {"script"}, id="otherwise scripted"),
    ],
)
def test_catches_modules_that_weights_do_not_reach(
    make: Callable[[], Any], caught: set[str]
) -> None:
    assert caught <= statuses(judged(make()), "falsified")


def test_catches_a_module_that_does_something_else_behind_a_mask() -> None:
    masked = torch.nn.utils.prune.ln_structured(Masked(2, 3), "weight_hh", 0.3, n=2, dim=0)

    found = judged(masked, ways=["as-given", "pruning"])

    assert statuses(found, "falsified") == {"as-given", "pruning"}
