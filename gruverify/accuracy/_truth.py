"""What is true of a case, enclosed in Arb: the formulas over balls of as many bits as it takes."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import NDArray
from gruverify.cell import Case
from gruverify.formulas import Activations, Bptt, activations, bptt, jacobian, next_state, sequence

if TYPE_CHECKING:
    from gruverify.arithmetic.arb import ArbArray

Floats: TypeAlias = npt.NDArray[np.float64]

#: The bits that are tried one after the other. A product of two float64 numbers spans some 4,200
#: bits: with the last of these whatever cancels in a pre-activation is summed exactly.
PRECISIONS = (128, 512, 2048, 8192)


class Truth:
    """A step, its Jacobian and the gradients of the sequence at that many bits, each found once."""

    def __init__(self, case: Case, bits: int) -> None:
        self._case, self._bits = case, bits
        self._variant, self._parameters = case.variant, case.cell.parameters(self.lift)
        self._inputs, self._state = [self.lift(x) for x in case.inputs], self.lift(case.state)

    def lift(self, values: npt.ArrayLike) -> ArbArray:
        """Numbers of a format, exactly."""
        # Without python-flint this module can be imported all the same.
        from gruverify.arithmetic.arb import arb_array

        return arb_array(values, bits=self._bits)

    @cached_property
    def _step(self) -> Activations:
        return activations(self._variant, self._parameters, self._inputs[0], self._state)

    @property
    def next_state(self) -> ArbArray:
        """The state after the first step, (B, H)."""
        found: ArbArray = next_state(self._variant, self._step)
        return found

    @property
    def jacobian(self) -> tuple[ArbArray, ArbArray]:
        """∂h/∂h' (B, H, H) and ∂h/∂x (B, H, I) of the first step."""
        return jacobian(self._variant, self._parameters, self._step)

    @property
    def gradients(self) -> Bptt:
        """Those of the sequence at both cotangents."""
        run = sequence(self._variant, self._parameters, self._inputs, self._state)
        d_outputs = [self.lift(d) for d in self._case.d_outputs]
        return bptt(run, d_outputs, self.lift(self._case.d_last))


def distances(answered: NDArray, true: ArbArray, unit: ArbArray | Floats) -> tuple[Floats, bool]:
    """|answered - true| / unit, and whether all of it is decided: what is unknown of it is no more
    than float64 rounds it by, or rounds one unit by. Infinite where an answer is not a number.
    """
    from gruverify.arithmetic.arb import arb_array

    mine = answered.astype(np.float64)
    finite = np.isfinite(mine)
    off = (arb_array(np.where(finite, mine, 0.0), bits=true.bits) - true) / unit
    # Read once: every number of them is looked at by itself.
    lower, upper = off.lower, off.upper
    found = np.abs(lower / 2 + upper / 2)
    # Of a number between two of float64 those two are known, and next to one of its numbers three.
    decided = upper - lower <= 2 * np.spacing(np.maximum(found, 1.0))
    # A NaN is as far off as can be; so is what Arb knows nothing of.
    return np.where(finite & ~np.isnan(found), found, np.inf), bool(decided.all())


def arb_missing() -> str:
    """What is to be installed for Arb; nothing where it is."""
    try:
        import_module("gruverify.arithmetic.arb")
    except ImportError as missing:
        return str(missing)
    return ""
