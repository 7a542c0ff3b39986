"""Modules whose parameters have names of their own, and perhaps one for each gate, as modules with
PyTorch's names.

What each parameter is made of is said by `parameter_names`, an attribute of the module or of its
class:

    parameter_names = {"W_z": "W_xz.T", "U_z": "W_hz.T", "b_z": "b_xz", ...}

The values are the blocks of docs/theory.md, W_x, W_h, b_x and b_h of r, z and c, or PyTorch's
packed arrays (weight_ih and so on), with _l0 behind them for a layer and .T if they are transposed;
or lists of them, as numpy.block takes lists: [["W_xz", "W_hz"]] is one next to the other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.func import functional_call

from gruverify.backends._place import BadModule, name_of

#: A block's name, or blocks one below the other, of which a list is one next to the other.
Blocks: TypeAlias = "str | list[str] | list[list[str]]"
ParameterNames: TypeAlias = Mapping[str, Blocks]

_BLOCK = re.compile(r"(W_x|W_h|b_x|b_h)([rzcn])(_l\d+(?:_reverse)?)?(\.T)?")
_PACKED = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)(_l\d+(?:_reverse)?)?(\.T)?")
_ARRAYS = {"W_x": "weight_ih", "W_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
#: The order of the rows of PyTorch's packed arrays; it calls the candidate n.
_GATES = "rzc"


@dataclass(frozen=True)
class _Block:
    """A gate's rows of a packed array (gate None: all of them), perhaps transposed."""

    array: str
    suffix: str
    gate: int | None
    transposed: bool

    @property
    def name(self) -> str:
        """The packed array, as PyTorch calls it."""
        return f"{self.array}{self.suffix}"

    def cut_from(self, arrays: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The block, cut out of packed arrays by their names."""
        whole = arrays[self.name]
        if self.gate is not None:
            H = len(whole) // 3
            whole = whole[self.gate * H : (self.gate + 1) * H]
        if self.transposed:
            return whole.T
        return whole

    @property
    def gates(self) -> frozenset[int]:
        """The gates whose rows the block has, by their places in r, z, c."""
        if self.gate is None:
            return frozenset(range(3))
        return frozenset({self.gate})


class Renamed(nn.Module):
    """A module called at weights that are set under PyTorch's names.

    Raises:
        BadModule: `names` leaves out a parameter or a weight, names one that there is not, or does
            not fit the shapes.
    """

    def __init__(self, module: nn.Module, names: ParameterNames) -> None:
        super().__init__()
        self.renamed = module
        own = dict(module.named_parameters())
        _require_all_named(module, own, names)
        self._blocks = {name: _parsed(name, blocks) for name, blocks in names.items()}
        sizes = _sizes(own, self._blocks)
        arrays = _arrays(self._blocks)
        self._arrays = [array.name for array in arrays]
        for array in arrays:
            H, I = sizes[array.suffix]
            shape = {"weight_ih": (3 * H, I), "weight_hh": (3 * H, H)}.get(array.array, (3 * H,))
            # The numbers come with each case: here dtype and device count.
            like = next(iter(own.values()))
            self.register_parameter(array.name, nn.Parameter(like.new_zeros(shape)))
        for name, parameter in own.items():
            found = self._shape_of(name, names[name])
            if found != tuple(parameter.shape):
                raise BadModule(
                    f"{name_of(module)}.{name} has the shape {tuple(parameter.shape)}, and "
                    f"parameter_names makes it {found} of {names[name]!r}: is it transposed (.T)?"
                )

    def _shape_of(self, name: str, blocks: Blocks) -> tuple[int, ...]:
        """The shape of a parameter as its blocks make it."""
        try:
            return tuple(_put_together(self._blocks[name], self._packed()).shape)
        except RuntimeError:  # of torch.cat
            raise BadModule(
                f"parameter_names[{name!r}] = {blocks!r}: these blocks do not fit side by side: "
                "is one transposed (.T)?"
            ) from None

    def __getattr__(self, name: str) -> Any:
        """What the module says of itself, as batch_first."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            # Not self.renamed: while a copy is being made it is not there, and this would call
            # itself.
            return getattr(super().__getattr__("renamed"), name)

    @property
    def original_name(self) -> str:
        """What the module is called in messages."""
        return name_of(self.renamed)

    @property
    def biases(self) -> str | None:
        """The biases that it has, as they are declared; None if both are whole."""
        said: str | None = getattr(self.renamed, "biases", None)
        if said is not None:
            return said
        gates = dict.fromkeys(("bias_ih", "bias_hh"), frozenset[int]())
        for block in _each(self._blocks):
            if block.array in gates:
                gates[block.array] |= block.gates
        whole = frozenset(range(3))
        return _BIASES.get((gates["bias_ih"] == whole, gates["bias_hh"]))

    def forward(self, *given: Any) -> Any:
        """What the module returns, called at the weights that are set here."""
        arrays = self._packed()
        own = {name: _put_together(blocks, arrays) for name, blocks in self._blocks.items()}
        return functional_call(self.renamed, own, given)

    def _packed(self) -> dict[str, torch.Tensor]:
        """The weights by PyTorch's names, as they are read: a parametrized one is computed."""
        return {name: getattr(self, name) for name in self._arrays}


#: By whether the input side has all three, and which gates the recurrent side has.
_BIASES = {
    (False, frozenset()): "none",
    (True, frozenset()): "input",
    (True, frozenset({2})): "input+candidate",
    (False, frozenset(range(3))): "recurrent",
}


def renamed(module: nn.Module) -> nn.Module:
    """The module, behind PyTorch's names if it says what its own stand for."""
    names = getattr(module, "parameter_names", None)
    if names is None or isinstance(module, Renamed):
        return module
    if not isinstance(names, Mapping):
        raise BadModule(f"{name_of(module)}.parameter_names = {names!r} must be a mapping")
    return Renamed(module, names)


def _require_all_named(
    module: nn.Module, own: Mapping[str, nn.Parameter], names: ParameterNames
) -> None:
    for name in names:
        if name not in own:
            near = difflib.get_close_matches(name, own, 1)
            meant = "".join(f" (did you mean {each}?)" for each in near)
            raise BadModule(
                f"{name_of(module)} has no parameter {name!r}, which parameter_names has{meant}: "
                f"there are {', '.join(own) or 'none'}"
            )
    if left := [name for name in own if name not in names]:
        raise BadModule(
            f"{name_of(module)} has {', '.join(left)}, of which parameter_names says nothing"
        )


def _parsed(name: str, blocks: Blocks, depth: int = 2) -> Any:
    """The blocks, read: lists of them down to a depth."""
    if isinstance(blocks, (list, tuple)) and blocks and depth:
        return [_parsed(name, each, depth - 1) for each in blocks]
    if isinstance(blocks, str):
        if found := _BLOCK.fullmatch(blocks):
            side, gate, suffix, transposed = found.groups()
            number = _GATES.index(gate.replace("n", "c"))
            return _Block(_ARRAYS[side], suffix or "", number, bool(transposed))
        if found := _PACKED.fullmatch(blocks):
            array, suffix, transposed = found.groups()
            return _Block(array, suffix or "", None, bool(transposed))
    raise BadModule(
        f"parameter_names[{name!r}] = {blocks!r}: a block is W_xr, W_xz, W_xc, W_hr, ..., b_hc or "
        "weight_ih, weight_hh, bias_ih, bias_hh, then _l0 for a layer, then .T if it is "
        "transposed; or a list of blocks, or of rows of them"
    )


def _each(blocks: Any) -> Iterator[_Block]:
    """All blocks, of one parameter or of several."""
    if isinstance(blocks, _Block):
        yield blocks
        return
    for part in blocks.values() if isinstance(blocks, dict) else blocks:
        yield from _each(part)


def _arrays(blocks: Mapping[str, Any]) -> list[_Block]:
    """One block of each packed array, in the order that PyTorch has.

    Raises:
        BadModule: a weight lacks a gate.
    """
    found, gates = dict[str, _Block](), dict[str, frozenset[int]]()
    for block in _each(dict(blocks)):
        found.setdefault(block.name, block)
        gates[block.name] = gates.get(block.name, frozenset()) | block.gates
    # A GRU may do without biases; a gate without weights is none.
    for suffix in dict.fromkeys(block.suffix for block in found.values()):
        for side, array in (("W_x", "weight_ih"), ("W_h", "weight_hh")):
            for number, gate in enumerate(_GATES):
                if number not in gates.get(f"{array}{suffix}", frozenset()):
                    raise BadModule(f"parameter_names says nothing of {side}{gate}{suffix}")
    order = list(_ARRAYS.values())
    return sorted(found.values(), key=lambda block: (block.suffix, order.index(block.array)))


def _put_together(blocks: Any, arrays: Mapping[str, Any]) -> torch.Tensor:
    """The parameter that is made of these blocks."""
    if isinstance(blocks, _Block):
        return blocks.cut_from(arrays)
    rows = list[torch.Tensor]()
    for row in blocks:
        if isinstance(row, _Block):
            rows.append(row.cut_from(arrays))
        else:
            rows.append(torch.cat([block.cut_from(arrays) for block in row], 1))
    return torch.cat(rows)


def _sizes(
    own: Mapping[str, nn.Parameter], blocks: Mapping[str, Any]
) -> dict[str, tuple[int, int]]:
    """H and the number of inputs, by suffix, as the parameters' shapes have them."""
    H, I = dict[str, int](), dict[str, int]()
    extents = list[tuple[str, tuple[int, int], int]]()
    for name, parameter in own.items():
        extents += _extents(blocks[name], tuple(parameter.shape))
    # First H, from axes that have no inputs; then I is what H leaves of the others.
    for suffix, (of_hidden, of_inputs), extent in extents:
        if not of_inputs:
            H[suffix] = extent // of_hidden
    for suffix, (of_hidden, of_inputs), extent in extents:
        if of_inputs and suffix in H:
            I[suffix] = (extent - of_hidden * H[suffix]) // of_inputs
    return {suffix: (H.get(suffix, 1), max(I.get(suffix, 1), 1)) for suffix in H | I}


def _extents(blocks: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, int], int]]:
    """Of each axis of a parameter, by the suffix: how many times H and I it has, and its extent."""
    first = next(_each(blocks))
    rows = [_listed(row) for row in _listed(blocks)]
    # The first row and the first column tell the sizes; whether the others agree is seen when they
    # are put together.
    columns, downwards = rows[0], [row[0] for row in rows]
    for axis, (line, extent) in enumerate(zip((downwards, columns), shape, strict=False)):
        counts = [_extent(block, axis) for block in line]
        hidden, inputs = (sum(count) for count in zip(*counts, strict=True))
        yield first.suffix, (hidden, inputs), extent


def _listed(blocks: Any) -> list[Any]:
    if isinstance(blocks, list):
        return blocks
    return [blocks]


def _extent(block: _Block, axis: int) -> tuple[int, int]:
    """How many times H and how many times I a block has along an axis."""
    if (axis == 1) == block.transposed:
        return len(block.gates), 0
    if block.array == "weight_ih":
        return (0, 1)
    return (1, 0)
