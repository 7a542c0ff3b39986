"""Modules whose parameters have names of their own, as they say what these stand for."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn

from gruverify import Case, Cell, Variant, assert_holds
from gruverify.backends import UnknownTarget, resolve
from gruverify.backends._guessed_names import guessed_names
from gruverify.backends._place import BadModule
from gruverify.backends._renamed import Renamed

Names = dict[str, Any]
BY_GATE: Names = {
    "W_z": "W_xz.T", "U_z": "W_hz.T", "b_z": "b_xz",
    "W_r": "W_xr.T", "U_r": "W_hr.T", "b_r": "b_xr",
    "W_h": "W_xc.T", "U_h": "W_hc.T", "b_h": "b_xc",
}  # fmt: skip


class ByGate(nn.Module):
    """A cell with a matrix for each gate and side, multiplied from the right, after Cho et al."""

    parameter_names: ClassVar[Any] = BY_GATE
    variants = (Variant("before", "replace", biases="input"),)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for gate in "zrh":
            setattr(self, f"W_{gate}", nn.Parameter(torch.randn(input_size, hidden_size)))
            setattr(self, f"U_{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x: Any, h: Any) -> Any:
        z = torch.sigmoid(x @ self.W_z + h @ self.U_z + self.b_z)
        r = torch.sigmoid(x @ self.W_r + h @ self.U_r + self.b_r)
        return (1 - z) * h + z * torch.tanh(x @ self.W_h + (r * h) @ self.U_h + self.b_h)


class Linears(nn.Module):
    """A layer of two Linear modules, batch first."""

    parameter_names: ClassVar[Any] = {
        "x2h.weight": "weight_ih_l0",
        "x2h.bias": "bias_ih_l0",
        "h2h.weight": "weight_hh_l0",
        "h2h.bias": "bias_hh_l0",
    }
    batch_first = True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x: Any, h: Any) -> Any:
        h, outputs = h[0], []
        for t in range(x.shape[1]):
            a, b = self.x2h(x[:, t]).chunk(3, -1), self.h2h(h).chunk(3, -1)
            r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
            h = (1 - z) * torch.tanh(a[2] + r * b[2]) + z * h
            outputs.append(h)
        return torch.stack(outputs, 1), h[None]


class Joined(nn.Module):
    """A cell whose two Linear modules are given inputs and state next to each other."""

    parameter_names: ClassVar[Any] = {
        "gates.weight": [["W_xz", "W_hz"], ["W_xr", "W_hr"]],
        "gates.bias": ["b_xz", "b_xr"],
        "candidate.weight": [["W_xc", "W_hc"]],
        "candidate.bias": "b_xc",
    }
    variants = (Variant("before", biases="input"),)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 2 * hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Any, h: Any) -> Any:
        z, r = torch.sigmoid(self.gates(torch.cat([x, h], -1))).chunk(2, -1)
        return z * h + (1 - z) * torch.tanh(self.candidate(torch.cat([x, r * h], -1)))


def case(variant: Variant, I: int = 2, H: int = 3, T: int = 3) -> Case:
    """Weights, inputs and cotangents that are all different."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H), "bias_ih": (3 * H,)}
    if variant.biases == "both":
        shapes["bias_hh"] = (3 * H,)
    cell = Cell(variant, **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    return Case(
        cell,
        inputs=rng.normal(size=(T, 2, I)),
        state=rng.normal(size=(2, H)),
        d_outputs=rng.normal(size=(T, 2, H)),
        d_last=rng.normal(size=(2, H)),
    )


@pytest.mark.parametrize("target", [ByGate, Joined, ByGate(2, 3).double(), Joined(2, 3).double()])
def test_a_right_cell_steps_and_differentiates_as_the_formulas_do(target: Any) -> None:
    one = case(target.variants[0], T=1)

    assert_holds("agreement/step", target, one)
    assert_holds("agreement/step-vjp", target, one)


def test_a_right_layer_runs_and_differentiates_as_the_formulas_do() -> None:
    assert_holds("agreement/each-step", Linears, case(Variant()))
    assert_holds("agreement/analytic-gradient", Linears, case(Variant()))


def test_catches_a_transpose_that_is_not_said() -> None:
    class Turned(ByGate):
        parameter_names: ClassVar[Any] = BY_GATE | {"U_z": "W_hz"}

    with pytest.raises(AssertionError):
        assert_holds("agreement/step", Turned, case(ByGate.variants[0], T=1))


def test_its_own_weights_stay() -> None:
    mine = ByGate(2, 3)
    before = {name: p.detach().clone() for name, p in mine.named_parameters()}
    backend: Any = resolve(mine)
    zeros = {
        "weight_ih": np.zeros((9, 2), "f4"),
        "weight_hh": np.zeros((9, 3), "f4"),
        "bias_ih": np.zeros(9, "f4"),
    }
    cell = Cell(ByGate.variants[0], **zeros)

    moved = backend.step(cell, np.ones((1, 2), "f4"), np.ones((1, 3), "f4"))

    assert (moved == 0.5).all()
    assert all(torch.equal(before[name], p) for name, p in mine.named_parameters())


@pytest.mark.parametrize(
    ("names", "biases"),
    [
        ({}, "input"),
        ({"b_z": "b_hz", "b_r": "b_hr", "b_h": "b_hc"}, "recurrent"),
        ({"b_z": ["b_xz"]}, "input"),
    ],
)
def test_the_biases_are_those_that_are_named(names: Names, biases: str) -> None:
    assert Renamed(ByGate(2, 3), BY_GATE | names).biases == biases


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {"W_q": "W_xz"},
            r"ByGate has no parameter 'W_q', which parameter_names has \(did you mean",
        ),
        ({"W_z": None}, "ByGate has W_z, of which parameter_names says nothing"),
        ({"W_z": "Wz"}, r"parameter_names\['W_z'\] = 'Wz': a block is W_xr, W_xz"),
        ({"W_z": 3}, r"parameter_names\['W_z'\] = 3: a block is"),
        ({"W_z": []}, r"parameter_names\['W_z'\] = \[\]: a block is"),
        ({"W_z": [[]]}, r"parameter_names\['W_z'\] = \[\]: a block is"),
        ({"W_z": [[["W_xz"]]]}, r"parameter_names\['W_z'\] = \['W_xz'\]: a block is"),
        (
            {"W_z": [["W_xz.T", "W_hz.T"]]},
            r"\['W_z'\] = \[\['W_xz.T', 'W_hz.T'\]\]: these blocks do not fit side by side",
        ),
        (
            {"W_z": "W_xz"},
            r"ByGate.W_z has the shape \(2, 3\), and parameter_names makes it",
        ),
        ({"U_z": "W_hr.T"}, "parameter_names says nothing of W_hz"),
    ],
)
def test_what_does_not_fit_is_one_line(names: Names, message: str) -> None:
    said = {name: block for name, block in (BY_GATE | names).items() if block is not None}

    with pytest.raises(BadModule, match=message):
        Renamed(ByGate(2, 3), said)


