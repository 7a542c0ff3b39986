"""What the GRUs of a file are run over: what is always asked, and cases of the strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gruverify.arithmetic import Format, float16, float32, float64
from gruverify.cell import Cell, Stack, Variant
from gruverify.formulas import activations
from gruverify.models import Gru
from gruverify.runtimes import Given, Wanted, drawn_inputs
from gruverify.runtimes._draw import _batches_and_aims, _Drawn, _stream

H, I = 5, 12
EVERYTHING = ("initial_h", "sequence_lens")


def wanted(fmt: Format = float32, *, reset: Any = "after", **options: Any) -> Wanted:
    """Two layers in both directions, that take all there is to take."""
    rng = np.random.default_rng(0)

    def cell(inputs: int) -> Cell:
        shapes = (3 * H, inputs), (3 * H, H), (3 * H,), (3 * H,)
        return Cell(Variant(reset=reset), *(fmt.cast(rng.uniform(-1, 1, s)) for s in shapes))

    rows = ((cell(I), cell(I)), (cell(2 * H), cell(2 * H)))
    return Wanted(Gru("g", "onnx", Stack(rows)), fmt, EVERYTHING, **options)


def is_ragged_with_numbers_in_the_padding(given: Given) -> bool:
    assert given.lengths is not None
    padding = np.arange(len(given.inputs))[:, None] >= given.lengths
    return len(set(given.lengths.tolist())) > 1 and bool(given.inputs[padding].all())


@pytest.mark.uncounted
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("fmt", [float16, float32, float64], ids=str)
def test_what_the_docs_name_is_asked_with_every_seed(fmt: Format, seed: int) -> None:
    found = {given.about: given for given in drawn_inputs(wanted(fmt), seed, 0)}

    sizes = [given.sizes for given in found.values()]
    assert {size["T"] for size in sizes} >= {1, 2, 17, 200}
    assert {size["B"] for size in sizes} >= {1, 2, 3, 33}
    assert is_ragged_with_numbers_in_the_padding(found["every length from 1 on"])
    assert is_ragged_with_numbers_in_the_padding(found["the shortest and the longest"])
    short = found["no member is as long as the inputs"]
    assert short.lengths is not None
    assert short.lengths.max() < len(short.inputs)
    largest = {about: np.abs(given.inputs.astype("f8")).max() for about, given in found.items()}
    assert largest["large inputs"] == 64
    assert 0 < largest["tiny inputs"] < 2.0**-17
    assert largest["inputs of 0"] == 0
    assert set(np.unique(found["inputs of -1, 0 and 1"].inputs)) == {-1, 0, 1}
    special = found["negative zeros and subnormal numbers"].inputs.astype("f8")
    assert np.any((np.abs(special) < fmt.min_normal) & (special != 0)) or np.any(
        np.signbit(special) & (special == 0)
    )
    beyond = found["states beyond 1"].state
    assert beyond is not None
    assert beyond.shape == (4, 3, H)
    assert np.abs(beyond).max() == 4
    assert all(given.inputs.dtype == fmt.dtype for given in found.values())


def test_what_a_file_fixes_is_what_it_is() -> None:
    """A batch that Hypothesis has no bytes for is drawn in part, and repeated."""
    fixed = {"T": 2, "B": 3000}

    found = list(drawn_inputs(wanted(sizes=fixed), 0, 2))

    assert all(given.sizes == fixed for given in found)
    assert found[0].about == "the sizes of the file"
    assert found[-1].about.startswith("case 1, ")


@pytest.mark.uncounted
def test_the_same_seed_draws_the_same_cases_and_another_others() -> None:
    def numbers(seed: int) -> list[bytes]:
        _batches_and_aims.cache_clear()
        inputs = [given.inputs for given in drawn_inputs(wanted(), seed, 5)]
        return [xs.tobytes() for xs in inputs if xs.any()]

    first = numbers(0)
    assert first == numbers(0)
    assert not set(first) & set(numbers(1))


@pytest.mark.uncounted
@pytest.mark.parametrize("reset", ["after", "before"])
def test_gates_are_driven_to_their_regimes(reset: Any) -> None:
    """Units meet both ends of r and z and the middle, from the state that they are in."""
    about = wanted(float32, reset=reset)
    every = list(drawn_inputs(about, 0, 40))[-40:]
    drawn = _Drawn.of(about, (1, 6), (1, 5))
    aims = [aim for _, aim in _batches_and_aims(drawn, "keep", _stream(0, "cases"), 40)]
    levels = set[tuple[str, str]]()

    for given, aim in zip(every, aims, strict=True):
        assert given.state is not None
        [cell, _], functions = about.gru.stack.cells[0], about.gru.activations[0]
        if aim.direction == 1:  # its first step is the last one
            continue
        x, h = given.inputs[0], given.state[0]
        a = activations(cell.variant, cell.parameters(), x, h, functions)
        for member, regime in enumerate(aim.regimes.units[: aim.members]):
            unit = (aim.unit + member) % H
            for gate, drive, name in ((a.a_r, regime.reset, "r"), (a.a_z, regime.update, "z")):
                if drive.level:
                    assert gate[member, unit] == pytest.approx(drive.at, rel=1e-4, abs=1e-4)
                    levels.add((name, drive.level))

    assert levels >= {("r", "0"), ("r", "1"), ("z", "0"), ("z", "1")}
