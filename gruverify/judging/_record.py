"""What was recorded of a run, brought to one form: which steps there are, and what is known of
every number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gruverify._visible import error_line
from gruverify.arithmetic import (
    Decimals,
    Format,
    Functions,
    NDArray,
    Said,
    bfloat16,
    float32,
    float64,
    format_named,
    format_of,
    functions_named,
    is_narrower,
)
from gruverify.cell import Cell, Stack
from gruverify.judging._masks import NO_MASKS, Masks
from gruverify.judging._order import own_order, reordered


class BadRecord(ValueError):
    """Recorded arrays that do not fit the weights, or each other; the message names which, with
    shapes and letters.
    """


@dataclass(frozen=True, eq=False)
class Record:
    """A run: the stack in the format that it is computed in, inputs (T, B, I), outputs (T, B, D·H)
    by layer where they are recorded, the last layer's always; initial states (L·D, B, H), and the
    lengths (B,) of the members.

    weights: the format in which the weights are saved; functions: the activation functions of each
    direction; clip: how large their arguments may be (None: as they are); masks: the steps that
    keep a state or start from zeros; notes: what was found out about formats, for the reader of the
    verdict; written: how outputs were written in text, if that is where they come from; backward:
    whether the steps are in the order of a direction that meets the last one first.
    """

    stack: Stack
    format: Format
    inputs: NDArray
    outputs: dict[int, NDArray]
    state: NDArray
    lengths: npt.NDArray[np.intp]
    weights: Format
    functions: tuple[Functions, ...]
    clip: float | None = None
    masks: Masks = NO_MASKS
    notes: tuple[str, ...] = ()
    written: Decimals | None = None
    backward: bool = False

    @property
    def steps(self) -> int:
        """The number of steps, T."""
        return len(self.inputs)


def record(
    model: Cell | Stack,
    inputs: npt.ArrayLike,
    outputs: npt.ArrayLike | None,
    *,
    state: npt.ArrayLike | None = None,
    lengths: npt.ArrayLike | None = None,
    format: Format | str | None = None,
    batch_first: bool = False,
    backward: bool = False,
    clip: float | None = None,
    activations: Said = ("sigmoid", "tanh"),
    keep: npt.ArrayLike | None = None,
    restart: npt.ArrayLike | None = None,
    zero_outputs: bool = False,
) -> Record:
    """A record of these arrays: see `judge`, which takes the same.

    outputs: None where nothing but last states is recorded, for `rule_last`.
    backward: the one direction meets each member's last step first, as ONNX' direction=reverse
    does; inputs and outputs are in time all the same, and become the order of the steps. clip: how
    large the arguments of σ and tanh may be, as ONNX's clip says.

    Raises:
        BadRecord: an array has the wrong shape or type.
    """
    stack = _stack(model)
    xs = numbers("inputs", inputs)
    # Without a batch there is no first axis to exchange: batch_first says nothing then.
    unbatched = xs.ndim == 2
    xs = _time_first(xs, unbatched=unbatched, batch_first=batch_first)
    axes = _axes(unbatched=unbatched, batch_first=batch_first)
    require_inputs(stack, np.asarray(inputs).shape, xs, axes)
    T, B, _ = xs.shape
    ys, layers = None, dict[int, NDArray]()
    if outputs is not None:
        given = numbers("outputs", outputs)
        ys = _time_first(given, unbatched=unbatched, batch_first=batch_first)
        layers = _layers(stack, given.shape, ys, T, B, axes)
    shares = {"keep": keep, "restart": restart}
    masks = _masks(stack, shares, zero_outputs, T, B, batch_first, unbatched)
    if masks and ys is not None:
        _require_every_layer(stack, ys, layers)
    computed, notes = _format(stack, ys, format)
    steps = _lengths(lengths, T, B)
    if backward:
        # From here on it is one that runs forward: each member's last step is its first.
        order = own_order(steps, T, 1)
        xs = reordered(xs, order)
        layers = {layer: reordered(states, order) for layer, states in layers.items()}
        masks = masks.of(0, stack.hidden_size, order)
        notes = [*notes, "it runs backward: t counts from each member's last step"]
    return Record(
        in_format(stack, computed),
        computed,
        xs,
        layers,
        initial_states(stack, state, B, computed, unbatched=unbatched),
        steps,
        stack.format,
        _functions(activations, stack.directions),
        clip,
        masks,
        (*notes, *_notes_of_inputs(xs, computed)),
        backward=backward,
    )


def _masks(
    stack: Stack,
    given: Mapping[str, npt.ArrayLike | None],
    zero_outputs: bool,
    T: int,
    B: int,
    batch_first: bool,
    unbatched: bool,
) -> Masks:
    """The steps that keep a state or start from zeros, arranged as inputs are."""
    found = dict[str, npt.NDArray[np.float64]]()
    for name, values in given.items():
        if values is None:
            continue
        array = numbers(name, values)
        if unbatched:
            array = array[:, None]
        elif batch_first and array.ndim > 1:
            array = array.swapaxes(0, 1)
        if array.ndim == 2:
            array = array[..., None]
        wide = stack.directions * stack.hidden_size
        own = name == "keep" and stack.layers == 1
        if array.ndim != 3 or array.shape not in ((T, B, 1), *([(T, B, wide)] if own else [])):
            raise BadRecord(
                f"{name} has shape {np.shape(values)}, expected one number for each step of each "
                f"member, T={T}, B={B}" + (f", or for each unit, {wide}" if own else "")
            )
        found[name] = array.astype(np.float64)
        whole = {0.0, 1.0}.issuperset(np.unique(found[name]))
        if not whole and (name == "restart" or zero_outputs):
            raise BadRecord(f"{name} has numbers that are neither 0 nor 1")
        if not ((found[name] >= 0) & (found[name] <= 1)).all():
            raise BadRecord(f"{name} has numbers that are no shares, from 0 to 1")
    if zero_outputs and ("keep" not in found or found["keep"].shape[-1] > 1):
        raise BadRecord("zero_outputs is about masked steps: keep says which, (T, B) of 0 and 1")
    return Masks(found.get("keep"), found.get("restart"), zero_outputs)


def _functions(activations: Said, directions: int) -> tuple[Functions, ...]:
    try:
        return functions_named(activations, directions)
    except ValueError as unknown:
        raise BadRecord(str(unknown)) from None


def _stack(model: object) -> Stack:
    if isinstance(model, Cell):
        return Stack(((model,),))
    if not isinstance(model, Stack):
        raise BadRecord(
            f"model is of type {type(model).__name__}, and a Cell or Stack is wanted: "
            "gruverify.models.grus_among(arrays)[0].stack is made of arrays by name, as a "
            "state_dict has them"
        )
    return model


def kind_of(array: NDArray) -> Format | None:
    """The format of an array's numbers; None of whole numbers."""
    try:
        return format_of(array.dtype)
    except ValueError:
        return None


