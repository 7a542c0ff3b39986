"""Does a bound of gruverify's own hold where everything underflows?

    python tests/campaigns/scaling_identity.py
    python tests/campaigns/scaling_identity.py --all --cells 300

draws cells each of whose arrays is scaled to 2^(e·s), e the exponent of the format's smallest
number and s one of 0, 1/4, 1/3, 1/2, 2/3, 3/4, 1: so that products of two, three and four of them
are about as small as the format goes. It puts them to gradient/scaling-identity, float64 for the
most part; with --all to every invariant. Prints how many failed and the largest margin, and exits
with 1 if any did.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import FORMATS, Format, float64
from gruverify.backends import Backend, resolve
from gruverify.cell import Case, Cell, Variant
from gruverify.engine import Judgement, judge
from gruverify.invariants import INVARIANTS, Invariant

NDArray: TypeAlias = npt.NDArray[Any]

#: Shares of the exponent of the format's smallest number.
SHARES = (0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0)
#: How many cells each target gets: as many as the figures of docs/evidence.md are about.
CELLS = {"numpy": 1500, "torch": 376}


def scaled_cells(fmt: Format, variants: Iterable[Variant], count: int, seed: int) -> Iterator[Case]:
    """Cells of which every array is scaled by a power of two of its own."""
    rng, variants = np.random.default_rng([seed, fmt.precision]), tuple(variants)
    smallest = np.log2(fmt.min_subnormal)
    for n in range(count):
        H, I, B, T = (int(rng.integers(1, top)) for top in (5, 4, 4, 4))
        variant = variants[n % len(variants)]

        def draw(*shape: int) -> NDArray:
            return fmt.cast(rng.normal(size=shape) * 2.0 ** np.ceil(smallest * rng.choice(SHARES)))

        weights = {"weight_ih": draw(3 * H, I), "weight_hh": draw(3 * H, H)}
        if variant.bias:
            weights |= {"bias_ih": draw(3 * H), "bias_hh": draw(3 * H)}
        yield Case(Cell(variant, **weights), draw(T, B, I), draw(B, H), draw(T, B, H), draw(B, H))


def judged(
    backend: Backend, fmt: Format, count: int, seed: int, asked: list[Invariant]
) -> Iterator[Judgement]:
    """Each invariant on each of the cells."""
    for case in scaled_cells(fmt, backend.variants, count, seed):
        yield from judge(case, backend, asked)


def main() -> int:
    """Count what fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cells", type=int, help="for each target and format (1,500 for numpy, 376 for torch)"
    )
    parser.add_argument("--all", action="store_true", help="every invariant, in every format")
    parser.add_argument("--targets", default=",".join(CELLS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    asked = list(INVARIANTS.values()) if options.all else [INVARIANTS["gradient/scaling-identity"]]
    total = failing = 0
    for name in options.targets.split(","):
        backend = resolve(name)
        for fmt in FORMATS if options.all else (float64,):
            count = CELLS.get(name, 300) if options.cells is None else options.cells
            found = list(judged(backend, fmt, count, options.seed, asked))
            margins = [judgement.residual.margin for judgement in found if judgement.tally.cases]
            failed = [judgement for judgement in found if judgement.failed]
            total, failing = total + len(margins), failing + len(failed)
            for id in sorted({judgement.invariant.id for judgement in failed}):
                shown = [judgement for judgement in failed if judgement.invariant.id == id]
                print(f"  {name} {fmt.name} {id}: {len(shown)}, e.g. {shown[0].residual}")
            print(
                f"{name} {fmt.name}: {count} cells, {len(margins)} judgements, {len(failed)} "
                "failed; "
                f"largest margin {max(margins, default=0.0):.3g}",
                flush=True,
            )
    print(f"{failing} of {total} failed")
    return int(failing > 0)


if __name__ == "__main__":
    sys.exit(main())
