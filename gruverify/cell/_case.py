"""A case: everything that one trial puts to a backend."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from gruverify.arithmetic import Format, NDArray
from gruverify.cell._cell import Cell
from gruverify.cell._keys import array_keys
from gruverify.cell._repr import Pasteable, array_repr
from gruverify.cell._validation import array_in_format, require_finite, require_shape
from gruverify.cell._variant import Variant


@dataclass(frozen=True, eq=False, repr=False)
class Case(Pasteable):
    """A cell with inputs, an initial state and the cotangents of a loss, all in the cell's format.

    What is checked of a single step uses the inputs of step 0, the initial state and `d_last`.

    Attributes:
        cell: The cell.
        inputs: Its inputs, (T, B, I).
        state: The initial state, (B, H).
        d_outputs: The cotangents of the outputs, (T, B, H).
        d_last: The cotangent of the last state, (B, H).
        regimes: Where the gates were driven, unit by unit, "" for a unit that was not. It labels
            the case and is not used to judge it.

    Raises:
        ValueError: A shape, dtype or entry does not fit; the message names it with T, B, I and H.
    """

    cell: Cell
    inputs: NDArray
    state: NDArray
    d_outputs: NDArray
    d_last: NDArray
    regimes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        inputs = np.asarray(self.inputs)
        if inputs.ndim != 3:
            raise ValueError(
                f"inputs has shape {inputs.shape}, expected (T, B, I) with I={self.cell.input_size}"
            )
        T, B, _ = inputs.shape
        # What has no step or no member, `contract/no-steps` and `contract/no-members` ask for.
        if min(T, B) < 1:
            raise ValueError(
                f"inputs has shape {inputs.shape}, that is T={T}, B={B}: a case has a step and a "
                "member"
            )
        sizes = {"T": T, "B": B, "I": self.cell.input_size, "H": self.cell.hidden_size}
        shapes = {"inputs": "TBI", "state": "BH", "d_outputs": "TBH", "d_last": "BH"}
        for name, letters in shapes.items():
            array, _ = array_in_format(name, getattr(self, name), self.format)
            shape = tuple(sizes[letter] for letter in letters)
            require_shape(name, array, shape, f"({', '.join(letters)})", sizes)
            require_finite(name, array)
            # The dataclass is frozen: what was checked cannot be changed behind the check.
            object.__setattr__(self, name, array)

    @property
    def variant(self) -> Variant:
        """The variant of the cell."""
        return self.cell.variant

    @property
    def format(self) -> Format:
        """The format of every array in the case."""
        return self.cell.format

    @property
    def sizes(self) -> dict[str, int]:
        """H, I, B and T."""
        T, B, I = self.inputs.shape
        return {"H": self.cell.hidden_size, "I": I, "B": B, "T": T}

    def arrays(self) -> dict[str, NDArray]:
        """Every array of the case by name: parameters, inputs, state and cotangents."""
        mine = {name: getattr(self, name) for name in ("inputs", "state", "d_outputs", "d_last")}
        return {**self.cell.packed(), **mine}

    def key(self) -> Hashable:
        """What tells this case from every other that a backend could answer differently: the
        variant, and each array bit for bit.
        """
        # Without the regimes, which label a case and change no answer.
        return self.variant, array_keys(self.arrays())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Case):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return self.cell == other.cell and all(
            np.array_equal(mine[name], theirs[name]) for name in mine
        )

    def __repr__(self) -> str:
        names = ("inputs", "state", "d_outputs", "d_last")
        arrays = ", ".join(f"{name}={array_repr(getattr(self, name))}" for name in names)
        return f"Case({self.cell!r}, {arrays})"

    __hash__ = None  # type: ignore[assignment]  # arrays inside: equal cases need not hash alike
