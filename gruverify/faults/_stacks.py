"""Faults of what connects layers, directions and the members of a ragged batch: values."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from gruverify.arithmetic import NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import Arrangement, Cell, Stack
from gruverify.faults._fault import fault
from gruverify.faults._faulty import Faulty, Pair, changed

NUMPY = NumpyBackend()


def lengths_of(stack: Stack, inputs: NDArray, lengths: NDArray | None, batch_first: bool) -> Pair:
    """The number of steps of each member, and the steps time-major."""
    xs = Arrangement.of_call(inputs, batch_first).steps_of(inputs)
    return (np.full(xs.shape[1], len(xs)) if lengths is None else lengths), xs


# -- layers ----------------------------------------------------------------------------------------


@fault("stack", "x^{l+1}_t = (→h^l_t, 0) for (→h^l_t, ←h^l_t)", touches="FWD")
def upper_layers_read_the_forward_half_alone() -> Backend:
    """Layers above the first are fed with the forward direction's states alone."""

    def halved(stack: Stack) -> Stack:
        if stack.directions == 1:
            return stack
        # Zero columns of weight_ih are the same function as zeros fed to them.
        forward = np.repeat([True, False], stack.hidden_size)

        def fed_half(cell: Cell) -> Cell:
            return changed(cell, weight_ih=lambda W: np.where(forward, W, 0 * W))

        upper = [tuple(map(fed_half, row)) for row in stack.cells[1:]]
        return Stack((stack.cells[0], *upper))

    return Faulty(stack=lambda answer, stack, *arguments: NUMPY.stack(halved(stack), *arguments))


@fault(
    "stack", "h^l_0 = h^{L-1}_0 for every l", touches="FWD", thread="pclucas14/GansFallingShort#2"
)
def one_initial_state_for_every_layer() -> Backend:
    """The top layer's last initial state is handed to every layer and direction."""

    def shared(
        answer: Pair, stack: Stack, inputs: NDArray, states: NDArray | None, *rest: Any
    ) -> Pair:
        return NUMPY.stack(
            stack, inputs, None if states is None else 0 * states + states[-1:], *rest
        )

    return Faulty(stack=shared)


@fault("stack", "h^l_0 at d·L + l for l·D + d", touches="FWD")
def states_by_direction_and_then_layer() -> Backend:
    """The initial states of a bidirectional stack are taken in another order."""

    def reordered(
        answer: Pair, stack: Stack, inputs: NDArray, states: NDArray | None, *rest: Any
    ) -> Pair:
        order = (
            # In one layer, or in one direction, both orders are the same, and so is the answer.
            np.arange(stack.layers * stack.directions)
            .reshape(stack.directions, stack.layers)
            .T.ravel()
        )
        return NUMPY.stack(stack, inputs, None if states is None else states[order], *rest)

    return Faulty(stack=reordered)


@fault("stack", "h_0 = 0", touches="FWD CARRY")
def initial_states_of_a_stack_ignored() -> Backend:
    """Every stack starts from zeros."""
    return Faulty(
        stack=lambda answer, stack, inputs, states, *rest: NUMPY.stack(stack, inputs, None, *rest)
    )


# -- directions ------------------------------------------------------------------------------------


