"""From the layout of one library to that of another, file to file, with a proof."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gruverify._files import write_bytes
from gruverify.arithmetic import NDArray
from gruverify.cell import LAYOUTS, Cell, Fitted, Stack, Update, fitted, with_update
from gruverify.models._cudnn import FlatSizes, flat_grus, from_flat
from gruverify.models._encode import Content, encoder
from gruverify.models._files import BadFile, arrays_and_remarks
from gruverify.models._grus import Gru, read_grus
from gruverify.models._proof import NotTheSame, Proof, prove
from gruverify.models._written import UNNAMED, layer_name, named_arrays

#: The layouts of a conversion: those of single cells, and cuDNN's flat array.
CONVERTED: tuple[str, ...] = (*LAYOUTS, "cudnn")


@dataclass(frozen=True, eq=False)
class Converted:
    """A GRU in another layout: what it was, its cells there, the arrays by name, how many recurrent
    biases were added to the other ones and how many of these sums were rounded, and the proof.
    """

    source: Gru
    stack: Stack
    arrays: dict[str, NDArray]
    folded: int
    rounded: int
    turned: bool
    proof: Proof


def read_flat(path: str | Path, sizes: FlatSizes, name: str | None = None) -> list[Gru]:
    """The GRUs of a file in cuDNN's packing, each one array of one axis.

    Raises:
        BadFile: the file cannot be read, or an array has other sizes.
    """
    arrays = arrays_and_remarks(path)[0]
    if name is not None and name not in arrays:
        raise BadFile(f"{path}: has no array called {name!r}: it has {', '.join(arrays)}")
    picked = arrays if name is None else {name: arrays[name]}
    try:
        return [Gru(own, "cudnn", stack) for own, stack in flat_grus(picked, sizes).items()]
    except ValueError as wrong:
        raise BadFile(f"{path}: {wrong}") from None


def as_layers(grus: Sequence[Gru], names: Sequence[str] | None = None) -> Gru:
    """GRUs as the layers of one, in the order of the names, or of the numbers in their own.

    Raises:
        ValueError: a name is none of theirs, their own names say no order, or they do not fit on
            each other.
    """
    by_name = {gru.name: gru for gru in grus}
    if unknown := [name for name in names or () if name not in by_name]:
        raise ValueError(f"there is no GRU called {unknown[0]!r}: there are {', '.join(by_name)}")
    # Sorted as words they might fit on each other all the same, in an order that is nobody's.
    if names is None and len({re.sub(r"[_./]?\d+", "", name) for name in by_name}) > 1:
        raise ValueError(
            f"{', '.join(by_name)}: these names say no order by numbers: name the layers in theirs"
        )
    rows = list[tuple[Cell, ...]]()
    wanted = names or sorted(by_name, key=_by_number)
    for name in wanted:
        if by_name[name].backward:
            raise ValueError(f"{name} runs backward alone, and is not a layer of another GRU")
        rows += by_name[name].stack.cells
    first = by_name[wanted[0]]
    for name in wanted:
        if (by_name[name].clip, by_name[name].functions) != (first.clip, first.functions):
            raise ValueError(
                f"{first.name} and {name} have other activation functions or another clip, and are "
                "no layers of one GRU"
            )
    own = re.sub(r"[_./]?\d+$", "", plain_name(first.name))
    return replace(first, name=own, stack=Stack(tuple(rows)))


def _by_number(name: str) -> list[tuple[int, str]]:
    """So that gru_2 comes before gru_10, and gru before both."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def convert(
    grus: Sequence[Gru],
    path: Path,
    layout: str,
    *,
    name: str | None = None,
    update: Update | None = None,
) -> list[Converted]:
    """Write GRUs to a file in a layout, in the kind that its name says, whole or not at all.

    What was written is read again, and both sides are run in our formulas before the file has its
    name. name: what the one GRU is called there, unless as here; update: what z multiplies, where
    that is not what the library does: only PyTorch's packing, in which people keep the weights of
    kernels of their own, can have another.

    Raises:
        ValueError: the layout cannot hold a GRU, or a name stands twice; nothing is written.
        NotTheSame: what was written is not the same function.
        ImportError: a package is missing that writes such files.
        OSError: the file cannot be written.
    """
    encode = encoder(path)
    # Before anything is read or run: what cannot be written is refused at once.
    if update is not None and layout != "pytorch":
        raise ValueError(f"{layout} decides itself what z multiplies: leave --to-update out")
    if path.name.lower().endswith(".weights.h5") and layout != "keras":
        raise ValueError(f"{path}: Keras' .weights.h5 holds its own layout, and no {layout}")
    if name is not None and len(grus) > 1:
        raise ValueError(f"{len(grus)} GRUs cannot all be called {name!r}: pick one, with --gru")
    plans = list[_Plan]()
    for gru in grus:
        own = plain_name(gru.name if name is None else name)
        plans.append(_plan(gru, own, layout, update))
    arrays = dict[str, NDArray]()
    for plan in plans:
        if twice := arrays.keys() & plan.arrays.keys():
            raise ValueError(f"two GRUs would both have {min(twice)}: convert one, with --gru")
        arrays |= plan.arrays
    # A file says its conventions once, for all that it holds.
    variants = {plan.stack.variant for plan in plans}
    if len({(v.reset, v.update) for v in variants}) > 1:
        raise ValueError("they have different conventions: convert one at a time, with --gru")
    variant = plans[0].stack.variant
    says = {"layout": layout, "reset": variant.reset, "update": variant.update}
    if layout == "cudnn":
        # cuDNN's array is no layout that is read by names: sizes must be given (`read_flat`).
        del says["layout"]
    content = Content(arrays, {plan.name: plan.stack for plan in plans}, says)
    found = list[Converted]()

    def prove_all(file: Path) -> None:
        for plan in plans:
            proof = prove(plan.gru.stack, _read_again(file, plan, layout, says), plan.losses)
            found.append(plan.converted(proof))

    write_bytes(path, encode(content), prove_all)
    return found


