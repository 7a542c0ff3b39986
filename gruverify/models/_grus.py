"""The GRUs of a file, as stacks of cells: with name, layers, directions, layout and variant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from gruverify._files import is_there
from gruverify._named import Keywords
from gruverify._visible import visible
from gruverify.arithmetic import USUAL, Functions, NDArray, format_of, in_words
from gruverify.cell import LAYOUTS, PACKED, Biases, Cell, Reset, Stack, Update, Variant
from gruverify.models._files import BadFile, arrays_and_remarks
from gruverify.models._names import LAYOUT_NAMES, Group, groups_in
from gruverify.models._packing import packing

#: Of each layout, the weights of the recurrent side: the axis with the gates, three blocks of H,
#: and that with H.
_RECURRENT = {
    "pytorch": ("weight_hh", 0),
    "equinox": ("weight_hh", 0),
    "mlx": ("Wh", 0),
    "keras": ("recurrent_kernel", 1),
    "nnx": ("dense_h.kernel", 1),
    "haiku": ("w_h", 1),
    "onnx": ("R", 1),
}
#: How many arrays a message lists.
_LISTED = 8
_OTHERS = {4: "an LSTM has four", 1: "a plain RNN has one"}


@dataclass(frozen=True)
class Gru:
    """A GRU of a file: the name that its parameters share (may be ""), the layout they are in, and
    the stack. If it runs backward alone, `backward` says so: its one direction meets the last step
    first. clip: how large the arguments of activation functions may be, None: as they are;
    functions: those of each direction, None: σ and tanh.
    """

    name: str
    layout: str
    stack: Stack
    backward: bool = False
    clip: float | None = None
    functions: tuple[Functions, ...] | None = None

    @property
    def activations(self) -> tuple[Functions, ...]:
        """The activation functions of each direction."""
        return self.functions or (USUAL,) * self.stack.directions

    def __str__(self) -> str:
        s = self.stack
        if s.directions == 2:
            ways = ", bidirectional"
        else:
            ways = ", backward" * self.backward
        layers = f"{s.layers} layer{'s' * (s.layers > 1)}"
        clip = "" if self.clip is None else f", clip={self.clip:g}"
        sizes = f"H={s.hidden_size}, I={s.input_size}, {layers}{ways}{clip}"
        if self.functions is not None:
            sizes += f", {in_words(self.functions)}"
        return f"{self.name or '(no name)'}: {sizes}, {s.format.name}, {s.variant} ({self.layout})"


def read_grus(
    path: str | Path,
    *,
    name: str | None = None,
    layout: str | None = None,
    reset: str | None = None,
    update: str | None = None,
    attributes: bool = False,
) -> list[Gru]:
    """The GRUs of a file, in its order.

    name: of the one that is wanted, alone; layout: one of `LAYOUTS`, where the names of parameters
    do not tell; reset, update: as `Variant` has them, where the file does not say it: of Keras'
    arrays without a bias and of ONNX' the side of the reset gate is not known.

    attributes: whether the caller heeds `Gru.clip` and `Gru.functions`; else those that have
    such are refused.

    Raises:
        BadFile: the file cannot be read, has no GRU, or one whose arrays do not fit together; the
        message has shapes.
    """
    arrays, remarks = arrays_and_remarks(path)
    asked = {"name": name, "layout": layout, "reset": reset, "update": update}
    # What is asked for wins over what the file says.
    said: Keywords = {
        **remarks,
        **{name: value for name, value in asked.items() if value is not None},
    }
    try:
        return grus_among(arrays, attributes=attributes, **said)
    except ValueError as wrong:
        raise BadFile(f"{path}: {visible(str(wrong))}") from None


def grus_among(
    arrays: Mapping[str, NDArray],
    *,
    name: str | None = None,
    layout: str | None = None,
    reset: str | None = None,
    update: str | None = None,
    resets: Mapping[str, str] | None = None,
    refused: Mapping[str, str] | None = None,
    backward: Collection[str] = (),
    clips: Mapping[str, float] | None = None,
    functions: Mapping[str, tuple[Functions, ...]] | None = None,
    attributes: bool = False,
) -> list[Gru]:
    """The GRUs among arrays by name: see `read_grus`.

    resets: the sides of the reset gate that are known, by name; refused: what keeps some of them
    from being read; backward: those that run backward alone; clips: those that have one; functions:
    the activation functions of each direction.

    Raises:
        ValueError: there is none, or one does not fit together or is refused.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r} must be one of {', '.join(LAYOUTS)}")
    found = groups_in(arrays, layout)
    if not found:
        if layout:
            raise ValueError(
                f"has no parameters of a GRU under {layout}'s names; it has {_listed(arrays)}"
            )
        raise ValueError(
            f"has no parameters of a GRU under names as {', '.join(LAYOUT_NAMES)} have them; "
            f"it has {_listed(arrays)}: {packing(arrays)}"
        )
    if name is not None:
        names = [group.name for group in found]
        found = [group for group in found if group.name == name]
        if not found and name in (refused or {}):
            raise ValueError((refused or {})[name])
        if not found:
            raise ValueError(f"has no GRU called {name!r}: it has {', '.join(map(repr, names))}")
    # An LSTM has PyTorch's names too: next to a GRU nobody asks about it.
    threefold = [group for group in found if _gates(group) == 3]
    known, grus = resets or {}, list[Gru]()
    for group in threefold or found:
        if why := _of_either(group, refused or {}):
            if len(found) > 1:
                why += " (others are read by name: --gru)"
            raise ValueError(why)
        gru = _gru(group, reset or known.get(group.name), update)
        limit, own = (clips or {}).get(group.name), _functions(group, gru, functions or {})
        # Without its clip the cell is another function as soon as one pre-activation gets there.
        if limit is not None and not attributes:
            raise ValueError(
                f"{group.name} has clip={limit:g}, which judge and check model alone: if no "
                "pre-activation gets there, save it without the attribute"
            )
        if own is not None and not attributes:
            raise ValueError(
                f"{group.name} has {in_words(own)}, which judge and check model alone: elsewhere "
                "a GRU has sigmoid and tanh"
            )
        grus.append(replace(gru, backward=group.name in backward, clip=limit, functions=own))
    return grus