@fault("stack", "←h_{n-t} for ←h_t", touches="FWD")
def backward_outputs_not_put_back_in_order() -> Backend:
    """The backward direction's outputs come in the order in which they were computed."""

    def unordered(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        outputs, last = answer
        if stack.directions == 1:
            return answer
        arranged, H = Arrangement.of_call(inputs, batch_first), stack.hidden_size
        steps = arranged.steps_of(outputs).copy()
        for b, n in enumerate(lengths_of(stack, inputs, lengths, batch_first)[0]):
            # Within the member's own steps: padding behind them stays where it is.
            steps[:n, b, H:] = steps[:n, b, H:][::-1].copy()
        return arranged.steps(steps), last

    return Faulty(stack=unordered)


@fault("stack", "←θ = →θ", touches="FWD")
def both_directions_with_the_forward_weights() -> Backend:
    """The backward direction runs the forward direction's cell."""

    def one_cell(stack: Stack) -> Stack:
        return Stack(tuple(row[:1] * len(row) for row in stack.cells))

    # The shape of the stack stays bidirectional, only its cells are shared.
    return Faulty(stack=lambda answer, stack, *arguments: NUMPY.stack(one_cell(stack), *arguments))


@fault("stack", "←h_n for ←h_1", touches="CARRY", thread="yalesong/pvse#13")
def backward_last_state_taken_at_the_end() -> Backend:
    """The top layer's last state of the backward direction is its output at the member's last
    step.
    """

    def at_the_end(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        if stack.directions == 1:
            return answer
        arranged, H = Arrangement.of_call(inputs, batch_first), stack.hidden_size
        steps, last = arranged.steps_of(answer[0]), arranged.states_of(answer[1]).copy()
        for b, n in enumerate(lengths_of(stack, inputs, lengths, batch_first)[0]):
            if n:
                last[-1, b] = steps[n - 1, b, H:]
        return answer[0], arranged.states(last)

    return Faulty(stack=at_the_end)


# -- ragged batches --------------------------------------------------------------------------------


@fault("stack", "h_n = h_T for h_n, n the member's length", touches="FWD PAD")
def last_states_after_the_padding() -> Backend:
    """Padding is run through, and the last states are those behind it."""

    def behind(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        return answer[0], NUMPY.stack(stack, inputs, states, None, batch_first)[1]

    return Faulty(stack=behind)


@fault("stack", "←h from t = T for t = n", touches="FWD PAD")
def padding_run_through() -> Backend:
    """Lengths only blank the outputs: the steps behind them are run through in both directions."""

    def blanked(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        arranged = Arrangement.of_call(inputs, batch_first)
        outputs, last = NUMPY.stack(stack, inputs, states, None, batch_first)
        n, xs = lengths_of(stack, inputs, lengths, batch_first)
        # Blanked as the right answer is, so that only the backward direction and last states
        # differ.
        real = np.arange(len(xs))[:, None, None] < n[:, None]
        steps = arranged.steps_of(outputs)
        return arranged.steps(np.where(real, steps, 0 * steps)), last

    return Faulty(stack=blanked)


@fault("stack", "y_t = h_n for t > n", touches="PAD")
def last_output_repeated_at_padding() -> Backend:
    """Outputs after a member's last step repeat its last one."""

    def repeated(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        arranged = Arrangement.of_call(inputs, batch_first)
        steps = arranged.steps_of(answer[0]).copy()
        for b, n in enumerate(lengths_of(stack, inputs, lengths, batch_first)[0]):
            steps[n:, b] = steps[n - 1, b] if n else 0
        return arranged.steps(steps), answer[1]

    return Faulty(stack=repeated)


@fault("stack", "h_0 of the members in the order of their lengths", touches="FWD PAD")
def initial_states_sorted_by_length() -> Backend:
    """Members are sorted by their lengths to be packed, and their initial states stay in that
    order.
    """

    def ordered(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        if lengths is None or states is None:
            return answer
        return NUMPY.stack(
            stack, inputs, states[:, np.argsort(-lengths, kind="stable")], lengths, batch_first
        )

    return Faulty(stack=ordered)


# -- arrangements of a call ------------------------------------------------------------------------


@fault("stack", "(B, T, I) read as (T, B, I) where T = B", touches="FWD")
def square_batches_read_time_first() -> Backend:
    """batch_first is forgotten where the shapes do not tell."""

    def forgotten(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        square = inputs.ndim == 3 and inputs.shape[0] == inputs.shape[1]
        if square:
            return NUMPY.stack(stack, inputs, states, lengths, False)
        return answer

    return Faulty(stack=forgotten)


@fault("stack", "h_0 = 0 where there is no batch", touches="FWD CARRY")
def initial_states_ignored_without_a_batch() -> Backend:
    """Inputs (T, I) are always run from zeros."""

    def ignored(
        answer: Pair, stack: Stack, inputs: NDArray, states: NDArray | None, *rest: Any
    ) -> Pair:
        if inputs.ndim == 2:
            return NUMPY.stack(stack, inputs, None, *rest)
        return answer

    return Faulty(stack=ignored)


@fault("stack", "h_0 = 1 where none is given", touches="FWD CARRY")
def missing_states_not_zero() -> Backend:
    """Without initial states those of a buffer are taken that nobody has zeroed."""

    def dirty(
        answer: Pair, stack: Stack, inputs: NDArray, states: NDArray | None, *rest: Any
    ) -> Pair:
        if states is not None:
            return answer
        arranged = Arrangement.of_call(inputs, rest[-1])
        B, S = arranged.steps_of(inputs).shape[1], stack.layers * stack.directions
        ones = np.ones((S, B, stack.hidden_size), inputs.dtype)
        return NUMPY.stack(stack, inputs, arranged.states(ones), *rest)

    return Faulty(stack=dirty)


# -- manners ---------------------------------------------------------------------------------------


@fault("stack", "|h| = 1 + 2u for 1", touches="FWD")
def last_bit_beyond_one_in_a_stack() -> Backend:
    """Every state is one last bit larger."""

    def beyond(h: NDArray) -> NDArray:
        larger: NDArray = np.nextafter(h, 2 * np.sign(h))
        return larger

    return Faulty(stack=lambda answer, *_: tuple(map(beyond, answer)))


@fault("contract", "h = NaN", touches="NAN FWD")
def not_a_number_from_a_stack() -> Backend:
    """NaN for every output."""
    return Faulty(stack=lambda answer, *_: (answer[0] * answer[0].dtype.type(np.nan), answer[1]))


@fault("contract", "h, then h(1 + 2u), then h …", touches="DET")
def another_last_bit_at_every_call_of_a_stack() -> Backend:
    """Sums in another order at every call."""
    calls = count()

    def unsteady(answer: Pair, *_: object) -> tuple[NDArray, ...]:
        if next(calls) % 2:
            return tuple(np.nextafter(a, a.dtype.type(2)) for a in answer)
        return answer

    return Faulty(stack=unsteady)


@fault("contract", "dropout 0 drawn", touches="DET")
def random_numbers_drawn_without_dropout() -> Backend:
    """A mask is drawn between the layers although nothing is dropped."""

    def drawn(answer: Pair, *_: object) -> Pair:
        np.random.random_sample()  # the shared generator is the fault
        return answer

    return Faulty(stack=drawn)


@fault("contract", "lengths := sorted lengths", touches="ALIAS")
def lengths_sorted_in_place() -> Backend:
    """The argument lengths is sorted where it lies, the longest first."""

    def ordered(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        if lengths is not None:
            lengths[:] = np.sort(lengths)[::-1]
        return answer

    return Faulty(stack=ordered)


@fault("contract", "lengths := max(lengths, 1)", touches="ALIAS")
def stack_lengths_raised_to_one_in_place() -> Backend:
    """A length of 0 is overwritten by 1 once the answer is found."""

    def raised(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        if lengths is not None:
            np.maximum(lengths, 1, out=lengths)
        return answer

    return Faulty(stack=raised)


@fault("stack", "h₀ = 1/2 for (T, I) and no h₀", touches="CARRY")
def missing_states_not_zero_without_a_batch() -> Backend:
    """Where there is neither a batch nor a state, a layer starts from what lies there."""

    def started(
        answer: Pair,
        stack: Stack,
        inputs: NDArray,
        states: NDArray | None,
        lengths: NDArray | None,
        batch_first: bool,
    ) -> Pair:
        if states is not None or inputs.ndim == 3:
            return answer
        half = np.full(answer[1].shape, 0.5, inputs.dtype)
        return NumpyBackend().stack(stack, inputs, half, lengths, batch_first)

    return Faulty(stack=started)