@dataclass(frozen=True, eq=False)
class _Plan:
    gru: Gru
    name: str
    stack: Stack
    arrays: dict[str, NDArray]
    cells: list[list[Fitted]]

    @property
    def losses(self) -> list[list[npt.NDArray[np.float64]]]:
        return [[each.losses for each in row] for row in self.cells]

    def converted(self, proof: Proof) -> Converted:
        each = list(chain.from_iterable(self.cells))
        folded, rounded = sum(one.folded for one in each), sum(one.rounded for one in each)
        turned = self.gru.stack.variant.update != self.stack.variant.update
        return Converted(self.gru, self.stack, self.arrays, folded, rounded, turned, proof)


def _plan(gru: Gru, name: str, layout: str, update: Update | None) -> _Plan:
    if gru.backward:
        raise ValueError(
            f"{gru.name} runs backward alone (direction=reverse), which {layout} does not say in "
            "its weights: convert it from a model with direction=forward, and reverse time yourself"
        )
    # cuDNN's packing is PyTorch's cell, with the same gates, biases and side of the reset.
    library = LAYOUTS["pytorch" if layout == "cudnn" else layout]
    try:
        cells = gru.stack.each(lambda cell: fitted(cell, library))
    except ValueError as wrong:
        raise ValueError(f"{gru.name or 'the GRU'}: {wrong}") from None
    if update is not None:
        for row in cells:
            row[:] = [replace(one, cell=with_update(one.cell, update)) for one in row]
    rows = list[tuple[Cell, ...]]()
    for row in cells:
        rows.append(tuple(one.cell for one in row))
    stack = Stack(tuple(rows))
    return _Plan(gru, name, stack, named_arrays(name, layout, stack), cells)


def _read_again(file: Path, plan: _Plan, layout: str, says: dict[str, str]) -> Stack:
    """The stack that the file holds for a plan.

    Raises:
        NotTheSame: it is not found under the names that were written.
    """
    stack = plan.stack
    if layout == "cudnn":
        sizes = FlatSizes(stack.hidden_size, stack.input_size, stack.layers, stack.directions)
        [(name, array)] = ((n, arrays_and_remarks(file)[0][n]) for n in plan.arrays)
        return from_flat(name, array, sizes)
    update = says["update"] if layout == "pytorch" else None
    found = read_grus(file, layout=layout, reset=says["reset"], update=update)
    if layout == "pytorch":
        return _only(found, {plan.name}).stack
    rows = [
        _only(found, _names_read(layer_name(plan.name, stack, layer))).stack.cells
        for layer in range(stack.layers)
    ]
    return Stack(tuple(row for [row] in rows))


def _names_read(layer: str) -> set[str]:
    """The names that a layer may have when it is read again: those of a forward cell, and Keras'
    of the cell in it.
    """
    own = layer or UNNAMED
    return {
        layer,
        *(f"{layer}{separator}forward" for separator in "./"),
        f"{own}/gru_cell",
        f"{own}/forward_{own}/gru_cell",
    }


def _only(grus: Sequence[Gru], names: set[str]) -> Gru:
    found = [gru for gru in grus if gru.name in names]
    if len(found) != 1:
        raise NotTheSame(
            f"{len(found)} GRUs are called {' or '.join(sorted(names))!s} in what would have been "
            "written: give another name, with --as"
        )
    return found[0]


def plain_name(name: str) -> str:
    """A GRU's name without what says that a cell is the forward one, or is one at all."""
    parts = [part for part in re.split(r"[./]", name) if part not in ("forward", "forward_layer")]
    # Keras' Bidirectional names the layer inside it after itself, "bi/forward_gru": what is above
    # says enough, unless nothing is.
    kept = [part for part in parts if not part.startswith("forward_")]
    parts = kept or [part.removeprefix("forward_") for part in parts]
    if len(parts) > 1 and parts[0] == "params":
        parts.pop(0)
    if len(parts) > 1 and parts[-1] in ("gru_cell", "cell"):
        parts.pop()
    return ("/" if "/" in name else ".").join(parts).rstrip("_")
