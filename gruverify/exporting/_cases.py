"""The cases that are exported: those at boundaries, then as many as are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gruverify._named import DeclaredValues, Keywords
from gruverify.arithmetic import Format, NDArray, Rounding
from gruverify.backends import rounding_of
from gruverify.cell import StackCase, Variant
from gruverify.engine import draw
from gruverify.exporting._boundary import boundary_cases
from gruverify.exporting._expected import (
    Expected,
    expected,
    expected_masked,
    expected_masked_stack,
)
from gruverify.judging import Declared
from gruverify_strategies import stack_cases

#: The sizes up to which cases are drawn.
_USUAL = {"H": 5, "I": 5, "B": 5, "T": 6}


@dataclass(frozen=True, eq=False)
class Exported:
    """A case, what it is called and there for, and the model of rounding that its bounds are of.

    keep, restart: (T, B), 1 where a member skips the step, or starts it from zeros; None if no case
    of its kind does.
    """

    name: str
    about: str
    case: StackCase
    mode: Rounding
    keep: NDArray | None = None
    restart: NDArray | None = None

    @cached_property
    def expected(self) -> Mapping[str, Expected]:
        """Its values and gradients with their bounds, by name: see `expected`."""
        if self.keep is None and self.restart is None:
            return expected(self.case, self.mode)
        if self.restart is None and self.keep is not None:
            return expected_masked_stack(self.case, self.mode, self.keep)
        return expected_masked(self.case, self.mode, self.keep, self.restart)


def exported_cases(
    fmt: Format,
    variant: Variant,
    count: int,
    *,
    seed: int = 0,
    max_size: int | None = None,
    boundary: bool = True,
    declared: DeclaredValues | None = None,
    **options: Any,
) -> Iterator[Exported]:
    """Cases of stacks in a format and variant: the boundary cases, then `count` drawn ones.

    The same seed gives the same cases, with the same version of Hypothesis. declared: what the
    implementation declares of its accuracy (docs/tolerances.md); options: of
    `gruverify.strategies.stack_cases`, such as bidirectional.

    Raises:
        BadDeclaration: a declaration is unknown, or has a value that it cannot have.
    """
    mode = rounding_of(Declared(declared or {}), fmt)
    for number, (about, case) in enumerate(boundary_cases(fmt, variant) if boundary else ()):
        yield Exported(f"boundary-{number:03}", about, case, mode)
    drawn = list[StackCase]()
    sizes: Keywords = {f"max_{k}": min(n, max_size or n) for k, n in _USUAL.items()}
    strategy = stack_cases(
        formats=(fmt,), variants=(variant,), batch_first=False, batched=True, **sizes, **options
    )
    # A stream of its own for each format, variant and option: none shifts the cases of another.
    stream = hashlib.sha256(f"{seed}/{fmt.name}/{variant}/{sorted(options.items())}".encode())
    if count:
        draw(strategy, count, int.from_bytes(stream.digest()[:8], "big"), drawn.append)
    for number, case in enumerate(drawn):
        yield Exported(f"drawn-{number:03}", "drawn", case, mode)