def numbers(name: str, values: npt.ArrayLike) -> NDArray:
    """The values as an array of numbers; BadRecord names what is none."""
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        raise BadRecord(f"{name} is not an array: its rows have different lengths") from None
    except Exception as refused:  # a tensor has its own rules for becoming an array
        raise BadRecord(f"{name} cannot become an array: {error_line(refused)}") from None
    # bfloat16 of ml_dtypes is of kind V, as any bytes are.
    if array.dtype.kind not in "fiub" and array.dtype != bfloat16.dtype:
        raise BadRecord(f"{name} has dtype {array.dtype}: numbers are wanted")
    return array


def require_inputs(stack: Stack, given: tuple[int, ...], xs: NDArray, axes: str) -> None:
    """Raise BadRecord unless inputs `xs`, of the shape that was given, are (T, B, I), each at
    least 1.
    """
    if xs.ndim != 3:
        raise BadRecord(f"inputs has shape {given}, expected {axes}, or (T, I) without a batch")
    if not xs.size:
        raise BadRecord(f"inputs has shape {given}: there is no step, member or input")
    if xs.shape[2] != stack.input_size:
        raise BadRecord(
            f"inputs has shape {given}, expected {axes} with I={stack.input_size}, the columns of "
            "the first layer's "
            f"weight_ih: its last axis is {xs.shape[2]}"
        )


