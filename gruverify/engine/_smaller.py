"""Parts of a case: some of its units, inputs, members, steps, layers or directions, and the same
with other numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import TypeAlias

import numpy as np

from gruverify._named import Keywords
from gruverify.arithmetic import NDArray
from gruverify.cell import AnyCase, Case, Cell, Stack, StackCase, parameter_name

Indices: TypeAlias = Sequence[int]


def part(case: AnyCase, letter: str, kept: Indices) -> AnyCase:
    """The case with these of its units (H), inputs (I), members (B), steps (T), layers (L) or
    directions (D) alone.

    Of layers and directions the first ones can be kept: the others read them.
    """
    if isinstance(case, StackCase):
        return _part_of_stack(case, letter, list(kept))
    return _part_of_cell(case, letter, list(kept))


def _part_of_cell(case: Case, letter: str, kept: list[int]) -> Case:
    if letter == "T":
        return replace(case, inputs=case.inputs[kept], d_outputs=case.d_outputs[kept])
    if letter == "B":
        state, d_last = case.state[kept], case.d_last[kept]
        return replace(
            case,
            inputs=case.inputs[:, kept],
            state=state,
            d_outputs=case.d_outputs[:, kept],
            d_last=d_last,
        )
    if letter == "I":
        return replace(case, cell=_reading(case.cell, kept), inputs=case.inputs[..., kept])
    H = case.sizes["H"]
    # One regime per unit; a case whose numbers were changed has none.
    if len(case.regimes) == H:
        regimes = tuple(case.regimes[unit] for unit in kept)
    else:
        regimes = case.regimes
    return replace(
        case,
        cell=_units(case.cell, kept),
        state=case.state[:, kept],
        d_outputs=case.d_outputs[..., kept],
        d_last=case.d_last[:, kept],
        regimes=regimes,
    )


def _part_of_stack(case: StackCase, letter: str, kept: list[int]) -> StackCase:
    if letter == "T":
        if case.lengths is None:
            lengths = None
        else:
            # How many of the steps that are kept lie before the end of each member.
            lengths = np.searchsorted(np.array(kept), case.lengths)
        return replace(
            case, inputs=case.inputs[kept], d_outputs=case.d_outputs[kept], lengths=lengths
        )
    if letter == "B":
        if case.lengths is None:
            lengths = None
        else:
            lengths = case.lengths[kept]
        states, d_last = case.states[:, kept], case.d_last[:, kept]
        inputs, d_outputs = case.inputs[:, kept], case.d_outputs[:, kept]
        return replace(
            case, inputs=inputs, states=states, d_outputs=d_outputs, d_last=d_last, lengths=lengths
        )
    if letter == "I":
        first = tuple(_reading(cell, kept) for cell in case.stack.cells[0])
        return replace(
            case, stack=Stack((first, *case.stack.cells[1:])), inputs=case.inputs[..., kept]
        )
    return _part_of_all_cells(case, letter, kept)


def _part_of_all_cells(case: StackCase, letter: str, kept: list[int]) -> StackCase:
    """With some units of every cell, the first layers, or the first directions."""
    sizes = case.sizes
    # Only one of the three is cut at a time, and the other two stay whole.
    extents = {name: range(sizes[name]) for name in "LDH"} | {letter: kept}
    layers, directions, units = extents["L"], extents["D"], extents["H"]
    # What a layer above the first reads of the one below: these units of these directions.
    read = [d * sizes["H"] + unit for d, unit in product(directions, units)]
    cells = []
    for layer in layers:
        row = [_units(case.stack.cells[layer][direction], units) for direction in directions]
        cells.append(tuple(_reading(cell, read) if layer else cell for cell in row))
    which = [layer * sizes["D"] + direction for layer, direction in product(layers, directions)]
    states, d_last = (array[which][..., list(units)] for array in (case.states, case.d_last))
    return replace(
        case,
        stack=Stack(tuple(cells)),
        states=states,
        d_outputs=case.d_outputs[..., read],
        d_last=d_last,
    )


def _units(cell: Cell, kept: Indices) -> Cell:
    # Gates are packed one after the other, so a unit has three rows.
    rows = [gate * cell.hidden_size + unit for gate, unit in product(range(3), kept)]
    biases: Keywords = {
        name: array[rows] for name, array in cell.packed().items() if array.ndim == 1
    }
    recurrent = cell.weight_hh[rows][:, list(kept)]
    return replace(cell, weight_ih=cell.weight_ih[rows], weight_hh=recurrent, **biases)


def _reading(cell: Cell, kept: Indices) -> Cell:
    return replace(cell, weight_ih=cell.weight_ih[:, list(kept)])


def with_arrays(case: AnyCase, change: Callable[[str, NDArray], NDArray]) -> AnyCase:
    """The case with other numbers of the same shapes: change has an array's name and itself (see
    `arrays`).
    """
    # Regimes are left behind: the numbers that they drove are others now.
    own: Keywords = {name: change(name, array) for name, array in case.arrays().items()}
    if isinstance(case, Case):
        packed = {name: own.pop(name) for name in case.cell.packed()}
        return replace(case, cell=replace(case.cell, **packed), **own, regimes=())
    cells = []
    for layer, row in enumerate(case.stack.cells):
        taken = []
        for direction, cell in enumerate(row):
            names = {name: parameter_name(name, layer, direction) for name in cell.packed()}
            taken.append(replace(cell, **{name: own.pop(long) for name, long in names.items()}))
        cells.append(tuple(taken))
    return replace(case, stack=Stack(tuple(cells)), **own)