def _of_either(group: Group, refused: Mapping[str, str]) -> str | None:
    """Why a GRU is refused, for the sake of one of its directions."""
    return refused.get(group.name) or refused.get(_backward(group))


def _backward(group: Group) -> str:
    """The name of the direction that was paired with the one that a group is called after."""
    if (0, 1) not in group.cells:
        return group.name
    return group.name.replace("forward", "backward")


def _functions(
    group: Group, gru: Gru, known: Mapping[str, tuple[Functions, ...]]
) -> tuple[Functions, ...] | None:
    """The activation functions of each direction, where they are not σ and tanh."""
    found = known.get(group.name, (USUAL,))
    if len(found) < gru.stack.directions:
        found = (*found, *known.get(_backward(group), (USUAL,)))
    if all(each == USUAL for each in found):
        return None
    return found


def _listed(arrays: Mapping[str, NDArray]) -> str:
    each = [f"{name or 'one array'} {arrays[name].shape}" for name in list(arrays)[:_LISTED]]
    if not each:
        return "no arrays"
    listed = ", ".join(each)
    if len(arrays) > _LISTED:
        return f"{listed} and {len(arrays) - _LISTED} more"
    return listed


def _gru(group: Group, reset: str | None, update: str | None) -> Gru:
    if group.layout == "onnx":
        group = _directions_apart(group)
    layers = len({layer for layer, _ in group.cells})
    directions = len({direction for _, direction in group.cells})
    for layer in range(layers):
        for direction in range(directions):
            if (layer, direction) not in group.cells:
                there = ", ".join(map(str, sorted(group.cells)))
                raise ValueError(
                    f"{group.name or 'the GRU'} lacks layer {layer}, direction {direction} (it "
                    f"has {there})"
                )
    rows = list[tuple[Cell, ...]]()
    for layer in range(layers):
        rows.append(tuple(_cell(group, layer, d, reset, update) for d in range(directions)))
    return Gru(group.name, group.layout, Stack(tuple(rows)))