def _require_every_layer(stack: Stack, ys: NDArray, layers: Mapping[int, NDArray]) -> None:
    if len(layers) < stack.layers:
        raise BadRecord(
            "keep and restart need the outputs of every layer, (L, T, B, D·H), or a model of one "
            f"layer: outputs has shape {ys.shape}, of the last of {stack.layers} layers"
        )


def _axes(*, unbatched: bool, batch_first: bool) -> str:
    """The axes that inputs are given with."""
    if unbatched:
        return "(T, I)"
    if batch_first:
        return "(B, T, I)"
    return "(T, B, I)"


def _time_first(array: NDArray, *, unbatched: bool, batch_first: bool) -> NDArray:
    """Inputs or outputs, (..., T, B, ·). Of too few axes they stay as they are, and are refused
    later.
    """
    if unbatched and array.ndim >= 2:
        return np.expand_dims(array, -2)
    if batch_first and not unbatched and array.ndim >= 3:
        return array.swapaxes(-3, -2)
    return array


def _layers(
    stack: Stack, given: tuple[int, ...], ys: NDArray, T: int, B: int, axes: str
) -> dict[int, NDArray]:
    """The outputs by layer: of the last one, or (L, ...) of all."""
    wide = stack.directions * stack.hidden_size
    letters, sizes = axes.replace("I)", "D·H)" if stack.directions > 1 else "H)"), f"T={T}, B={B}"
    if ys.ndim == 4 and len(ys) == stack.layers and ys.shape[1:] == (T, B, wide):
        return dict(enumerate(ys))
    if (
        ys.ndim == 4
        and stack.layers == 1
        and ys.shape == (T, stack.directions, B, stack.hidden_size)
    ):
        return {0: ys.swapaxes(1, 2).reshape(T, B, wide)}  # as ONNX' Y has its axes
    if ys.shape != (T, B, wide):
        if stack.directions > 1:
            D = f", D={stack.directions}"
        else:
            D = ""
        # Where T = B the shape cannot tell, and the numbers will.
        swapped = ys.ndim == 3 and T != B and ys.shape == (B, T, wide)
        if swapped:
            hint = ": batch and time are the other way round than in inputs"
        else:
            hint = ""
        if stack.directions > 1 and ys.shape == (T, B, stack.hidden_size):
            hint = (
                ": that is one direction, or both added up: record them side by side "
                "(Keras' merge_mode='concat')"
            )
        if ys.shape == (B, wide) or given == (B, wide):
            hint = (
                ": that is the state after one step alone, and each step is judged: record "
                "all outputs"
            )
        raise BadRecord(
            f"outputs has shape {given}, expected {letters} with {sizes}, "
            f"H={stack.hidden_size}{D}{hint}"
        )
    return {stack.layers - 1: ys}


def _format(
    stack: Stack, ys: NDArray | None, asked: Format | str | None
) -> tuple[Format, list[str]]:
    """The format that the run was computed in: as asked, or the weights', unless the outputs have
    more digits.
    """
    own = stack.format
    if ys is None:
        return (own if asked is None else _as_format(asked)), []
    stored = kind_of(ys)
    if stored is None:
        raise BadRecord(f"outputs has dtype {ys.dtype}: floating-point numbers are wanted")
    if asked is not None:
        computed = _as_format(asked)
        if computed != own:
            notes = [f"judged as computed in {computed.name}, as asked"]
        else:
            notes = []
    # Recorders often widen: numbers that are all in the weights' format are taken for it.
    elif is_narrower(own, stored) and not _all_in(ys, own):
        computed = stored
        notes = [
            f"weights are {own.name}, and outputs {stored.name} numbers: judged as {stored.name}"
        ]
    # Weights are widened, too: a run in float64 would return others than float32's numbers.
    elif own is float64 and _are_all_in(stack, float32) and _all_in(ys, float32):
        computed = float32
        notes = ["weights are float64, and they and outputs all float32 numbers: judged as float32"]
    else:
        computed, notes = own, []
    if is_narrower(stored, computed):
        notes.append(
            f"outputs are recorded in {stored.name}: half an ulp of it is allowed for, before and "
            "after a step"
        )
    return computed, notes