def test_names_that_are_no_mapping_are_refused() -> None:
    class Listed(ByGate):
        parameter_names: ClassVar[Any] = ["W_z"]

    with pytest.raises(UnknownTarget, match=r"'W_z'\] must be a mapping"):
        resolve(Listed)


class Unnamed(ByGate):
    parameter_names: ClassVar[Any] = None


class Sequences(Unnamed):
    """The same as a layer, batch first, whose state is optional and (B, H)."""

    def forward(self, x: Any, h: Any = None) -> Any:
        recurrent: Any = self.U_z
        outputs = [x.new_zeros(len(x), len(recurrent)) if h is None else h]
        for each in x.unbind(1):
            outputs.append(super().forward(each, outputs[-1]))
        return torch.stack(outputs[1:], 1), outputs[-1]


class NamedAsACell(Sequences):
    parameter_names: ClassVar[Any] = BY_GATE


def holding(cls: Any, *others: str) -> Any:
    """A module that holds a GRU as `gru`, beside other parts by these names."""

    class Holding(nn.Module):
        def __init__(self, input_size: int = 2, hidden_size: int = 3) -> None:
            super().__init__()
            self.gru = cls(input_size, hidden_size)
            for name in others:
                setattr(self, name, nn.Linear(hidden_size, 2))

        def forward(self, *given: Any) -> Any:
            return self.gru(*given)

    return Holding


@pytest.mark.parametrize(
    ("target", "suggestion"),
    [
        pytest.param(Unnamed, 'parameter_names = {"W_z": "W_xz.T", "U_z": "W_hz.T"', id="cell"),
        pytest.param(Sequences, 'parameter_names = {"W_z": "W_xz_l0.T", "U_z": "W_h', id="layer"),
        pytest.param(holding(Sequences), '{"gru.W_z": "W_xz_l0.T", "gru.U_z"', id="held"),
        pytest.param(holding(ByGate), '{"gru.W_z": "W_xz.T", "gru.U_z"', id="held and named"),
        pytest.param(
            holding(Sequences, "head"),
            f"head.weight, head.bias are not part of a GRU, and its `gru` alone may be one: "
            f"check {__name__}:Sequences, or `gru` of an instance",
            id="with a head",
        ),
        pytest.param(
            NamedAsACell,
            "NamedAsACell is called with a sequence, and its weights are named as a cell's: put "
            "_l0 behind each block of parameter_names",
            id="named as a cell",
        ),
    ],
)
def test_what_the_names_may_stand_for_is_suggested(target: Any, suggestion: str) -> None:
    with pytest.raises(UnknownTarget) as refused:
        resolve(target)
    assert suggestion in str(refused.value)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({name: tuple(p.shape) for name, p in ByGate(2, 3).named_parameters()}, BY_GATE),
        (
            {f"{side}{gate}.weight": (3, n) for side, n in (("x", 2), ("h", 3)) for gate in "rzn"},
            {
                f"{side}{gate}.weight": f"W_{side}{'c' if gate == 'n' else gate}"
                for side in "xh"
                for gate in "rzn"
            },
        ),
        ({"x2h.weight": (9, 2), "h2h.weight": (9, 3)}, {}),
        ({"W_z": (2, 3), "W_r": (2, 3)}, {}),
    ],
    ids=["by gate", "linears", "packed", "too few"],
)
def test_guesses(shapes: Any, expected: Names) -> None:
    assert guessed_names(shapes) == expected