def _directions_apart(group: Group) -> Group:
    """ONNX' arrays (D, ...) as one cell for each direction."""
    arrays = group.cells[0, 0]
    for leaf, dimensions in (("W", 3), ("R", 3), ("B", 2)):
        if leaf in arrays and (arrays[leaf].ndim != dimensions or len(arrays[leaf]) not in (1, 2)):
            letters = {"W": "(D, 3H, I)", "R": "(D, 3H, H)", "B": "(D, 6H)"}[leaf]
            raise ValueError(
                f"{group.named[0, 0, leaf]} has shape {arrays[leaf].shape}, expected {letters}"
            )
    if len({len(array) for array in arrays.values()}) > 1:
        raise ValueError(f"W, R and B have different numbers of directions D: {_listed(arrays)}")
    apart = Group(group.name, group.layout)
    for direction in range(len(arrays["W"])):
        for leaf, array in arrays.items():
            # The axis D stays, of length 1: the layout "onnx" is that of one direction's arrays.
            apart.add(0, direction, leaf, group.named[0, 0, leaf], array[direction : direction + 1])
    return apart


def _cell(group: Group, layer: int, direction: int, reset: str | None, update: str | None) -> Cell:
    arrays = group.cells[layer, direction]
    for leaf, array in arrays.items():
        name = group.named[layer, direction, leaf]
        try:
            format_of(array.dtype)
        except ValueError as unknown:
            raise ValueError(f"{name} has dtype {array.dtype}: {unknown}") from None
        if not array.ndim:
            raise ValueError(f"{name} is a single number, expected an array")
    _require_three_gates(group, layer, direction)
    try:
        variant = _variant(group, arrays, reset, update)
        if group.layout == "pytorch":
            packed = {name: arrays.get(name) for name in PACKED}
            return Cell(variant, **packed)  # type: ignore[arg-type]  # None is refused by name
        return LAYOUTS[group.layout].cell(arrays, variant)
    except (ValueError, IndexError) as wrong:
        shapes = ", ".join(f"{leaf} {array.shape}" for leaf, array in arrays.items())
        raise ValueError(
            f"{group.name or 'the GRU'}, layer {layer}: {wrong} (given: {shapes})"
        ) from None


def _gates(group: Group) -> int:
    """How many blocks of gates the recurrent weights of the first cell have; 3 where the layout
    keeps them apart.
    """
    leaf, axis = _RECURRENT.get(group.layout, ("", 0))
    array = group.cells.get((0, 0), {}).get(leaf)
    # What is missing or misshapen is refused later, by name: here an LSTM alone is to be known.
    if array is None or array.ndim < 2:
        return 3
    return int(array.shape[axis]) // max(_units(group.layout, array), 1)


def _units(layout: str, recurrent: NDArray) -> int:
    """H, by the recurrent weights."""
    return int(recurrent.shape[0 if layout in ("keras", "nnx", "haiku") else -1])


def _require_three_gates(group: Group, layer: int, direction: int) -> None:
    """Raise ValueError where the recurrent weights are an LSTM's, a plain RNN's, or no matrix of
    gates.
    """
    if group.layout not in _RECURRENT:
        return
    leaf, gates = _RECURRENT[group.layout]
    array, name = group.cells[layer, direction].get(leaf), group.named.get((layer, direction, leaf))
    if array is None:
        raise ValueError(
            f"{group.name or 'the GRU'} has no {leaf} in layer {layer}, direction {direction}"
        )
    if array.ndim < 2:
        raise ValueError(f"{name} has shape {array.shape}, expected two axes, of 3H and H")
    units = _units(group.layout, array)
    blocks, rest = divmod(array.shape[gates], max(units, 1))
    if (blocks, rest) != (3, 0):
        if not rest and blocks in _OTHERS:
            other = f": {_OTHERS[blocks]}"
        else:
            other = ""
        raise ValueError(
            f"{name} has shape {array.shape}, that is {array.shape[gates]} rows of gates for "
            f"H={units} units, "
            f"expected 3H = {3 * units}{other}"
        )


