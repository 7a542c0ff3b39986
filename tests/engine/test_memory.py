"""What judging a large cell takes, in the memory of its weights in float64; what is given back."""

from __future__ import annotations

import ctypes
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from gruverify import Case, Cell, Variant, float64
from gruverify.backends import NumpyBackend
from gruverify.engine import _judge, judge
from gruverify.engine._memory import give_back_memory, keep_freed_memory
from gruverify.invariants import INVARIANTS

pytestmark = pytest.mark.uncounted

#: What reads the first answers, further ones, changed cases, and second derivatives.
ASKED = (
    "agreement/gradient-weight_hh-candidate",
    "agreement/gradient-of-last",
    "agreement/each-cotangent",
    "gradient/last-and-outputs",
    "gradient/sum-over-time",
    "second-order/hvp",
    "second-order/homogeneous",
)


def test_a_large_cell_is_judged_in_the_memory_of_28_times_its_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Large from here on, and not from 420 units on, which takes seconds.
    monkeypatch.setattr(_judge, "_FOUND", 2**17)
    H, rng = 148, np.random.default_rng(0)
    weights = [rng.uniform(-1, 1, (3 * H, H)) / H**0.5 for _ in range(2)]
    biases = [rng.uniform(-1, 1, 3 * H) / H**0.5 for _ in range(2)]
    x, h = rng.normal(size=(2, 2, H)), rng.uniform(-1, 1, (2, H))
    case = Case(Cell(Variant(), *map(float64.cast, (*weights, *biases))), x, h, x, h)
    backend = NumpyBackend()
    # An implementation of one size: else the cell whose inputs show cotangents has 3H more.
    backend.hidden_size = backend.input_size = H  # type: ignore[attr-defined]

    tracemalloc.start()
    judgements = list(judge(case, backend, [INVARIANTS[id] for id in ASKED]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {judgement.tally.status for judgement in judgements} == {"passed"}
    # 69 times them where gradients stay as the sums that they are, and nothing is let go of.
    assert peak < 28 * sum(array.nbytes for array in weights)


def test_the_c_library_is_told_what_becomes_of_freed_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = list[tuple[str, tuple[int, ...]]]()
    library = SimpleNamespace(
        mallopt=lambda *given: told.append(("mallopt", given)),
        malloc_trim=lambda *given: told.append(("malloc_trim", given)),
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)

    keep_freed_memory()
    give_back_memory()

    # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h.
    assert told == [("mallopt", (-1, 2**28)), ("mallopt", (-3, 2**25)), ("malloc_trim", (0,))]


@pytest.mark.parametrize("gone", [AttributeError, OSError, TypeError])
def test_a_library_that_cannot_be_told_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, gone: type[Exception]
) -> None:
    asked = list[object]()

    def missing(name: object) -> object:
        asked.append(name)
        raise gone

    monkeypatch.setattr(ctypes, "CDLL", missing)

    keep_freed_memory()
    give_back_memory()

    assert asked == [None, None]
