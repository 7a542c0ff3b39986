"""A right GRU whose subnormal numbers are flushed to 0 stays inside its balls once it declares that
(14.10, 14.11).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gruverify import Case, Cell, Format, Variant
from gruverify.arithmetic import Ball, Rounding, bfloat16, float32, float64
from gruverify.backends import resolve, rounding_of
from gruverify.backends._probes import bfloat16_products_flush
from gruverify.cell import unpack
from gruverify.invariants import Exact, Observed


@pytest.fixture
def flushing() -> Iterator[None]:
    bfloat16_products_flush()  # asked once in a process, of what this machine does by itself
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush")
    yield
    torch.set_flush_denormal(False)


def at_the_underflow(fmt: Format, seed: int) -> Case:
    """Weights, cotangents, inputs or states next to the smallest normal number, or to the root of
    it.
    """
    rng = np.random.default_rng(seed)
    H, I, B, T = (int(n) for n in rng.integers(1, 5, 4))

    def draw(*shape: int) -> np.ndarray:
        scale = fmt.min_normal ** rng.choice([0.0, 0.0, 1 / 3, 1 / 2, 1.0]) * 2.0 ** rng.integers(
            -2, 3
        )
        return fmt.cast(rng.normal(size=shape) * scale)

    shapes = {
        "weight_ih": (3 * H, I),
        "weight_hh": (3 * H, H),
        "bias_ih": (3 * H,),
        "bias_hh": (3 * H,),
    }
    cell = Cell(Variant(), **{name: draw(*shape) for name, shape in shapes.items()})
    return Case(cell, draw(T, B, I), draw(B, H), draw(T, B, H), draw(B, H))


def worst(fmt: Format, mode: Rounding) -> float:
    """The largest error / radius of states and gradients over some cells."""
    backend, margins = resolve("torch"), [0.0]
    for seed in range(60):
        case = at_the_underflow(fmt, seed)
        exact, seen = Exact(case, mode), Observed(case, backend)
        found = seen.sequence_vjp
        pairs: list[tuple[np.ndarray, Ball]] = [
            (seen.step, exact.next_state),
            (found.state, exact.gradients.state),
        ]
        pairs += zip(seen.sequence[0], exact.run.states[1:], strict=True)
        pairs += zip(found.inputs, exact.gradients.inputs, strict=True)
        blocks = unpack(dict(found.items()), case.cell.hidden_size)
        pairs += [(a, getattr(exact.gradients.parameters, name)) for name, a in blocks.items()]
        for actual, ball in pairs:
            error, rad = np.abs(actual.astype(np.float64) - ball.mid), ball.radius
            margins.append(
                float(
                    np.divide(error, rad, out=np.where(error > 0, np.inf, 0.0), where=rad > 0).max()
                )
            )
    return max(margins)


@pytest.mark.uncounted
@pytest.mark.usefixtures("flushing")
@pytest.mark.parametrize("fmt", [float32, float64, bfloat16], ids=str)
def test_a_flushed_cell_is_inside_what_it_declares(fmt: Format) -> None:
    # NumPy's own numbers are not flushed: what is expected is found after the call.
    assert worst(fmt, Rounding(fmt, subnormals=False)) <= 1


@pytest.mark.uncounted
@pytest.mark.usefixtures("flushing")
@pytest.mark.parametrize("fmt", [float32, bfloat16], ids=str)
def test_catches_a_flush_that_is_not_declared(fmt: Format) -> None:
    assert worst(fmt, Rounding(fmt)) > 10


@pytest.mark.uncounted
@pytest.mark.parametrize("fmt", [float32, float64, bfloat16], ids=str)
def test_a_cell_that_keeps_them_is_inside_as_well(fmt: Format) -> None:
    for mode in (Rounding(fmt), Rounding(fmt, subnormals=False)):
        assert worst(fmt, mode) <= 1


@pytest.mark.parametrize("name", ["torch", "torch:GRU", "torch:func", "torch-formulas"])
def test_what_pytorch_computes_declares_what_the_processor_flushes(name: str) -> None:
    assert rounding_of(resolve(name), bfloat16).subnormals is not bfloat16_products_flush()
