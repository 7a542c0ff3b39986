"""Classes of modules are built from their sizes by name where they name them; what cannot be had so
is named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gruverify import UnknownTarget, float32
from gruverify.backends import declarations_of, resolve

from ._cases import case, falsified

pytestmark = pytest.mark.uncounted

torch = pytest.importorskip("torch")
nn = torch.nn


class HiddenFirst(nn.GRUCell):
    """Its sizes in the other order, by PyTorch's names."""

    def __init__(self, hidden_size: int, input_size: int) -> None:
        super().__init__(input_size, hidden_size)


class ByNameAlone(nn.GRUCell):
    """It takes nothing by position."""

    def __init__(self, *, input_size: int, hidden_size: int, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, dtype=dtype)


class Passing(nn.GRUCell):
    """It passes on whatever it is given by name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class HiddenNamed(nn.GRUCell):
    """One size is named, the other one passed on."""

    def __init__(self, hidden_size: int = 5, **options: Any) -> None:
        super().__init__(hidden_size=hidden_size, **options)


class PositionAlone(nn.GRUCell):
    """It takes its sizes by position alone."""

    def __init__(self, input_size: int, hidden_size: int, /) -> None:
        super().__init__(input_size, hidden_size)


class Swapped(nn.GRUCell):
    """Its sizes in the other order, by names that say nothing."""

    def __init__(self, units: int, features: int) -> None:
        super().__init__(features, units)


class SwappedWrapper(nn.Module):
    """The same around a GRU."""

    def __init__(self, units: int, features: int) -> None:
        super().__init__()
        self.gru = nn.GRU(features, units)

    def forward(self, x: Any, h: Any = None) -> Any:
        """As its GRU."""
        return self.gru(x, h)


class NeedsMore(nn.GRUCell):
    """Two sizes are not enough."""

    def __init__(self, input_size: int, hidden_size: int, depth: int) -> None:
        super().__init__(input_size, hidden_size)


class OtherNames(nn.GRUCell):
    """By names alone, and others than PyTorch's."""

    def __init__(self, *, features: int, units: int) -> None:
        super().__init__(features, units)


@pytest.mark.parametrize("cls", [HiddenFirst, ByNameAlone, Passing, HiddenNamed, PositionAlone])
def test_sizes_are_given_as_the_class_takes_them(cls: Any) -> None:
    assert falsified(resolve(cls), case(format=float32)) == set()


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (
            Swapped,
            "Swapped(2, 3), that is (input_size, hidden_size), has an input size of 3 and a "
            "hidden size of 2",
        ),
        (
            SwappedWrapper,
            "SwappedWrapper(2, 3), that is (input_size, hidden_size), has an input size of 3",
        ),
        (NeedsMore, "NeedsMore(input_size=2, hidden_size=3) failed: TypeError: "),
        (OtherNames, "OtherNames(2, 3), that is (input_size, hidden_size), failed: TypeError: "),
    ],
)
def test_a_class_that_cannot_be_had_of_two_sizes_is_named_with_the_way_out(
    cls: Any, expected: str
) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve(cls)

    assert str(caught.value).startswith(expected)
    assert str(caught.value).endswith(
        "give an instance, or a class that is built from input_size and hidden_size"
    )
    assert "\n" not in str(caught.value)


def test_an_instance_of_such_a_class_is_taken() -> None:
    assert falsified(resolve(Swapped(3, 2)), case(format=float32)) == set()


class Two(nn.Module):
    """Two GRUs."""

    def __init__(self, I: int, H: int) -> None:
        super().__init__()
        self.a, self.b = nn.GRU(I, H), nn.GRU(H, H)


def test_of_a_class_no_part_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "mine", type("mine", (), {"Two": Two, "two": Two(2, 3)})
    )  # type: ignore[arg-type]

    with pytest.raises(
        UnknownTarget, match=r"holds 2 GRUs: name one of them, a or b, of an instance of yours"
    ):
        resolve("mine:Two")
    with pytest.raises(
        UnknownTarget, match=r"holds 2 GRUs: name one of them, mine:two\.a or mine:two\.b$"
    ):
        resolve("mine:two")


# -- from zeros alone ------------------------------------------------------------------------------


class Plain(nn.GRU):
    """A layer that takes no state."""

    def forward(self, x: Any) -> Any:  # type: ignore[override]
        """From zeros."""
        return super().forward(x)


class Cell(nn.Module):
    """A cell in a wrapper that takes no state."""

    def __init__(self, I: int, H: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(I, H)

    def forward(self, x: Any) -> Any:
        """From zeros."""
        return self.cell(x)


class Layer(nn.Module):
    """A layer in a wrapper with parameters of its own, which takes no state."""

    def __init__(self, I: int, H: int) -> None:
        super().__init__()
        self.gru, self.unused = nn.GRU(I, H), nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        """From zeros."""
        return self.gru(x)


class Scaled(Layer):
    """More than a GRU."""

    initial_state = False

    def forward(self, x: Any) -> Any:
        """From zeros, through a gain."""
        outputs, last = self.gru(x)
        return outputs * self.unused.bias[0], last


@pytest.mark.thinned
@pytest.mark.parametrize("cls", [Layer, Cell, Plain])
def test_a_module_that_takes_no_state_says_so_and_is_checked_from_zeros(cls: Any) -> None:
    declared = type("Declared", (cls,), {"initial_state": False})

    expected = rf"^{cls.__name__} .*takes no state, forward\(x.*declare initial_state=False"
    with pytest.raises(UnknownTarget, match=expected):
        resolve(cls)
    for target in (declared, declared(2, 3)):
        found = resolve(target)
        assert not declarations_of(found).initial_state
        drawn = case(format=float32)
        assert falsified(found, replace(drawn, state=np.zeros_like(drawn.state))) == set()


def test_catches_a_wrapper_from_zeros_that_does_more() -> None:
    with pytest.raises(
        UnknownTarget, match="its forward is not a GRU's: it returns other numbers than `gru` alone"
    ):
        resolve(Scaled)


def test_another_dtype_is_told_in_words_of_the_module() -> None:
    class Wider(nn.GRUCell):
        def forward(self, x: Any, h: Any) -> Any:  # type: ignore[override]
            return super().forward(x, h).double()

    one, found = case(format=float32), resolve(Wider)

    assert found.step_vjp is not None  # type: ignore[attr-defined]
    with pytest.raises(
        TypeError, match=r"^the module returned float64 for float32: it has no gradient in float32$"
    ):
        found.step_vjp(one.cell, one.inputs[0], one.state, one.state)  # type: ignore[attr-defined]