def _variant(
    group: Group, arrays: Mapping[str, NDArray], reset: str | None, update: str | None
) -> Variant:
    side = reset or _reset_of(group.layout, arrays)
    if side is None:
        raise ValueError(
            "nothing tells on which side of the product the reset gate is: say --reset after or "
            f"--reset before ({_WHO_SAYS[group.layout]})"
        )
    # Haiku's GRU follows Chung et al. 2014, where z multiplies the candidate.
    if group.layout == "haiku":
        usual = "replace"
    else:
        usual = "keep"
    conventions = cast("Reset", side), cast("Update", update or usual)
    return Variant(*conventions, biases=_biases(group.layout, side, arrays))


_WHO_SAYS = {
    "keras": "Keras' reset_after=True is after",
    "onnx": "ONNX' linear_before_reset=1 is after, 0, the default, before",
}


def _reset_of(layout: str, arrays: Mapping[str, NDArray]) -> str | None:
    """The side of the reset gate, if layout and shapes tell it."""
    if layout == "onnx":
        return None
    if layout == "keras":
        if "bias" not in arrays:
            return None
        # Keras' reset_after=True has a bias of two rows, input and recurrent; reset_after=False
        # has one.
        if arrays["bias"].ndim == 2:
            return "after"
        return "before"
    if layout == "haiku":
        return "before"
    return "after"


def _biases(layout: str, side: str, arrays: Mapping[str, NDArray]) -> Biases:
    """Which biases there are."""
    if layout == "pytorch":
        there = "bias_ih" in arrays, "bias_hh" in arrays
        forms: dict[tuple[bool, bool], Biases] = {
            (True, True): "both",
            (False, False): "none",
            (True, False): "input",
            (False, True): "recurrent",
        }
        return forms[there]
    if layout in ("keras", "onnx"):
        name = "bias" if layout == "keras" else "B"
        if name not in arrays:
            return "none"
        # One row, which is added once: with the reset before the product there is no second place
        # for it.
        if layout == "keras" and side == "before":
            return "input"
        return "both"
    if layout == "flax":
        return "input+candidate"
    biases = {"nnx": "dense_i.bias", "equinox": "bias", "mlx": "b", "haiku": "b"}[layout]
    if biases not in arrays:
        return "none"
    if layout in ("nnx", "haiku"):
        return "input"
    return "input+candidate"


def array_beside(path: str, names: tuple[str, ...]) -> NDArray | None:
    """The array of a file that is called one of `names`, beside the one that `array_of` reads; None
    if there is none.

    Raises:
        BadFile: the file cannot be read.
    """
    file = path
    if not is_there(path) and ":" in path:
        file = path.rpartition(":")[0]
    arrays = arrays_and_remarks(file)[0]
    known = [name for name in names if name in arrays]
    if not known:
        return None
    return array_of(f"{file}:{known[0]}", ())


def array_of(path: str, names: tuple[str, ...]) -> NDArray:
    """The array of a file that is called one of `names`, or the only one; PATH:NAME picks another.

    Raises:
        BadFile: the file cannot be read, or does not tell which array it is.
    """
    file, picked = path, ""
    # A file whose own name has a colon in it comes first.
    if not is_there(path) and ":" in path:
        file, _, picked = path.rpartition(":")
    arrays = arrays_and_remarks(file)[0]
    try:
        return np.array(_picked(file, picked, arrays, names))
    except BadFile:
        raise
    except ValueError as damaged:
        raise BadFile(f"{file}: {damaged}") from None


def _picked(
    file: str, picked: str, arrays: Mapping[str, NDArray], names: tuple[str, ...]
) -> NDArray:
    if picked:
        if picked not in arrays:
            raise BadFile(
                f"{file} has no array {visible(picked)!r}; it has {visible(_listed(arrays))}"
            )
        return arrays[picked]
    known = [name for name in names if name in arrays]
    if len(arrays) != 1 and not known:
        raise BadFile(
            f"{file} has {visible(_listed(arrays))}: pick one as {file}:NAME, or call one "
            f"{names[0]!r}"
        )
    return arrays[known[0] if known else next(iter(arrays))]
