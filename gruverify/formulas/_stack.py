"""A stack of layers in one direction or both, over batches of ragged lengths, and back-propagation
through it.

    layer l:  h^l_t = step(x^l_t, h^l_{t-1}) for t = 1 … n,  and backward from t = n to 1;
    x^{l+1}_t = (→h^l_t, ←h^l_t)

A member of n steps is run over its own n steps alone, so its backward direction starts at its last
real one. What follows is padding: the outputs there are 0, and nothing depends on it. So a ragged
batch is nothing but batches of equal lengths, its parts, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, Protocol, TypeAlias, TypeVar

from gruverify.arithmetic import Array, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas._bptt import Bptt, Run, bptt, sequence

#: By layer and direction.
Rows: TypeAlias = Sequence[Sequence[Parameters]]


class _HasStates(Protocol):
    @property
    def states(self) -> Sequence[Array]:
        """The state before each step and the last one, T+1 arrays (B, H)."""
        ...


#: The run of one direction of a layer.
OneRun = TypeVar("OneRun", bound=_HasStates)

#: A run of a direction, from what a sequence is run from.
Runner: TypeAlias = Callable[[Variant, Parameters, Sequence[Array], Array], Run]

#: The gradients of the run of a direction, from the cotangents of its outputs, T arrays (B, H), and
#: of its last state (B, H).
Backward: TypeAlias = Callable[[Run, Sequence[Array] | None, Array | None], Bptt]

#: The members of a whole batch, as an index.
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Direction:
    """One way through the steps of a layer. `number`: its half of the outputs; `order`: from time
    to its own order of the steps, and back, for a reversal undoes itself.
    """

    number: int
    order: slice

    def cotangents(self, d_outputs: Sequence[Array] | None, H: int) -> list[Array] | None:
        """Its half of the cotangents of the layer's outputs, T arrays (B, H) in its own order."""
        if d_outputs is None:
            return None
        mine = slice(self.number * H, (self.number + 1) * H)
        return [d_h[:, mine] for d_h in d_outputs[self.order]]

    def in_time(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Arrays of each step, which come in its own order."""
        return arrays[self.order]


#: Of one direction the first is meant.
DIRECTIONS = (Direction(0, slice(None)), Direction(1, slice(None, None, -1)))


@dataclass(frozen=True, slots=True)
class Part:
    """The members of one length, their runs by layer and direction, and their outputs, `length`
    arrays D·H wide.
    """

    members: Any
    length: int
    layers: Sequence[Sequence[Run]]
    outputs: Sequence[Array]

    @property
    def last(self) -> list[Array]:
        """The L·D last states."""
        return [run.states[-1] for run in chain.from_iterable(self.layers)]


@dataclass(frozen=True, slots=True)
class StackRun:
    """A stack run forward: outputs, T arrays (B, D·H); last, L·D arrays (B, H), each member's at
    its own length.
    """

    parts: Sequence[Part]
    outputs: Sequence[Array]
    last: Sequence[Array]


def stack(
    v: Variant,
    rows: Rows,
    inputs: Sequence[Array],
    states: Sequence[Array],
    lengths: Iterable[int] | None = None,
    runner_of: Callable[[int, int], Runner] = lambda layer, direction: sequence,
) -> StackRun:
    """From inputs, T arrays (B, I), and states, L·D arrays (B, H): those of layer 0, forward and
    then backward, and on.

    lengths: B numbers of steps, from 0 to T, or None if each member has all T; runner_of: how a
    layer runs a direction, for who does it otherwise.
    """
    parts = list[Part]()
    for n, members in _members_by_length(lengths, len(inputs)).items():
        mine = [x[members] for x in inputs[:n]], [h[members] for h in states]
        parts.append(_part(v, rows, *mine, members, runner_of))

    B, H = states[0].shape
    outputs = list[Array]()
    for t in range(len(inputs)):
        # Whoever has ended is in no part here, and keeps the 0 of `placed`.
        running = [(part.members, part.outputs[t]) for part in parts if t < part.length]
        outputs.append(_batch(states[0], (B, len(rows[0]) * H), running))

    last = list[Array]()
    for number, state in enumerate(states):
        last.append(_batch(state, (B, H), [(part.members, part.last[number]) for part in parts]))
    return StackRun(parts, outputs, last)


def _members_by_length(lengths: Iterable[int] | None, T: int) -> dict[int, Any]:
    """Every length that there is, the shortest first, and its members."""
    if lengths is None:
        return {T: _ALL}
    steps = [int(n) for n in lengths]
    # Sorted, so that gradients of the parts are added up in one order whatever the batch's is.
    members: dict[int, Any] = {n: [] for n in sorted(set(steps))}
    for b, n in enumerate(steps):
        members[n].append(b)
    return members


def _part(
    v: Variant,
    rows: Rows,
    inputs: Sequence[Array],
    states: Sequence[Array],
    members: Any,
    runner_of: Callable[[int, int], Runner],
) -> Part:
    def run(layer: int, direction: Direction, p: Parameters, xs: Sequence[Array], h: Array) -> Run:
        return runner_of(layer, direction.number)(v, p, xs, h)

    layers, outputs = run_through(rows, inputs, states, run)
    return Part(members, len(inputs), layers, outputs)


def run_through(
    rows: Rows,
    inputs: Sequence[Array],
    states: Sequence[Array],
    run: Callable[[int, Direction, Parameters, Sequence[Array], Array], OneRun],
) -> tuple[list[list[OneRun]], Sequence[Array]]:
    """The runs by layer and direction, from inputs, T arrays (B, I), and states, L·D arrays (B, H),
    and the outputs of the last layer.

    run: that of a direction of a layer, from its parameters, inputs in its own order, and state.
    """
    layers, left = list[list[OneRun]](), iter(states)
    for layer, row in enumerate(rows):
        runs = list[OneRun]()
        for direction, p in zip(DIRECTIONS, row, strict=False):
            runs.append(run(layer, direction, p, inputs[direction.order], next(left)))
        layers.append(runs)
        inputs = _outputs_of_layer([one.states[1:] for one in runs])
    return layers, inputs


def _outputs_of_layer(states: Sequence[Sequence[Array]]) -> list[Array]:
    """The outputs of a layer in time, (→h_t, ←h_t), each (B, D·H), from the states of each
    direction in its own order.
    """
    if len(states) == 1:
        return list(states[0])
    there, back = (d.in_time(own) for d, own in zip(DIRECTIONS, states, strict=True))
    return [_side_by_side(h, other) for h, other in zip(there, back, strict=True)]


def _side_by_side(h: Array, other: Array) -> Array:
    """Two arrays (B, H) as one (B, 2·H)."""
    B, H = h.shape
    return placed(h, (B, 2 * H), ((_ALL, slice(0, H)), h), ((_ALL, slice(H, 2 * H)), other))


def _batch(like: Array, shape: tuple[int, ...], rows: Sequence[tuple[Any, Array]]) -> Array:
    """A batch from the rows that its parts have; the others are 0, as the outputs of what has ended
    are.
    """
    if len(rows) == 1 and rows[0][0] == _ALL:
        return rows[0][1]
    return placed(like, shape, *rows)


@dataclass(frozen=True, slots=True)
class StackBptt:
    """Gradients of a stack: parameters by layer and direction, inputs (T arrays (B, I)), states
    (L·D arrays (B, H)).
    """

    parameters: Rows
    inputs: Sequence[Array]
    states: Sequence[Array]


def stack_bptt(
    run: StackRun,
    d_outputs: Sequence[Array] | None,
    d_last: Sequence[Array] | None,
    back: Backward = bptt,
) -> StackBptt:
    """dL/d(θ, x, h_0) from the cotangents of the outputs, T arrays (B, D·H), and of the last
    states, L·D arrays (B, H).

    Either may be None. What the cotangents of outputs are at padded steps changes nothing. back: as
    of `back_through`.
    """
    if d_outputs is None and d_last is None:
        raise ValueError("d_outputs=None and d_last=None: a gradient needs at least one cotangent")
    backs = [_back(part, d_outputs, d_last, back) for part in run.parts]
    sides = [(part.members, one) for part, one in zip(run.parts, backs, strict=True)]
    first = run.parts[0].layers[0][0]

    # The parameters belong to all members: their gradients add up.
    parameters = list[list[Parameters]]()
    for layer, runs in enumerate(run.parts[0].layers):
        row = list[Parameters]()
        for d in range(len(runs)):
            row.append(reduce(add, [one.parameters[layer][d] for one in backs]))
        parameters.append(row)

    like, I = run.last[0], first.parameters.W_xr.shape[1]
    inputs = list[Array]()
    for t in range(len(run.outputs)):
        running = [(members, one.inputs[t]) for members, one in sides if t < len(one.inputs)]
        inputs.append(_batch(like, (like.shape[0], I), running))

    states = list[Array]()
    for number in range(len(run.last)):
        states.append(
            _batch(like, like.shape, [(members, one.states[number]) for members, one in sides])
        )
    return StackBptt(parameters, inputs, states)


def _back(
    part: Part,
    d_outputs: Sequence[Array] | None,
    d_last: Sequence[Array] | None,
    back: Backward,
) -> StackBptt:
    """The gradients of the members of a part, from the last layer to the first."""
    if d_outputs is None:
        g = None
    else:
        g = [d[part.members] for d in d_outputs[: part.length]]
    if d_last is None:
        left = None
    else:
        left = [d[part.members] for d in d_last]
    if not part.length:
        return _of_no_steps(part, left)
    return back_through(part.layers, g, left, back)


def back_through(
    layers: Sequence[Sequence[OneRun]],
    d_outputs: Sequence[Array] | None,
    d_last: Sequence[Array] | None,
    back: Callable[[OneRun, Sequence[Array] | None, Array | None], Bptt],
) -> StackBptt:
    """The gradients of all layers, from the last to the first, from the cotangents of the outputs,
    T arrays (B, D·H), and of the last states, L·D arrays (B, H). Either may be None. Needs T ≥ 1.

    back: the gradients of one run, from the same of its own.
    """
    g, left = d_outputs, list(d_last or ())
    parameters, states = list[list[Parameters]](), list[Array]()
    for runs in reversed(layers):
        H, backs = runs[0].states[0].shape[1], list[Bptt]()
        # The backward direction's cotangent stands last.
        for direction, run in reversed([*zip(DIRECTIONS, runs, strict=False)]):
            own = direction.cotangents(g, H)
            backs.insert(0, back(run, own, left.pop() if left else None))
        g = _inputs_of(backs)
        parameters.insert(0, [found.parameters for found in backs])
        states[:0] = [found.state for found in backs]
    assert g is not None
    return StackBptt(parameters, g, states)


def _inputs_of(backs: Sequence[Bptt]) -> list[Array]:
    """The cotangents of a layer's inputs in time: each direction has its share."""
    if len(backs) == 1:
        return list(backs[0].inputs)
    there, back = (d.in_time(found.inputs) for d, found in zip(DIRECTIONS, backs, strict=True))
    return [d_x + other for d_x, other in zip(there, back, strict=True)]


def _of_no_steps(part: Part, d_last: Sequence[Array] | None) -> StackBptt:
    """The gradients of members without a step: their last states are their initial ones."""
    zeros = list[list[Parameters]]()
    for runs in part.layers:
        zeros.append([run.parameters.map(zeros_like) for run in runs])
    # h_n is h_0: its cotangent passes as it is.
    return StackBptt(zeros, [], [zeros_like(h) for h in part.last] if d_last is None else d_last)


def zeros_like(block: Array) -> Array:
    """Zeros of the shape of a block; 0 for a bias that is not there."""
    if hasattr(block, "shape"):
        return placed(block, block.shape)
    return block
