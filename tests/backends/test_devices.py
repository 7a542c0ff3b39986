"""TARGET@DEVICE: where a target computes."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gruverify import UnknownTarget
from gruverify.backends import (
    METHODS,
    WAYS,
    Backend,
    TargetUnavailable,
    meant_by,
    offers,
    resolve,
)
from gruverify.backends._devices import Placement, parted, placed
from gruverify.cell import Gradients, Stack
from gruverify.engine import judge
from gruverify.invariants import INVARIANTS

from ._cases import case

torch = pytest.importorskip("torch")

from gruverify.backends import _functional, _targets, _tensors, _torch, _torch_devices
from gruverify.backends._place import BadModule
from gruverify.backends._plain import copied

from ._modules import Inverted, MyCell  # needs torch

#: Ways that are asked of scripted modules, and of instances, alone.
NOT_OF_A_CLASS = ("as-given", "script", "script-after-functional-call")
META = Placement("meta", partial(_tensors.on, torch.device("meta")))


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("torch", ("torch", "")),
        ("torch:GRU@cuda:0", ("torch:GRU", "cuda:0")),
        ("exec:node a@b.mjs", ("exec:node a@b.mjs", "")),
        ("torch@", ("torch@", "")),
        ("@cuda", ("@cuda", "")),
    ],
)
def test_a_device_stands_behind_the_last_at(target: str, found: tuple[str, str]) -> None:
    assert parted(target) == found


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("torch@quantum", "PyTorch has no device 'quantum': devices here: cpu"),
        ("torch:GRU@gpu", "PyTorch has no device 'gpu': did you mean cuda?"),
        ("torch@meta", "PyTorch has no device 'meta': devices here: cpu"),
        ("torch@cpu:1", "PyTorch has no device 'cpu:1': devices here: cpu"),
        ("torch@cuda:x", "PyTorch has no device 'cuda:x': devices here: cpu"),
        ("numpy@cuda", "it computes on the CPU alone, and there is no 'cuda' for it"),
        ("torhc@cuda", "is unknown: did you mean torch"),
        ("mine@cuda", "is unknown: "),
        ("math:sin@cuda", "places its arrays itself: name it 'math:sin'"),
        ("math:sine@cuda", "math has no 'sine'"),
    ],
)
def test_what_cannot_be_placed_is_said_in_one_line(target: str, said: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(target)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("available", "count", "device", "said"),
    [
        (False, 0, "cuda", f"PyTorch {torch.__version__} sees no cuda device: devices here: cpu"),
        (True, 2, "cuda:2", "PyTorch sees no cuda:2: devices here: cpu, cuda:0, cuda:1"),
        (True, 1, "cuda", "PyTorch cannot use cuda: RuntimeError: the driver is too old"),
    ],
)
def test_a_device_that_is_not_here_makes_a_target_unavailable(
    available: bool, count: int, device: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch, "zeros", raising("the driver is too old"))

    with pytest.raises(TargetUnavailable) as caught:
        resolve(f"torch:GRU@{device}")

    assert str(caught.value) == f"target 'torch:GRU@{device}' cannot be used here: {said}"


def raising(said: str) -> Any:
    def call(*sizes: int, **options: Any) -> None:
        raise RuntimeError(said)

    return call


def test_a_format_that_the_device_lacks_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def zeros(size: int, dtype: Any, device: Any) -> None:
        if dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    monkeypatch.setattr(torch, "zeros", zeros)
    narrow = Placement("mps", META.on, _torch_devices._formats_on(torch.device("mps")))

    assert [fmt.name for fmt in placed(resolve("torch"), narrow).formats] == [
        "float16",
        "bfloat16",
        "float32",
    ]


class Mixed:
    """PyTorch's flags, once TF32 was set by its newer name."""

    fp32_precision = "tf32"

    @property
    def allow_tf32(self) -> bool:
        raise RuntimeError("you have used mix of the legacy and new APIs")


@pytest.mark.parametrize(
    ("matmul", "device", "declared"),
    [
        (SimpleNamespace(allow_tf32=True), "cuda:0", {"products": {"float32": "tf32"}}),
        (SimpleNamespace(allow_tf32=False), "cuda:0", {}),
        (SimpleNamespace(allow_tf32=True), "cpu", {}),
        (Mixed(), "cuda", {"products": {"float32": "tf32"}}),
    ],
)
def test_products_in_tf32_are_declared_where_they_are_allowed(
    matmul: Any, device: str, declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cuda, "matmul", matmul)

    assert _torch_devices.declared_on(torch.device(device)) == declared


def test_what_a_target_says_itself_is_not_declared_for_it() -> None:
    there = Placement("there", META.on, declares={"products": "tf32", "tanh": "absolute"})

    class Exact(MyCell):
        products = "bf16"

    found: Any = placed(resolve(Exact), there)

    assert (found.name, found.products, found.tanh) == ("Exact@there", "bf16", "absolute")


@pytest.mark.parametrize("target", ["torch", "torch:func", "torch.nn:GRU", "numpy"])
def test_on_the_cpu_a_target_answers_as_it_does_anyway(target: str) -> None:
    plain, on_cpu = resolve(target), resolve(f"{target}@cpu")

    assert on_cpu.name == f"{plain.name}@cpu"
    assert (on_cpu.formats, on_cpu.variants) == (plain.formats, plain.variants)
    assert answers_of(on_cpu) == answers_of(plain)


def answers_of(backend: Backend) -> dict[str, str]:
    """What every method answers, entry by entry."""
    one = case(H=5, I=3)
    with np.printoptions(threshold=10_000, floatmode="unique"):
        return {
            method: repr(getattr(backend, method)(*ARGUMENTS[method](one)))
            for method in METHODS
            if offers(backend, method)
        }


