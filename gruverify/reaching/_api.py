"""`gruverify.reach`: what is given, brought to boxes, a model and properties."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gruverify._files import is_there
from gruverify._named import DeclaredValues
from gruverify.arithmetic import GENERATORS, ROOTS, Format, NDArray, Rounding, format_named
from gruverify.backends import NumpyBackend, object_named, rounding_of, weights_of
from gruverify.diagnosis import HOW_TO_RECORD, CannotDiagnose, given_inputs, model_of
from gruverify.diagnosis import Model as Named
from gruverify.judging import Declared
from gruverify.models import read_arrays
from gruverify.reaching._boxes import Box, Boxes, CannotReach, input_around, input_box, state_box
from gruverify.reaching._property import property_named
from gruverify.reaching._reach import Reach, Seen, Settings, reached
from gruverify.reaching._run import Model, in_format


def reach(
    model: object,
    inputs: npt.ArrayLike | None = None,
    *,
    radius: float = 0.0,
    box: Box | None = None,
    state: npt.ArrayLike | None = None,
    state_radius: float = 0.0,
    state_box: Box | None = None,
    steps: int | None = None,
    batch_first: bool = False,
    gru: str | None = None,
    layout: str | None = None,
    reset: str | None = None,
    update: str | None = None,
    format: Format | str | None = None,
    declared: DeclaredValues | None = None,
    properties: str | Iterable[str] = (),
    head: str | None = None,
    split: int = 1,
    generators: int = GENERATORS,
    roots: int = ROOTS,
    max_memory: float = 4.0,
    seed: int = 0,
) -> Reach:
    """Where the outputs of a GRU may be, rounding included, for every input and initial state in a
    box; and what is proved of them.

    Args:
        model: A `Cell` or `Stack`, an `nn.Module` instance, a mapping of arrays by name (a
            state_dict), the path of a file of weights, or "pkg.module:object".
        inputs: Recorded inputs, (T, B, I), or (T, I), around which the boxes are: one for each
            member.
        radius: How far inputs may be from these.
        box: Instead of them, LOW and HIGH: each a number, (I,) for all steps, (T, I) or (T, B, I).
        state: The initial state, (L·D, B, H) or (B, H); None: zeros.
        state_radius: How far states may be from it.
        state_box: Instead of it, LOW and HIGH: each a number, or of its shape.
        steps: T; the first steps of the inputs.
        batch_first: Whether inputs are (B, T, I).
        gru: Which GRU of the model, where it has several.
        layout: The layout of the arrays, where their names do not tell.
        reset: "after" or "before" the recurrent product, where the arrays do not tell.
        update: What z multiplies, "keep" the state or "replace" it.
        format: In which it computes, weights and boxes rounded to it; None: that of the weights.
        declared: What the implementation declares of its accuracy, by name.
        properties: What is to be proved, as "h[3] stays > 0.2" or "y[1] wins".
        head: The linear layer whose outputs are y: NAME of NAME.weight (C, D·H) and NAME.bias (C,).
        split: Into how many pieces each box is cut, a power of 2.
        generators: How many noise symbols a number has between steps; 0: plain intervals.
        roots: Of how many symbols products are followed; 0: plain affine forms.
        max_memory: GiB that it may take.
        seed: Draws the starts of the search for what breaks a property.

    Raises:
        CannotReach, or another ValueError: what is given makes no sense; the message has shapes.
    """
    started = time.process_time()
    named = model_of(
        os.fspath(model) if isinstance(model, os.PathLike) else model,
        gru=gru,
        layout=layout,
        reset=reset,
        update=update,
    )
    boxes = boxes_of(
        named,
        inputs,
        radius=radius,
        box=box,
        state=state,
        state_radius=state_radius,
        between=state_box,
        steps=steps,
        batch_first=batch_first,
        source="as given",
    )
    settings = Settings(generators, roots, split, max_memory, seed)
    asked = [properties] if isinstance(properties, str) else list(properties)
    found = reach_of(model, named, boxes, format, declared or {}, asked, head, settings)
    return replace(found, seconds=time.process_time() - started)


def boxes_of(
    named: Named,
    inputs: npt.ArrayLike | None,
    *,
    radius: float,
    box: Box | None,
    state: npt.ArrayLike | None,
    state_radius: float,
    between: Box | None,
    steps: int | None,
    batch_first: bool,
    source: str,
) -> Boxes:
    """The boxes of inputs and initial states: see `reach`.

    Raises:
        CannotReach: they do not fit the model, or each other.
    """
    stack = named.gru.stack
    # Neither, or both.
    if (inputs is None) == (box is None):
        raise CannotReach(
            "give recorded inputs and a radius, or a box of LOW and HIGH: "
            + (_recorded(named) if inputs is None else "not both")
        )
    if inputs is not None:
        try:
            given = given_inputs(named, inputs, state=None, batch_first=batch_first, source=source)
        except CannotDiagnose as wrong:
            raise CannotReach(str(wrong)) from None
        # Around the numbers as they were recorded: what the format makes of the ends comes later.
        low, high = input_around(given.inputs, radius, steps)
    else:
        assert box is not None
        if radius:
            raise CannotReach("a radius is around recorded inputs: a box has LOW and HIGH")
        low, high = input_box(stack, box, steps)
    ends = state_box(stack, low.shape[1], state, state_radius, between)
    return Boxes(low, high, *ends, source)


def _recorded(named: Named) -> str:
    """How to get inputs, which an embedding makes of tokens."""
    if named.embedding:
        return f"{named.embedding} stands before the GRU: {HOW_TO_RECORD}"
    return HOW_TO_RECORD


def reach_of(
    model: object,
    named: Named,
    boxes: Boxes,
    format: Format | str | None,
    declared: DeclaredValues,
    asked: Iterable[str],
    head: str | None,
    settings: Settings,
    seen: Seen = lambda step, steps: None,
) -> Reach:
    """The same of a model and boxes that are read and checked already.

    Raises:
        CannotReach, BadDeclaration, ValueError: as `reach`.
    """
    _require(settings)
    stack, mode = named.gru.stack, rounding(format or named.gru.stack.format, declared)
    width, cast = stack.directions * stack.hidden_size, mode.format.cast
    linear, count = None, None
    if head is not None:
        W, b = linear_layer(model, head, width)
        # Through float64, from which every format is cast alike, and which holds each of them
        # exactly.
        linear = cast(W.astype(np.float64)), None if b is None else cast(b.astype(np.float64))
        count = len(W)
    # Weights as the format has them: what is proved is about those numbers, not about the file's.
    known = Model(in_format(stack, mode.format), named.gru.backward, linear)
    wanted = [property_named(text, width, count) for text in asked]
    return reached(named.gru, known, mode, boxes.rounded_to(mode.format), wanted, settings, seen)


def _require(settings: Settings) -> None:
    for name in ("generators", "roots", "seed"):
        value = getattr(settings, name)
        if not isinstance(value, int) or value < 0:
            raise CannotReach(f"{name}={value} must be a whole number of 0 or more")
    if not 0 < settings.max_memory < np.inf:
        raise CannotReach(f"max_memory={settings.max_memory:g} must be a number of GiB above 0")


def rounding(fmt: Format | str, declared: DeclaredValues) -> Rounding:
    """The model of rounding: what NumPy declares, which is run to look for what breaks a property,
    unless something else is declared.
    """
    named = format_named(fmt) if isinstance(fmt, str) else fmt
    # Counterexamples are runs of the NumPy backend, which must lie within the enclosures.
    said = {"kappa_sigma": NumpyBackend.kappa_sigma, **declared}
    return rounding_of(Declared(said), named)


def linear_layer(model: object, name: str, width: int) -> tuple[NDArray, NDArray | None]:
    """Weights (C, width) and bias (C,) of a linear layer, by its name in the model.

    Raises:
        CannotReach: there is none of that name, or it takes something else.
    """
    arrays = _arrays(model)
    there = [key for key in (f"{name}.weight", name) if key in arrays]
    if not there:
        layers = [
            key.removesuffix(".weight")
            for key, a in arrays.items()
            if key.endswith(".weight") and _fits(a, width)
        ]
        raise CannotReach(
            f"head {name!r} is not a linear layer of the model: "
            + (f"there is {', '.join(layers[:8])}" if layers else f"none takes {width} numbers")
        )
    W, b = arrays[there[0]], arrays.get(f"{name}.bias")
    if not _fits(W, width):
        raise CannotReach(
            f"head {name!r} has weights of shape {W.shape}, expected (C, {width}): a row for each "
            "output"
        )
    if b is not None and b.shape != (len(W),):
        raise CannotReach(f"head {name!r} has a bias of shape {b.shape}, expected ({len(W)},)")
    return W, b


def _fits(array: NDArray, width: int) -> bool:
    return array.ndim == 2 and array.shape[1] == width and array.dtype.kind not in "iub"


def _arrays(model: object) -> Mapping[str, NDArray]:
    """All arrays of a model, by name."""
    if isinstance(model, os.PathLike):
        model = os.fspath(model)
    if isinstance(model, str):
        if is_there(model):
            return read_arrays(model)
        return weights_of(object_named(model), repr(model))
    if isinstance(model, Mapping):
        return {str(key): _array(value) for key, value in model.items()}
    # A Cell or Stack of ours has no layers besides it.
    if type(model).__module__.startswith("gruverify."):
        return {}
    return weights_of(model, type(model).__name__)


def _array(value: Any) -> NDArray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
