"""Cases of a GRU with weights of its own, such as those of a released model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gruverify._named import DeclaredValues
from gruverify.arithmetic import NDArray
from gruverify.backends import rounding_of
from gruverify.cell import Stack, StackCase
from gruverify.exporting._cases import Exported
from gruverify.judging import Declared


def own_cases(
    stack: Stack, count: int, *, seed: int = 0, declared: DeclaredValues | None = None
) -> Iterator[Exported]:
    """Cases of this stack: those of certain sizes and magnitudes, then `count` random ones.

    Raises:
        BadDeclaration: a declaration is unknown, or has a value that it cannot have.
    """
    mode, rng = rounding_of(Declared(declared or {}), stack.format), np.random.default_rng(seed)
    some = _Some(stack, rng)
    wanted = [
        ("one step of one member", some.case(1, 1)),
        ("no two sizes the same", some.case(5, 3)),
        ("lengths, and numbers in the padding", some.case(5, 4, lengths=[5, 1, 3, 4])),
        ("zeros for inputs and states", some.case(3, 2, inputs=0.0, states=0.0)),
        ("small inputs", some.case(3, 2, inputs=2.0**-10)),
        ("large inputs", some.case(3, 2, inputs=32.0)),
        ("a longer run", some.case(24, 1)),
    ]
    for number, (about, case) in enumerate(wanted):
        yield Exported(f"own-{number:03}", about, case, mode)
    for number in range(count):
        # One after the other from one generator: fewer cases are the first ones of more.
        T, B = (int(size) for size in rng.integers(1, 7, 2))
        yield Exported(f"drawn-{number:03}", "drawn", some.case(T, B), mode)


class _Some:
    """Random numbers around a stack."""

    def __init__(self, stack: Stack, rng: np.random.Generator) -> None:
        self._stack, self._rng = stack, rng

    def case(
        self,
        T: int,
        B: int,
        *,
        inputs: float = 1.0,
        states: float = 1.0,
        lengths: list[int] | None = None,
    ) -> StackCase:
        """A case of these sizes, of numbers of these magnitudes."""
        s = self._stack
        rows, wide = s.layers * s.directions, s.directions * s.hidden_size
        return StackCase(
            s,
            inputs=self._numbers(inputs, T, B, s.input_size),
            states=self._numbers(states, rows, B, s.hidden_size),
            d_outputs=self._numbers(1.0, T, B, wide),
            d_last=self._numbers(1.0, rows, B, s.hidden_size),
            lengths=None if lengths is None else np.array(lengths),
        )

    def _numbers(self, reach: float, *shape: int) -> NDArray:
        return self._stack.format.cast(reach * self._rng.uniform(-1, 1, shape))
