"""The same cell in the parameters of other libraries, both ways.

    pytorch  nn.GRUCell          r, z, n   weight_ih (3H, I), weight_hh (3H, H),
                                           bias_ih (3H,), bias_hh (3H,)
    keras    keras.layers.GRU    z, r, h   kernel (I, 3H), recurrent_kernel (H, 3H),
                                           bias (2, 3H), or (3H,) for reset_after=False
    onnx     GRU, one direction  z, r, h   W (1, 3H, I), R (1, 3H, H), B (1, 6H);
                                           linear_before_reset=1 resets after
    flax     flax.linen.GRUCell            ir, iz, in, hr, hz, hn: kernels (I, H) and (H, H),
                                           biases (H,); no recurrent bias of r and z
    nnx      flax.nnx.GRUCell    r, z, n   dense_i.kernel (I, 3H), dense_i.bias (3H,),
                                           dense_h.kernel (H, 3H); no recurrent bias
    equinox  equinox.nn.GRUCell  r, z, n   weight_ih (3H, I), weight_hh (3H, H), bias (3H,),
                                           bias_n (H,); no recurrent bias of r and z
    mlx      mlx.nn.GRU          r, z, n   Wx (3H, I), Wh (3H, H), b (3H,), bhn (H,); as equinox
    haiku    haiku.GRU           z, r, a   w_i (I, 3H), w_h (H, 3H), b (3H,); resets before

All of them but haiku keep the old state where z is 1. Sources: the libraries' reference pages;
theory.md, table of conventions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.cell._cell import PACKED, Cell
from gruverify.cell._variant import VARIANTS, Biases, Reset, Update, Variant

Arrays: TypeAlias = Mapping[str, NDArray]

#: Where the blocks r, z, n stand among z, r, n; swapping twice puts them back.
_UPDATE_FIRST = (1, 0, 2)


@dataclass(frozen=True)
class Layout:
    """How one library arranges the parameters of a GRU cell.

    name: a name of the table above.
    variants: those that the library has.
    """

    name: str
    variants: tuple[Variant, ...]
    _pack: Callable[[Cell], dict[str, NDArray]]
    _unpack: Callable[[Arrays], tuple[NDArray, NDArray, NDArray | None, NDArray | None]]
    #: Of a variant with biases, the gates (r, z, n) that have no recurrent bias.
    _one_bias: Callable[[Variant], tuple[bool, bool, bool]]

    def parameters(self, cell: Cell) -> dict[str, NDArray]:
        """The cell's parameters under the library's names.

        Raises:
            ValueError: the library has no such variant, or no place for a recurrent bias that is
            not 0.
        """
        self._require(cell.variant)
        # Never silently: without that bias it would be another function.
        if cell != self.merged(cell):
            raise ValueError(
                f"{self.name} has one bias for some gates, and bias_hh of this cell is not 0 "
                "there: "
                f"export LAYOUTS[{self.name!r}].merged(cell), which adds it to bias_ih"
            )
        return self._pack(cell)

    def parameters_of_layer(self, row: Sequence[Cell]) -> dict[str, NDArray]:
        """The parameters of a layer's cells, one direction after the other along the first axis.

        Raises:
            ValueError: see `parameters`.
        """
        each = [self.parameters(cell) for cell in row]
        layer = dict[str, NDArray]()
        for name in each[0]:
            layer[name] = np.concatenate([one[name] for one in each])
        return layer

    def cell(self, parameters: Arrays, variant: Variant) -> Cell:
        """The cell of these parameters, which do not tell by themselves which variant they are for.

        Raises:
            ValueError: the library has no such variant, a parameter is missing, or a shape or dtype
            does not fit.
        """
        self._require(variant)
        try:
            weight_ih, weight_hh, bias_ih, bias_hh = self._unpack(parameters)
        except KeyError as missing:
            given = ", ".join(parameters) or "none"
            raise ValueError(
                f"{self.name} parameters lack {missing.args[0]!r} (given: {given})"
            ) from None
        return Cell(variant, weight_ih, weight_hh, bias_ih, bias_hh)

    def merged(self, cell: Cell) -> Cell:
        """The same cell, up to the rounding of a sum, with the recurrent biases that the library
        lacks in bias_ih.

        Legal where a recurrent bias is not reset: for r and z always, for n before the product
        (theory.md 2).
        """
        if cell.bias_ih is None or cell.bias_hh is None:
            return cell
        moved = np.repeat(self._one_bias(cell.variant), cell.hidden_size)
        zero = np.zeros_like(cell.bias_hh)
        with np.errstate(over="ignore"):  # the cell refuses what is not finite
            total = np.where(moved, cell.bias_ih + cell.bias_hh, cell.bias_ih)
        return replace(cell, bias_ih=total, bias_hh=np.where(moved, zero, cell.bias_hh))

    def one_bias(self, variant: Variant) -> tuple[bool, bool, bool]:
        """Which gates r, z, n of a variant with biases have no recurrent bias in the library."""
        return self._one_bias(variant)

    def gradients(self, parameters: Arrays, variant: Variant) -> dict[str, NDArray | None]:
        """The gradients of a cell's packed arrays, from those of the parameters that
        `parameters(merged(cell))` gives.

        Where a recurrent bias is added to the other, both have the gradient of the sum. What the
        variant lacks is 0; without biases they are None.

        Raises:
            ValueError: the library has no such variant.
        """
        self._require(variant)
        weight_ih, weight_hh, bias_ih, bias_hh = self._unpack(parameters)
        if variant.biases == "both" and bias_ih is not None and bias_hh is not None:
            # d(b_x + b_h) is the derivative of either where the library has their sum alone.
            bias_hh = np.where(
                np.repeat(self._one_bias(variant), weight_hh.shape[1]), bias_ih, bias_hh
            )
        return dict(zip(PACKED, (weight_ih, weight_hh, bias_ih, bias_hh), strict=True))

    def _require(self, variant: Variant) -> None:
        if variant not in self.variants:
            raise ValueError(
                f"{self.name} has no GRU with {variant} (it has: "
                f"{'; '.join(map(str, self.variants))})"
            )


def _gates_swapped(array: NDArray) -> NDArray:
    """(3H, ...) with the blocks r and z exchanged."""
    blocks = _blocks(array, 3)
    return np.concatenate([blocks[i] for i in _UPDATE_FIRST])


def _blocks(array: NDArray, count: int) -> Sequence[NDArray]:
    """So many blocks of H rows each; ValueError if there are other rows."""
    if len(array) % count:
        raise ValueError(f"{len(array)} rows of gates, expected {count}H: {count} blocks of H")
    return np.split(array, count)


def _unchanged(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
    weight_ih, weight_hh = (parameters[name] for name in PACKED[:2])
    return weight_ih, weight_hh, parameters.get(PACKED[2]), parameters.get(PACKED[3])


def _to_keras(cell: Cell) -> dict[str, NDArray]:
    packed = {name: _gates_swapped(array) for name, array in cell.packed().items()}
    found = {"kernel": packed["weight_ih"].T, "recurrent_kernel": packed["weight_hh"].T}
    if cell.variant.bias:
        both = np.stack([packed["bias_ih"], packed["bias_hh"]])
        if cell.variant.reset == "after":
            found["bias"] = both
        else:
            found["bias"] = both[0]
    return found


def _from_keras(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
    weight_ih, weight_hh = (
        _gates_swapped(parameters[name].T) for name in ("kernel", "recurrent_kernel")
    )
    bias = parameters.get("bias")
    if bias is None:
        return weight_ih, weight_hh, None, None
    if bias.ndim == 2:
        bias_ih, bias_hh = bias
    else:
        # reset_after=False has one bias, (3H,).
        bias_ih, bias_hh = bias, np.zeros_like(bias)
    return weight_ih, weight_hh, _gates_swapped(bias_ih), _gates_swapped(bias_hh)


def _to_onnx(cell: Cell) -> dict[str, NDArray]:
    packed = {name: _gates_swapped(array) for name, array in cell.packed().items()}
    found = {"W": packed["weight_ih"][None], "R": packed["weight_hh"][None]}
    if cell.variant.bias:
        # ONNX: Wb[zrh] and then Rb[zrh], for the one direction.
        found["B"] = np.concatenate([packed["bias_ih"], packed["bias_hh"]])[None]
    return found


def _from_onnx(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
    weight_ih, weight_hh = (_gates_swapped(parameters[name][0]) for name in ("W", "R"))
    if "B" not in parameters:
        return weight_ih, weight_hh, None, None
    biases = _blocks(parameters["B"][0], 6)
    bias_ih, bias_hh = (_gates_swapped(np.concatenate(side)) for side in (biases[:3], biases[3:]))
    return weight_ih, weight_hh, bias_ih, bias_hh


def _to_flax(cell: Cell) -> dict[str, NDArray]:
    found: dict[str, NDArray] = {}
    for side, name in (("i", "weight_ih"), ("h", "weight_hh")):
        blocks = zip("rzn", np.split(cell.packed()[name], 3), strict=True)
        found |= {f"{side}{gate}.kernel": block.T for gate, block in blocks}
    bias_ih, bias_hh = cell.packed()["bias_ih"], cell.packed()["bias_hh"]
    found |= {
        f"i{gate}.bias": block for gate, block in zip("rzn", np.split(bias_ih, 3), strict=True)
    }
    return found | {"hn.bias": np.split(bias_hh, 3)[2]}


def _from_flax(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    weight_ih = np.concatenate([parameters[f"i{gate}.kernel"].T for gate in "rzn"])
    weight_hh = np.concatenate([parameters[f"h{gate}.kernel"].T for gate in "rzn"])
    bias_ih = np.concatenate([parameters[f"i{gate}.bias"] for gate in "rzn"])
    last = parameters["hn.bias"]
    return (
        weight_ih,
        weight_hh,
        bias_ih,
        np.concatenate([np.zeros_like(last), np.zeros_like(last), last]),
    )


def _to_nnx(cell: Cell) -> dict[str, NDArray]:
    packed = cell.packed()
    found = {"dense_i.kernel": packed["weight_ih"].T, "dense_h.kernel": packed["weight_hh"].T}
    return found | ({"dense_i.bias": packed["bias_ih"]} if cell.variant.bias else {})


def _from_nnx(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
    bias = parameters.get("dense_i.bias")
    weights = parameters["dense_i.kernel"].T, parameters["dense_h.kernel"].T
    return *weights, bias, None if bias is None else np.zeros_like(bias)


def _to_haiku(cell: Cell) -> dict[str, NDArray]:
    packed = {name: _gates_swapped(array) for name, array in cell.packed().items()}
    return {"w_i": packed["weight_ih"].T, "w_h": packed["weight_hh"].T, "b": packed["bias_ih"]}


def _from_haiku(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    weight_ih, weight_hh, bias = (
        _gates_swapped(parameters[name].T) for name in ("w_i", "w_h", "b")
    )
    return weight_ih, weight_hh, bias, np.zeros_like(bias)


def _candidate_apart(
    *names: str,
) -> tuple[Callable[[Cell], dict[str, NDArray]], Callable[[Arrays], Any]]:
    """Both ways for two matrices, one bias per gate, and a recurrent bias (H,) of the candidate,
    under these names.
    """

    def pack(cell: Cell) -> dict[str, NDArray]:
        arrays = list(cell.packed().values())
        if cell.variant.bias:
            # What is left out is 0: `parameters` has refused any other.
            arrays[3] = np.split(arrays[3], 3)[2]
        return dict(zip(names, arrays, strict=False))

    def unpack(parameters: Arrays) -> tuple[NDArray, NDArray, NDArray | None, NDArray | None]:
        weights = parameters[names[0]], parameters[names[1]]
        if names[2] not in parameters:
            return *weights, None, None
        last = parameters[names[3]]
        return (
            *weights,
            parameters[names[2]],
            np.concatenate([np.zeros_like(last), np.zeros_like(last), last]),
        )

    return pack, unpack


def _keeping(*resets: str, bias: tuple[bool, ...] = (True, False)) -> tuple[Variant, ...]:
    return tuple(v for v in VARIANTS if v.update == "keep" and v.reset in resets and v.bias in bias)


def _partly(reset: Reset, biases: Biases, update: Update = "keep") -> tuple[Variant, ...]:
    return (Variant(reset, update, biases=biases),)


_BOTH_EVERYWHERE = (False, False, False)
_ONE_EVERYWHERE = (True, True, True)
_ONE_BUT_FOR_THE_CANDIDATE = (True, True, False)

#: By name, in the order of the table above.
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout("pytorch", _keeping("after"), Cell.packed, _unchanged, lambda _: _BOTH_EVERYWHERE),
        Layout(
            "keras",
            _keeping("after", "before") + _partly("before", "input"),
            _to_keras,
            _from_keras,
            lambda variant: _BOTH_EVERYWHERE if variant.reset == "after" else _ONE_EVERYWHERE,
        ),
        Layout(
            "onnx", _keeping("after", "before"), _to_onnx, _from_onnx, lambda _: _BOTH_EVERYWHERE
        ),
        Layout(
            "flax",
            _keeping("after", bias=(True,)) + _partly("after", "input+candidate"),
            _to_flax,
            _from_flax,
            lambda _: _ONE_BUT_FOR_THE_CANDIDATE,
        ),
        Layout(
            "nnx",
            _partly("after", "input") + _keeping("after", bias=(False,)),
            _to_nnx,
            _from_nnx,
            lambda _: _ONE_EVERYWHERE,
        ),
        *(
            Layout(
                name,
                _keeping("after") + _partly("after", "input+candidate"),
                *_candidate_apart(*names),
                lambda _: _ONE_BUT_FOR_THE_CANDIDATE,
            )
            for name, names in (
                ("equinox", ("weight_ih", "weight_hh", "bias", "bias_n")),
                ("mlx", ("Wx", "Wh", "b", "bhn")),
            )
        ),
        Layout(
            "haiku",
            (*_partly("before", "input", "replace"), Variant("before", "replace")),
            _to_haiku,
            _from_haiku,
            lambda _: _ONE_EVERYWHERE,
        ),
    )
}
