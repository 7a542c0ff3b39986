"""A cell: a variant and its weights, packed as PyTorch packs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Array, Format, NDArray, format_of
from gruverify.cell._parameters import Parameters
from gruverify.cell._repr import Pasteable, array_repr
from gruverify.cell._validation import array_in_format, require_finite, require_shape
from gruverify.cell._variant import Variant

#: The packed parameters, in PyTorch's names and order.
PACKED: tuple[str, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True, eq=False, repr=False)
class Cell(Pasteable):
    """A GRU cell: its variant and its parameters, gate blocks in the order r, z, n (reset, update,
    candidate).

    The arrays are NumPy's, of one format and finite, and are kept read-only.

    Attributes:
        variant: Which GRU it is.
        weight_ih: The input weights, (3H, I).
        weight_hh: The recurrent weights, (3H, H).
        bias_ih: The input biases, (3H,); None exactly if `variant.bias` is False. Biases that the
            variant lacks are 0, and an array of nothing else may be left out.
        bias_hh: The recurrent biases, (3H,), likewise.

    Raises:
        ValueError: A shape, dtype or entry does not fit; the message names it with H and I.
    """

    variant: Variant
    weight_ih: NDArray
    weight_hh: NDArray
    bias_ih: NDArray | None = None
    bias_hh: NDArray | None = None

    def __post_init__(self) -> None:
        # First, for it alone says what H and the format are, against which all others are checked.
        weight_hh, expected = array_in_format("weight_hh", self.weight_hh, None)
        if weight_hh.ndim != 2 or weight_hh.shape[0] != 3 * weight_hh.shape[1]:
            raise ValueError(
                f"weight_hh has shape {weight_hh.shape}, expected (3H, H): three gates of H rows, "
                "H columns"
            )
        H = weight_hh.shape[1]
        weight_ih, _ = array_in_format("weight_ih", self.weight_ih, expected)
        if weight_ih.ndim != 2:
            raise ValueError(f"weight_ih has shape {weight_ih.shape}, expected (3H, I) with H={H}")
        sizes = {"H": H, "I": weight_ih.shape[1]}
        require_shape("weight_ih", weight_ih, (3 * H, sizes["I"]), "(3H, I)", sizes)
        checked: dict[str, NDArray] = {"weight_ih": weight_ih, "weight_hh": weight_hh}
        for name in ("bias_ih", "bias_hh"):
            given, there = getattr(self, name), self.variant.mask(name)
            # A variant with one bias vector needs no array of zeros in place of the other.
            if given is None and self.variant.bias and not any(there):
                given = np.zeros(3 * H, weight_hh.dtype)
            if (given is not None) != self.variant.bias:
                if self.variant.bias:
                    found, rule = "missing", "needs"
                else:
                    found, rule = "given", "must not have"
                raise ValueError(f"{name} is {found}: the variant ({self.variant}) {rule} biases")
            if given is not None:
                checked[name], _ = array_in_format(name, given, expected)
                require_shape(name, checked[name], (3 * H,), "(3H,)", sizes)
                if not all(there):
                    self._require_zeros(name, checked[name], np.repeat(there, H))
        for name, array in checked.items():
            require_finite(name, array)
            object.__setattr__(self, name, array)

    def _require_zeros(self, name: str, array: NDArray, there: npt.NDArray[np.bool_]) -> None:
        """Raise ValueError if a bias that the variant lacks is not 0."""
        if wrong := np.flatnonzero(~there & (array != 0)).tolist():
            raise ValueError(
                f"{name}[{wrong[0]}]={array[wrong[0]]} must be 0: the variant ({self.variant}) "
                "has no such bias"
            )

    @property
    def hidden_size(self) -> int:
        """H."""
        return int(self.weight_hh.shape[1])

    @property
    def input_size(self) -> int:
        """I."""
        return int(self.weight_ih.shape[1])

    @property
    def format(self) -> Format:
        """The floating-point format of the weights."""
        return format_of(self.weight_hh.dtype)

    def packed(self) -> dict[str, NDArray]:
        """The parameters by PyTorch's names; without biases there are two."""
        return {name: array for name in PACKED if (array := getattr(self, name)) is not None}

    def writable_copy(self) -> Cell:
        """The same cell over copies of its arrays that can be written to."""
        return self.with_unchecked({name: array.copy() for name, array in self.packed().items()})

    def with_unchecked(self, arrays: Mapping[str, NDArray]) -> Cell:
        """The same cell over these very arrays, by their packed names; they are neither checked
        nor made read-only, as implementations under test need them.
        """
        # Unlike the constructor, a copy takes over what it finds.
        other = copy(self)
        vars(other).update(arrays)
        return other

    def parameters(self, lift: Callable[[NDArray], Array] = np.asarray) -> Parameters:
        """The parameters gate by gate, each packed array turned by `lift` into the arithmetic
        wanted.
        """
        return unpack(
            {name: lift(array) for name, array in self.packed().items()}, self.hidden_size
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell) or self.variant != other.variant:
            if not isinstance(other, Cell):
                return NotImplemented
            return False
        mine, theirs = self.packed(), other.packed()
        return all(
            mine[n].dtype == theirs[n].dtype and np.array_equal(mine[n], theirs[n]) for n in mine
        )

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name}={array_repr(array)}" for name, array in self.packed().items())
        return f"Cell({self.variant!r}, {arrays})"

    __hash__ = None  # type: ignore[assignment]  # arrays inside: equal cells need not hash alike


def unpack(packed: dict[str, Array], H: int) -> Parameters:
    """Packed (3H, ...) arrays cut into the twelve blocks of the formulas; missing biases are 0."""

    def blocks(name: str) -> tuple[Array, Array, Array]:
        array = packed.get(name)
        if array is None:
            return 0, 0, 0
        return array[:H], array[H : 2 * H], array[2 * H :]

    return Parameters(
        *blocks("weight_ih"), *blocks("weight_hh"), *blocks("bias_ih"), *blocks("bias_hh")
    )
