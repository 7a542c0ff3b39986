"""How many examples a second: gruverify's strategies beside hypothesis.extra.numpy and
hypothesis-torch, in one run.

    python tests/benchmarks/strategies_rate.py

prints examples a second of processor time, the median share of distinct entries, and in how many
examples two gates are equal. It asserts nothing, because times belong to a machine. Without
hypothesis-torch (`tox -e bench` installs it) its tables are left out; where it is there, it comes
last, because once it is imported Hypothesis seeds PyTorch's random generators before every example
of whatever strategy, which takes longer than most strategies.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any

os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # hypothesis-torch is one

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, Unsatisfiable
from hypothesis.extra import numpy as hnp

from gruverify import float32
from gruverify import strategies as gst

Strategy = st.SearchStrategy[Any]
#: How to read the input's weights (3H, I) out of an example.
Read = Callable[[Any], Any]

SHAPES = {"weight_ih": (3, "I"), "weight_hh": (3, "H"), "bias_ih": (3,), "bias_hh": (3,)}


def drawn(strategy: Strategy, count: int) -> list[Any]:
    """So many examples, as a test would see them."""
    seen: list[Any] = []

    @seed(0)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def see(value: Any) -> None:
        seen.append(value)

    see()
    return seen


def row(name: str, strategy: Strategy, count: int, read: Read) -> bool:
    """A line: examples a second, milliseconds, distinct entries, examples with equal gates. Whether
    it can be drawn.
    """
    try:
        drawn(strategy, 2)
        start = time.process_time()
        seen = [np.asarray(read(value)) for value in drawn(strategy, count)]
    except (FailedHealthCheck, Unsatisfiable) as failure:
        print(f"| {name} | cannot be drawn: {type(failure).__name__} | | | |", flush=True)
        return False
    took = (time.process_time() - start) / len(seen)
    distinct = np.median([len(np.unique(matrix)) / matrix.size for matrix in seen])
    equal = np.mean([len({gate.tobytes() for gate in np.split(matrix, 3)}) < 3 for matrix in seen])
    print(
        f"| {name} | {1 / took:,.0f} | {1e3 * took:.2f} | {distinct:.0%} | {equal:.0%} |",
        flush=True,
    )
    return True


def array(shape: tuple[int, ...], **fill: Any) -> Strategy:
    """extra.numpy's, with entries in [-1, 1]."""
    return hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32), **fill)


def tensor(shape: tuple[int, ...], **fill: Any) -> Strategy:
    """hypothesis-torch's, with entries in [-1, 1]."""
    import torch
    from hypothesis_torch import tensor_strategy

    return tensor_strategy(
        torch.float32,
        shape,
        elements=st.floats(-1, 1, width=32),
        device=torch.device("cpu"),
        layout=torch.strided,
        requires_grad=False,
        **fill,
    )


def four(one: Callable[..., Strategy], H: int, I: int, **fill: Any) -> Strategy:
    """The four arrays of a cell, one after the other."""
    size = {"H": H, "I": I}
    shapes = [
        (3 * H, *(size[str(letter)] for letter in letters[1:])) for letters in SHAPES.values()
    ]
    return st.tuples(*(one(shape, **fill) for shape in shapes))


def cell(H: int, I: int) -> Strategy:
    """A whole cell of ours."""
    return gst.cells(min_H=H, max_H=H, min_I=I, max_I=I, formats=[float32])


def itself(value: Any) -> Any:
    """The example is the matrix."""
    return value


def first(arrays: Any) -> Any:
    """The first array of an example is the matrix, or its first step."""
    return arrays[0]


def table(name: str, one: Callable[..., Strategy], H: int, I: int, count: int, dense: int) -> None:
    """Ours and another library at these sizes; only `dense` examples of what is slow."""
    print(f"\n| H = {H}, I = {I}, float32 | examples/s | ms | distinct entries | two gates equal |")
    print("|---|---:|---:|---:|---:|")
    matrix = (3 * H, I)
    ours = gst.inputs(max_T=1, min_B=3 * H, max_B=3 * H, min_I=I, max_I=I, formats=[float32])
    row(f"one matrix {matrix}, gst.inputs", ours, count, first)
    row("four arrays, gst.cells", cell(H, I), count, lambda value: value.weight_ih)
    row(f"one matrix {matrix}, {name}, default", one(matrix), count, itself)
    row(f"four arrays, {name}, default", four(one, H, I), count, first)
    if row(
        f"one matrix {matrix}, {name}, fill=nothing()",
        one(matrix, fill=st.nothing()),
        dense,
        itself,
    ):
        row(
            f"four arrays, {name}, fill=nothing()", four(one, H, I, fill=st.nothing()), dense, first
        )


def main() -> None:
    """Print the tables."""
    table("extra.numpy", array, 8, 8, count=300, dense=40)
    print(
        "\n| ours alone | examples/s | ms | distinct entries | two gates equal "
        "|\n|---|---:|---:|---:|---:|"
    )
    row("gst.cells, H = 256, I = 128", cell(256, 128), 20, lambda value: value.weight_ih)
    row("gst.cases()", gst.cases(), 200, lambda case: case.cell.weight_hh)
    row("gst.cases(max_H=16)", gst.cases(max_H=16), 100, lambda case: case.cell.weight_hh)
    table("extra.numpy", array, 32, 32, count=100, dense=10)
    if importlib.util.find_spec("hypothesis_torch"):
        table("hypothesis-torch", tensor, 8, 8, count=30, dense=10)
        table("hypothesis-torch", tensor, 32, 32, count=10, dense=10)


if __name__ == "__main__":
    main()