@pytest.mark.parametrize(("module", "fails"), [(MyCell, False), (Inverted, True)])
def test_catches_a_fault_of_a_module_on_a_device(module: Any, fails: bool) -> None:
    found = placed(resolve(module), _torch_devices.placement("cpu"))

    [judgement] = judge(case(), found, [INVARIANTS["agreement/step"]])

    assert judgement.failed == fails


def test_whatever_device_it_is_on_it_is_that_target() -> None:
    assert meant_by("torch:GRU@cuda:1") == "torch:GRU"
    assert meant_by("mypkg.mod:Net@cuda") == "mypkg.mod:Net"


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets are placed on the meta device, where tensors of other devices are refused; it has no
    numbers, and those that come back from it are 0.
    """
    back = torch.Tensor.cpu

    def cpu(value: Any) -> Any:
        if value.is_meta:
            return torch.zeros(value.shape, dtype=value.dtype)
        return back(value)

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    monkeypatch.setattr(_targets, "placement_of", lambda framework, device: META)
    for module in (_torch, _functional):
        monkeypatch.setattr(module, "pytorch_subnormals", lambda device: True)


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize(
    "target",
    [
        "torch",
        "torch:GRU",
        "torch:GRUCell",
        "torch:func",
        "torch:script",
        "torch:export",
        "torch-formulas",
        "torch.nn:GRU",
    ],
)
def test_cell_and_arrays_are_all_on_the_device(target: str) -> None:
    found = resolve(f"{target}@meta")
    one = case(H=5, I=3)
    methods = [method for method in METHODS if offers(found, method)]

    assert methods
    for method in methods:
        assert getattr(found, method)(*ARGUMENTS[method](one)) is not None


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize("way", WAYS)
def test_weights_reach_a_module_on_its_device_in_every_way(way: str) -> None:
    found: Any = resolve("torch@meta")
    one = case()
    if way in NOT_OF_A_CLASS:
        with pytest.raises(NotImplementedError):
            found.reloaded(way, one.cell, one.inputs, one.state, one.state)
    else:
        assert not found.reloaded(way, one.cell, one.inputs, one.state, one.state).strays


@pytest.mark.usefixtures("on_meta")
def test_catches_a_module_that_computes_elsewhere() -> None:
    class Elsewhere(MyCell):
        def forward(self, x: Any, h: Any) -> Any:
            return super().forward(x, h) + torch.zeros(h.shape, dtype=h.dtype)

    found: Any = placed(resolve(Elsewhere), META)
    one = case()

    with pytest.raises(RuntimeError, match="meta"):
        found.step(one.cell, one.inputs[0], one.state)


def arguments_of_a_run(one: Any) -> tuple[Any, ...]:
    return one.cell, one.inputs, one.state


def direction(one: Any) -> Gradients:
    c = one.cell
    return Gradients(c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh, one.inputs, one.state)


def stacked(one: Any) -> tuple[Any, ...]:
    """A layer of two directions."""
    return Stack(((one.cell, one.cell),)), one.inputs, np.stack([one.state] * 2)


def outputs(one: Any) -> Any:
    return np.ones((*one.inputs.shape[:2], one.cell.hidden_size))


ARGUMENTS: dict[str, Any] = {
    "step": lambda one: (one.cell, one.inputs[0], one.state),
    "step_jacobian": lambda one: (one.cell, one.inputs[0], one.state),
    "step_vjp": lambda one: (one.cell, one.inputs[0], one.state, one.state),
    "sequence": arguments_of_a_run,
    "sequence_vjp": lambda one: (*arguments_of_a_run(one), outputs(one), one.state),
    "sequence_jvp": lambda one: (*arguments_of_a_run(one), direction(one)),
    "sequence_hvp": lambda one: (*arguments_of_a_run(one), outputs(one), None, direction(one)),
    "sequence_hvp_reverse": lambda one: (
        *arguments_of_a_run(one),
        outputs(one),
        None,
        direction(one),
    ),
    "stack": lambda one: (*stacked(one), np.array([3, 1]), False),
    "stack_vjp": lambda one: (
        *stacked(one),
        None,
        False,
        np.tile(outputs(one), 2),
        np.stack([one.state] * 2),
    ),
}


def test_every_call_is_made_on_the_device_in_any_thread() -> None:
    inside, seen = threading.local(), list[bool]()

    @contextmanager
    def on() -> Any:
        inside.on = True
        yield
        inside.on = False

    class Watched:
        name, variants, formats = "watched", resolve("torch").variants, resolve("torch").formats

        def step(self, cell: Any, x: Any, h: Any) -> Any:
            seen.append(getattr(inside, "on", False))
            return h

    def context() -> AbstractContextManager[None]:
        return on()

    found: Any = placed(Watched(), Placement("there", context))
    thread = threading.Thread(target=found.step, args=(None, 0, 0))
    thread.start()
    thread.join()
    found.step(None, 0, 0)

    assert seen == [True, True]
    assert not inside.on


def test_a_module_elsewhere_is_told_how_to_be_named() -> None:
    there = SimpleNamespace(parameters=lambda: [SimpleNamespace(device=torch.device("cuda:1"))])

    with pytest.raises(BadModule) as caught:
        copied(there)  # type: ignore[arg-type]

    assert "is on cuda:1: name the device, as TARGET@cuda:1 or TARGET@cpu" in str(caught.value)


def test_a_copy_is_made_on_the_device() -> None:
    own = MyCell(2, 3)

    with META.on():
        copies = copied(own), copied(own.to("meta"))

    assert {p.device.type for one in copies for p in one.parameters()} == {"meta"}
