"""How many examples a second: gruverify's strategies beside those of hypothesis.extra.numpy, in one run.

    python tests/benchmarks/strategies_rate.py

prints examples a second, and what they are worth: of a matrix's entries, the median share of distinct ones. It asserts
nothing, because times belong to a machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, Unsatisfiable
from hypothesis.extra import numpy as hnp

from gruverify import float32
from gruverify import strategies as gst

Read = Callable[[Any], Any]


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
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


def report(name: str, strategy: st.SearchStrategy[Any], count: int, matrix: Read = lambda value: value) -> None:
    """One line: name, examples a second, distinct entries."""
    start = time.perf_counter()
    try:
        seen = drawn(strategy, count)
    except (FailedHealthCheck, Unsatisfiable) as failure:
        print(f"{name:58} {type(failure).__name__}: it cannot be drawn")
        return
    rate = len(seen) / (time.perf_counter() - start)
    distinct = np.median([len(np.unique(matrix(value))) / matrix(value).size for value in seen])
    print(f"{name:58} {rate:8.0f} /s   {1e3 / rate:7.2f} ms   {distinct:4.0%} distinct")


def arrays(H: int, I: int, **fill: Any) -> st.SearchStrategy[Any]:
    """extra.numpy's weight_ih (3H, I), entries in [-1, 1]."""
    return hnp.arrays(np.float32, (3 * H, I), elements=st.floats(-1, 1, width=32), **fill)


def cells(H: int, I: int) -> st.SearchStrategy[Any]:
    """Whole cells of these sizes: four arrays, dense."""
    return gst.cells(min_H=H, max_H=H, min_I=I, max_I=I, formats=[float32])


def main() -> None:
    """Print the table."""
    report("gst.cases(), default", gst.cases(), 500, lambda case: case.cell.weight_hh)
    report("gst.cases(max_H=16)", gst.cases(max_H=16), 500, lambda case: case.cell.weight_hh)
    for H, I, count in ((8, 8, 500), (32, 32, 100)):
        print(f"weight_ih (3H, I) = {3 * H} x {I}")
        report("  extra.numpy.arrays, default (sparse)", arrays(H, I), count)
        report("  extra.numpy.arrays, fill=nothing()", arrays(H, I, fill=st.nothing()), count)
        report("  gst.cells, whole cells", cells(H, I), count, lambda cell: cell.weight_ih)
    report("gst.cells, H = 256, I = 128", cells(256, 128), 30, lambda cell: cell.weight_ih)


if __name__ == "__main__":
    main()
