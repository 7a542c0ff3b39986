"""The search for an input that breaks a property: signs of the gradient, the formulas' own backward
pass, and then a run in the format, which alone decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gruverify.arithmetic import Format, NDArray, floating
from gruverify.backends import NumpyBackend
from gruverify.formulas import StackRun, stack, stack_bptt
from gruverify.reaching._boxes import Boxes, Floats
from gruverify.reaching._property import Property
from gruverify.reaching._run import Model

#: Starts of each search, and how often each follows its gradient.
STARTS, ROUNDS = 32, 12


@dataclass(frozen=True, eq=False)
class Counterexample:
    """A run in the format that breaks a property: inputs (T, 1, I), initial states (L·D, 1, H),
    outputs (T, 1, D·H), of the linear layer those behind it; at which step, and by how much.
    """

    inputs: NDArray
    state: NDArray
    outputs: NDArray
    behind: NDArray | None
    step: int
    margin: float


def counterexample(
    model: Model, fmt: Format, boxes: Boxes, wanted: Property, seed: int
) -> Counterexample | None:
    """A run from one box, (T, 1, I), that breaks the property; None if none was found."""
    rng = np.random.default_rng(seed)
    for xs, hs in _candidates(model, boxes, wanted, rng):
        inputs = _in_box(fmt, xs, boxes.low, boxes.high)
        states = _in_box(fmt, hs, boxes.state_low, boxes.state_high)
        # All starts as one batch, which costs little more than a single run.
        _, b, margin = _worst(wanted, *run_in_format(model, inputs, states))
        if margin is None:
            continue
        # Alone it may round otherwise, and alone it is run again.
        inputs, states = inputs[:, b : b + 1], states[:, b : b + 1]
        outputs, behind = run_in_format(model, inputs, states)
        t, _, margin = _worst(wanted, outputs, behind)
        if margin is not None:
            return Counterexample(inputs, states, outputs, behind, t, margin)
    return None


def _worst(
    wanted: Property, outputs: NDArray, behind: NDArray | None
) -> tuple[int, int, float | None]:
    """Step, member and margin of what breaks the property most; no margin if nothing does."""
    seen = outputs if wanted.of == "h" or behind is None else behind
    margins = wanted.margins(seen.astype(np.float64))
    broken = ~wanted.holds(margins)
    if wanted.when == "last":
        broken[:-1] = False
    if not broken.any():
        return 0, 0, None
    least = np.where(broken, np.nan_to_num(margins.min(-1), nan=-np.inf), np.inf)
    t, b = map(int, np.unravel_index(least.argmin(), least.shape))
    return t, b, float(margins[t, b].min())


def run_in_format(model: Model, inputs: NDArray, states: NDArray) -> tuple[NDArray, NDArray | None]:
    """Outputs (T, B, D·H) of the NumPy backend, in time, and those of the linear layer."""
    order = slice(None, None, -1) if model.backward else slice(None)
    with np.errstate(all="ignore"):
        outputs, _ = NumpyBackend().stack(model.stack, inputs[order], states, None, False)
        outputs = outputs[order]
        if model.head is None:
            return outputs, None
        W, b = model.head
        behind = floating(outputs.reshape(-1, model.width)) @ floating(W).T
        behind = behind if b is None else behind + floating(b)
    return outputs, np.asarray(behind).reshape(*outputs.shape[:2], -1)


def _candidates(
    model: Model, boxes: Boxes, wanted: Property, rng: np.random.Generator
) -> Iterator[tuple[Floats, Floats]]:
    """Inputs (T, n, I) and states (L·D, n, H), farther and farther down the margin."""
    ends = [(boxes.low, boxes.high), (boxes.state_low, boxes.state_high)]
    at = [_drawn(low, high, rng) for low, high in ends]
    for _ in range(ROUNDS):
        xs, hs = at
        yield xs, hs
        slopes = _slopes(model, xs, hs, wanted)
        # From half of the way the signs are those of the other side's, too.
        share = rng.choice([1.0, 0.5], size=(1, STARTS, 1))
        moved = list[Floats]()
        for (low, high), point, slope in zip(ends, at, slopes, strict=True):
            goal = np.where(slope > 0, low, np.where(slope < 0, high, point))
            moved.append(point + share * (goal - point))
        at = moved
    yield at[0], at[1]


def _drawn(low: Floats, high: Floats, rng: np.random.Generator) -> Floats:
    """Points of a box, one of them in the middle."""
    size = (len(low), STARTS, low.shape[-1])
    shares = rng.uniform(size=size)
    shares[:, 0] = 0.5
    return np.asarray(low + shares * (high - low))


def _slopes(model: Model, xs: Floats, hs: Floats, wanted: Property) -> tuple[Floats, Floats]:
    """The derivatives of each member's smallest margin."""
    order = slice(None, None, -1) if model.backward else slice(None)
    run = _run(model, xs[order], hs)
    outputs = np.stack(run.outputs)[order]
    pulled = None
    if wanted.of == "y" and model.head is not None:
        W, b = (None if part is None else part.astype(np.float64) for part in model.head)
        assert W is not None
        pulled, outputs = W, outputs @ W.T + (0.0 if b is None else b)
    margins = wanted.margins(outputs)
    if wanted.when == "last":
        margins[:-1] = np.inf
    T, B, m = margins.shape
    # For each member the step and the inequality that is nearest to being broken.
    steps, rows = np.divmod(margins.swapaxes(0, 1).reshape(B, T * m).argmin(1), m)
    d_outputs = np.zeros(outputs.shape)
    d_outputs[steps, np.arange(B)] = wanted.weights[:, rows].T
    if pulled is not None:
        d_outputs = d_outputs @ pulled
    back = stack_bptt(run, list(d_outputs[order]), None)
    return np.stack(back.inputs)[order], np.stack(back.states)


def _run(model: Model, xs: Floats, hs: Floats) -> StackRun:
    rows = model.stack.each(lambda cell: cell.parameters(lambda a: a.astype(np.float64)))
    return stack(model.stack.variant, rows, list(xs), list(hs))


def _in_box(fmt: Format, values: Floats, low: Floats, high: Floats) -> NDArray:
    """Rounded to the format, of which the ends are numbers."""
    rounded = fmt.cast(values).astype(np.float64)
    # Rounded first: the clip then ends at numbers of the format, and the cast is exact.
    return fmt.cast(np.clip(rounded, low, high))
