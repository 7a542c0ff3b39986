"""A stack of layers in one direction or both, over batches of ragged lengths, and back-propagation through it.

    layer l:  h^l_t = step(x^l_t, h^l_{t-1}) for t = 1 … n,  and backward from t = n to 1;  x^{l+1}_t = (→h^l_t, ←h^l_t)

A member of n steps is run over its own n steps alone, so its backward direction starts at its last real one. What
follows is padding: the outputs there are 0, and nothing depends on it. So a ragged batch is nothing but batches of
equal lengths, its parts, side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeAlias

from gruverify.arithmetic import Array, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt, Run, bptt, sequence

#: By layer and direction.
Rows: TypeAlias = Sequence[Sequence[Parameters]]

#: The order in which the forward and the backward direction go through the steps.
_WAYS = (slice(None), slice(None, None, -1))


@dataclass(frozen=True, slots=True)
class Part:
    """The members of one length, their runs by layer and direction, and their outputs, `length` arrays D·H wide."""

    members: Any
    length: int
    layers: Sequence[Sequence[Run]]
    outputs: Sequence[Array]


@dataclass(frozen=True, slots=True)
class StackRun:
    """A stack run forward: outputs, T arrays (B, D·H); last, L·D arrays (B, H), each member's at its own length."""

    parts: Sequence[Part]
    outputs: Sequence[Array]
    last: Sequence[Array]


def stack(
    v: Variant,
    rows: Rows,
    inputs: Sequence[Array],
    states: Sequence[Array],
    lengths: Iterable[int] | None = None,
) -> StackRun:
    """From inputs, T arrays (B, I), and states, L·D arrays (B, H): those of layer 0, forward and then backward, and on.

    lengths: B numbers of steps, from 0 to T, or None if each member has all T.
    """
    parts = [
        _part(v, rows, [x[members] for x in inputs[:n]], [h[members] for h in states], members)
        for n, members in _alike(lengths, len(inputs))
    ]
    members, like = [part.members for part in parts], states[0]
    wide = (like.shape[0], len(rows[0]) * like.shape[1])
    outputs = [_together(like, wide, members, [part.outputs[t : t + 1] for part in parts]) for t in range(len(inputs))]
    last = [_together(like, like.shape, members, [[h] for h in same]) for same in zip(*map(_last, parts), strict=True)]
    return StackRun(parts, outputs, last)


def _part(v: Variant, rows: Rows, xs: Sequence[Array], states: Sequence[Array], members: Any) -> Part:
    layers, left = [], iter(states)
    for row in rows:
        runs = [sequence(v, p, xs[way], next(left)) for p, way in zip(row, _WAYS, strict=False)]
        xs = _merged(_joined, [run.states[1:] for run in runs])
        layers.append(runs)
    return Part(members, len(xs), layers, xs)


def _last(part: Part) -> list[Array]:
    return [run.states[-1] for row in part.layers for run in row]


@dataclass(frozen=True, slots=True)
class StackBptt:
    """Gradients of a stack: parameters by layer and direction, inputs (T arrays (B, I)), states (L·D arrays (B, H))."""

    parameters: Rows
    inputs: Sequence[Array]
    states: Sequence[Array]


def stack_bptt(run: StackRun, d_outputs: Sequence[Array] | None, d_last: Sequence[Array] | None) -> StackBptt:
    """dL/d(θ, x, h_0) from the cotangents of the outputs, T arrays (B, D·H), and of the last states, L·D arrays (B, H).

    Either may be None. What the cotangents of outputs are at padded steps changes nothing.
    """
    if d_outputs is None and d_last is None:
        raise ValueError("d_outputs=None and d_last=None: a gradient needs at least one cotangent")
    backs = [_back(part, d_outputs, d_last) for part in run.parts]
    members, like = [part.members for part in run.parts], run.last[0]
    wide = (like.shape[0], run.parts[0].layers[0][0].parameters.W_xr.shape[1])
    T = len(run.outputs)
    return StackBptt(
        [
            [reduce(add, same) for same in zip(*row, strict=True)]
            for row in zip(*(back.parameters for back in backs), strict=True)
        ],
        [_together(like, wide, members, [back.inputs[t : t + 1] for back in backs]) for t in range(T)],
        [
            _together(like, like.shape, members, [[h] for h in same])
            for same in zip(*(back.states for back in backs), strict=True)
        ],
    )


def _back(part: Part, d_outputs: Sequence[Array] | None, d_last: Sequence[Array] | None) -> StackBptt:
    g = None if d_outputs is None else [d[part.members] for d in d_outputs[: part.length]]
    left = None if d_last is None else [d[part.members] for d in d_last]
    if not part.length:
        return _nothing(part, left)
    rows, states = list[list[Parameters]](), list[Array]()
    for runs in reversed(part.layers):
        d_states = [left.pop() if left else None for _ in runs][::-1]
        backs = _layer_back(runs, g, d_states)
        g = _merged(_sum, [back.inputs for back in backs])
        rows.insert(0, [back.parameters for back in backs])
        states[:0] = [back.state for back in backs]
    assert g is not None
    return StackBptt(rows, g, states)


def _layer_back(runs: Sequence[Run], g: Sequence[Array] | None, d_last: Sequence[Array | None]) -> list[Bptt]:
    """Each direction's gradients, its inputs in its own order of time, from the cotangents of the layer's outputs."""
    H = runs[0].states[0].shape[1]
    halves = [
        None if g is None else [d_h[:, d * H : (d + 1) * H] for d_h in g][way]
        for d, way in enumerate(_WAYS[: len(runs)])
    ]
    return [bptt(run, half, d_h) for run, half, d_h in zip(runs, halves, d_last, strict=True)]


def _nothing(part: Part, d_last: Sequence[Array] | None) -> StackBptt:
    """The gradients of members without a step: their last states are their initial ones."""
    zeros = [[run.parameters.map(_zero) for run in row] for row in part.layers]
    return StackBptt(zeros, [], [_zero(h) for h in _last(part)] if d_last is None else d_last)


def _zero(block: Array) -> Array:
    return placed(block, block.shape) if hasattr(block, "shape") else block


def _alike(lengths: Iterable[int] | None, T: int) -> Iterator[tuple[int, Any]]:
    """Every length that there is, and its members."""
    if lengths is None:
        yield T, slice(None)
        return
    steps = [int(n) for n in lengths]
    for n in sorted(set(steps)):
        yield n, [b for b, length in enumerate(steps) if length == n]


def _together(like: Array, shape: tuple[int, ...], members: Sequence[Any], parts: Sequence[Sequence[Array]]) -> Array:
    """The rows of a batch from those of its parts, each of which has one array or, where it has ended, none: then 0."""
    if members == [slice(None)]:
        return parts[0][0]
    return placed(like, shape, *((rows, array) for rows, part in zip(members, parts, strict=True) for array in part))


def _merged(merge: Any, directions: Sequence[Sequence[Array]]) -> list[Array]:
    """One array a step from those of each direction, which come in its own order of time."""
    return [merge(both) for both in zip(*(xs[way] for xs, way in zip(directions, _WAYS, strict=False)), strict=True)]


def _joined(both: Sequence[Array]) -> Array:
    """D arrays (B, H) as one (B, D·H)."""
    if len(both) == 1:
        return both[0]
    B, H = both[0].shape
    return placed(both[0], (B, 2 * H), *(((slice(None), slice(d * H, (d + 1) * H)), h) for d, h in enumerate(both)))


def _sum(both: Sequence[Array]) -> Array:
    return reduce(add, both)
