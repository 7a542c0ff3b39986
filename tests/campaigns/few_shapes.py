"""What `shapes="few"` costs in detection, and how many shapes it saves, over the bank of faults.

    python tests/campaigns/few_shapes.py --profile quick --json reports/few_shapes.json

Puts every fault, on each side of the reset gate, to the cases of a run twice: with all shapes and
with few. Prints in how many cases each is caught, which faults only one of the two catches, and
about how many pairs of a method and shapes a cell is asked that has steps and sequences and their
gradients.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.progress import track

from gruverify import check, float32
from gruverify.backends import NumpyBackend
from gruverify.engine import Plan
from gruverify.faults import FAULTS
from gruverify.matrix import entries, first_fall


class Counting(NumpyBackend):
    """NumPy's formulas of cells, and the shapes that each method was asked about."""

    name = "counting"
    formats = (float32,)
    step_jacobian = sequence_jvp = sequence_hvp = sequence_hvp_reverse = None  # type: ignore[assignment]
    stack = stack_vjp = stack_masked = stack_masked_vjp = None  # type: ignore[assignment]

    def __init__(self, shapes: str) -> None:
        self.shapes = shapes
        self.pairs = set[tuple[Any, ...]]()


def _counted(method: str) -> Any:
    def call(self: Counting, subject: Any, *arguments: Any) -> Any:
        self.pairs.add((method, subject.hidden_size, arguments[0].shape))
        return getattr(NumpyBackend, method)(self, subject, *arguments)

    return call


for _method in ("step", "step_vjp", "sequence", "sequence_vjp"):
    setattr(Counting, _method, _counted(_method))


def pairs(shapes: str, profile: str) -> int:
    """How many pairs of a method and shapes a run asks about."""
    counting = Counting(shapes)
    assert check(counting, profile=profile).verdict == "conforms"
    return len(counting.pairs)


def both(entry: tuple[str, str], profile: str) -> tuple[str, dict[str, int | None]]:
    """In which case a fault is caught, with all shapes and with few; None if it is not."""
    found = {
        shapes: first_fall(*entry, Plan(profile=profile), shapes=shapes)
        for shapes in ("any", "few")
    }
    return " ".join(entry), {shapes: fall.number_if_found for shapes, fall in found.items()}


def summary(rows: dict[str, dict[str, int | None]]) -> dict[str, Any]:
    """How many are caught, when, and which only one way."""
    caught = {
        shapes: [case for row in rows.values() if (case := row[shapes]) is not None]
        for shapes in ("any", "few")
    }
    return {
        "entries": len(rows),
        **{f"caught, {shapes}": len(cases) for shapes, cases in caught.items()},
        **{
            f"median case, {shapes}": statistics.median(cases)
            for shapes, cases in caught.items()
            if cases
        },
        **{f"last case, {shapes}": max(cases, default=None) for shapes, cases in caught.items()},
        "only with all shapes": [
            name for name, row in rows.items() if row["few"] is None and row["any"] is not None
        ],
        "only with few": [
            name for name, row in rows.items() if row["any"] is None and row["few"] is not None
        ],
    }


def main() -> int:
    """Runs both and compares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--every", type=int, default=1, help="one entry in so many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = [entry for entry in entries(options.only) if entry[0] in FAULTS][:: options.every]
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        each = partial(both, profile=options.profile)
        rows = dict(track(pool.map(each, wanted), "judging", len(wanted)))
    shapes = {
        f"method × shape pairs, {shapes}": pairs(shapes, options.profile)
        for shapes in ("any", "few")
    }
    figures = {"profile": options.profile, **summary(rows), **shapes}
    print(json.dumps(figures, indent=1))
    if options.json is not None:
        options.json.write_text(
            json.dumps(figures | {"rows": rows}, indent=1) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