def _are_all_in(stack: Stack, fmt: Format) -> bool:
    """Whether all weights are numbers of the format."""
    cells = [cell for row in stack.cells for cell in row]
    return all(_all_in(array, fmt) for cell in cells for array in cell.packed().values())


def _as_format(asked: Format | str) -> Format:
    if isinstance(asked, Format):
        return asked
    try:
        return format_named(asked)
    except ValueError as unknown:
        raise BadRecord(str(unknown)) from None


def _notes_of_inputs(xs: NDArray, computed: Format) -> list[str]:
    fmt = kind_of(xs)
    if fmt is not None and is_narrower(fmt, computed):
        return [
            f"inputs are recorded in {fmt.name}: half an ulp of it is allowed for (exact ones: as "
            f"{computed.name})"
        ]
    if not _all_in(xs, computed):
        return [f"inputs are no {computed.name} numbers: taken as rounded to it"]
    return []


def _all_in(values: NDArray, fmt: Format) -> bool:
    """Whether all of them are numbers of the format."""
    # float64 holds every number of every format that there is, so the way there loses nothing.
    wide = values.astype(np.float64)
    with np.errstate(over="ignore"):
        return np.array_equal(fmt.cast(wide).astype(np.float64), wide, equal_nan=True)


def representable(record: Record, fmt: Format) -> bool:
    """Whether all outputs are numbers of the format."""
    return all(_all_in(values, fmt) for values in record.outputs.values())


def in_format(stack: Stack, fmt: Format) -> Stack:
    """The stack's weights, rounded to the format if theirs is another one."""
    if stack.format == fmt:
        return stack

    def cast(cell: Cell) -> Cell:
        return Cell(
            cell.variant,
            **{name: fmt.cast(array.astype(np.float64)) for name, array in cell.packed().items()},
        )

    try:
        with np.errstate(over="ignore"):  # what overflows is refused by the cell
            return Stack(tuple(map(tuple, stack.each(cast))))
    except ValueError as beyond:
        raise BadRecord(f"weights as {fmt.name} numbers: {beyond}") from None


def initial_states(
    stack: Stack, given: npt.ArrayLike | None, B: int, fmt: Format, *, unbatched: bool
) -> NDArray:
    """Initial states (L·D, B, H), in one of the shapes that they may be given in; zeros if none
    are.
    """
    rows, H = stack.layers * stack.directions, stack.hidden_size
    if given is None:
        return np.zeros((rows, B, H), fmt.dtype)
    state = numbers("state", given)
    shapes: Sequence[tuple[int, ...]] = [(rows, B, H)]
    # One layer in one direction: frameworks' cells have its state without the first axis.
    if rows == 1:
        shapes = [*shapes, (B, H)]
    if unbatched:
        shapes = [*shapes, (rows, H), *([(H,)] if rows == 1 else [])]
    if state.shape not in shapes:
        letters = "(L·D, B, H)" + (" or (B, H)" if rows == 1 else "")
        raise BadRecord(
            f"state has shape {state.shape}, expected {letters} with L={stack.layers}, "
            f"D={stack.directions}, B={B}, "
            f"H={H}"
        )
    return state.reshape(rows, B, H)


def _lengths(given: npt.ArrayLike | None, T: int, B: int) -> npt.NDArray[np.intp]:
    if given is None:
        return np.full(B, T)
    lengths = np.atleast_1d(numbers("lengths", given))
    if lengths.shape != (B,):
        raise BadRecord(f"lengths has shape {lengths.shape}, expected (B,) with B={B}")
    # As floats: frameworks hand out lengths of any dtype, and NaN fails every comparison below.
    whole = lengths.astype(np.float64)
    if not ((whole == np.floor(whole)) & (whole >= 0) & (whole <= T)).all():
        raise BadRecord(
            f"lengths must be whole numbers from 0 to T={T}, and not {lengths.tolist()[:8]}"
        )
    return whole.astype(np.intp)
