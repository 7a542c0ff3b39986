"""A case of a stack: everything that one trial puts to an implementation of stacks."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.cell._arrangement import Arrangement
from gruverify.cell._case import Case
from gruverify.cell._keys import array_keys
from gruverify.cell._repr import Pasteable, array_repr
from gruverify.cell._stack import Stack
from gruverify.cell._validation import array_in_format, frozen, require_finite, require_shape
from gruverify.cell._variant import Variant

#: The arrays of a case besides the parameters, with the letters of their shapes (S is L·D, the
#: states of a stack).
_ARRAYS = {"inputs": "TBI", "states": "SBH", "d_outputs": "TBO", "d_last": "SBH"}
_SPELLED = {"S": "L·D", "O": "D·H"}


@dataclass(frozen=True, eq=False, repr=False)
class StackCase(Pasteable):
    """A stack with inputs, initial states and the cotangents of a loss, all in its format.

    L layers and D directions. The arrays are always time-major; `batch_first` and `batched` say how
    the call is arranged.

    Attributes:
        stack: The stack.
        inputs: Its inputs, (T, B, I).
        states: The initial states, (L·D, B, H): those of layer 0, forward and then backward, layer
            1 and so on.
        d_outputs: The cotangents of the outputs, (T, B, D·H).
        d_last: The cotangents of the last states, (L·D, B, H).
        lengths: How many of the T steps each member has, (B,), or None: all have T. The rest is
            padding.
        batch_first: Whether the call has the batch before the time.
        batched: Whether the call has an axis for the batch.

    Raises:
        ValueError: A shape, dtype, entry or length does not fit; the message names it with T, B, I,
            H, L and D.
    """

    stack: Stack
    inputs: NDArray
    states: NDArray
    d_outputs: NDArray
    d_last: NDArray
    lengths: npt.NDArray[np.int64] | None = None
    batch_first: bool = False
    batched: bool = True

    def __post_init__(self) -> None:
        inputs = np.asarray(self.inputs)
        if inputs.ndim != 3:
            raise ValueError(
                f"inputs has shape {inputs.shape}, expected (T, B, I) with "
                f"I={self.stack.input_size}"
            )
        if min(inputs.shape[:2]) < 1:
            T, B, _ = inputs.shape
            raise ValueError(
                f"inputs has shape {inputs.shape}, that is T={T}, B={B}: a case has a step and a "
                "member"
            )
        sizes = {**self.sizes, "I": self.stack.input_size}
        extent = {**sizes, "S": sizes["L"] * sizes["D"], "O": sizes["D"] * sizes["H"]}
        for name, letters in _ARRAYS.items():
            array, _ = array_in_format(name, getattr(self, name), self.format)
            spelled = f"({', '.join(_SPELLED.get(letter, letter) for letter in letters)})"
            require_shape(name, array, tuple(extent[letter] for letter in letters), spelled, sizes)
            require_finite(name, array)
            object.__setattr__(self, name, array)
        if self.lengths is not None:
            object.__setattr__(self, "lengths", _lengths(self.lengths, sizes["T"], sizes["B"]))
        # nn.GRU packs no sequence without a batch.
        if not self.batched and (sizes["B"] != 1 or self.lengths is not None):
            raise ValueError(
                f"batched=False with B={sizes['B']}, lengths={self.lengths}: it means one "
                "unpadded member"
            )

    @property
    def variant(self) -> Variant:
        """The variant of every cell."""
        return self.stack.variant

    @property
    def format(self) -> Format:
        """The format of every array in the case."""
        return self.stack.format

    @property
    def arrangement(self) -> Arrangement:
        """How the call is arranged."""
        return Arrangement(self.batch_first, self.batched)

    @property
    def sizes(self) -> dict[str, int]:
        """H, I, B, T, and the layers L and directions D."""
        T, B, I = np.shape(self.inputs)
        return {
            "H": self.stack.hidden_size,
            "I": I,
            "B": B,
            "T": T,
            "L": self.stack.layers,
            "D": self.stack.directions,
        }

    @property
    def real(self) -> npt.NDArray[np.bool_]:
        """(T, B): which steps are a member's own, and not padding."""
        T, B, _ = self.inputs.shape
        if self.lengths is None:
            lengths = np.full(B, T)
        else:
            lengths = self.lengths
        return np.asarray(np.arange(T)[:, None] < lengths)

    def arrays(self) -> dict[str, NDArray]:
        """Every array of the case by name, in its format: parameters by nn.GRU's names, inputs,
        states, cotangents.
        """
        return {**self.stack.packed(), **{name: getattr(self, name) for name in _ARRAYS}}

    def key(self) -> Hashable:
        """What tells this case from every other that a backend could answer differently: the
        variant, the arrangement, the lengths, and each array bit for bit.
        """
        if self.lengths is None:
            lengths = None
        else:
            lengths = tuple(self.lengths.tolist())
        return self.variant, self.arrangement, lengths, array_keys(self.arrays())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StackCase):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return (
            self.stack == other.stack
            and self.arrangement == other.arrangement
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
            and (self.lengths is None) == (other.lengths is None)
            and (self.lengths is None or np.array_equal(self.lengths, other.lengths))  # type: ignore[arg-type]
        )

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name}={array_repr(getattr(self, name))}" for name in _ARRAYS)
        if self.lengths is None:
            lengths = ""
        else:
            lengths = f", lengths={self.lengths.tolist()}"
        arrangement = f", batch_first={self.batch_first}, batched={self.batched}"
        return f"StackCase({self.stack!r}, {arrays}{lengths}{arrangement})"

    __hash__ = None  # type: ignore[assignment]  # arrays inside: equal cases need not hash alike


#: What an engine is fed with.
AnyCase: TypeAlias = Case | StackCase


def _lengths(given: npt.ArrayLike, T: int, B: int) -> npt.NDArray[np.int64]:
    lengths = np.asarray(given)
    if lengths.shape != (B,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths={lengths.tolist()} must be (B,) integers with B={B}: the steps of each member"
        )
    for b, length in enumerate(lengths.tolist()):
        if not 0 <= length <= T:
            raise ValueError(f"lengths[{b}] is {length}: a member has between 0 and T={T} steps")
    return frozen(lengths.astype(np.int64))
