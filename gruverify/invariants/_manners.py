"""What an implementation owes its caller beside its numbers: empty arguments, memory, other weights, other threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from gruverify.cell import Case, Cell, Gradients
from gruverify.invariants._obstacle import BackendRaised, Declined
from gruverify.invariants._registry import invariant
from gruverify.invariants._residual import STATES, NDArray, Residual, compare, equal, holds, violated
from gruverify.invariants._trial import Trial, unlocked

# -- nothing to do: it may be refused, but not with an answer of another shape ----------------------------------------


def _empty(trial: Trial, what: str, inputs: NDArray, state: NDArray) -> tuple[NDArray, NDArray]:
    _ = trial.observed.sequence  # who cannot run a sequence is not asked about empty ones
    try:
        return trial.observed.sequence_at(inputs, state)
    except BackendRaised as refused:
        raise Declined("sequence", f"{what} raises {type(refused.error).__name__}: {refused.error}") from refused


@invariant(
    "contract/no-steps",
    "a sequence of no steps has no outputs, and its state as the last state; it may be refused by raising",
    source="the Backend contract; fault S30",
    bound="exact",
    needs=["sequence"],
    asks_more=True,
)
def no_steps(trial: Trial) -> Iterator[Residual]:
    state = trial.case.state
    _, last = _empty(trial, "T=0", trial.case.inputs[:0], state)
    yield equal("last, after no steps", "bi", last, state)


@invariant(
    "contract/no-members",
    "an empty batch has outputs (T, 0, H) and a last state (0, H); it may be refused by raising",
    source="the Backend contract; fault S30",
    bound="exact",
    needs=["sequence"],
    asks_more=True,
)
def no_members(trial: Trial) -> Iterator[Residual]:
    _empty(trial, "B=0", trial.case.inputs[:, :0], trial.case.state[:0])
    yield holds("sequence of an empty batch")


# -- memory ----------------------------------------------------------------------------------------------------------


def awkward(array: NDArray) -> NDArray:
    """The same numbers read-only, backwards in memory and with gaps between them."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    backwards = (slice(None, None, -1),) * array.ndim
    wide[..., ::2] = array[backwards]
    view = wide[..., ::2][backwards]
    view.flags.writeable = False
    return view


def _awkward_cell(cell: Cell) -> Cell:
    twin = unlocked(cell)
    for name, array in cell.packed().items():
        object.__setattr__(twin, name, awkward(array))
    return twin


@invariant(
    "contract/layout",
    "arrays that are read-only, backwards in memory and not contiguous are arrays: outputs are as accurate",
    source="the Backend contract; theory 2, (2.1)",
    needs=["sequence"],
    asks_more=True,
)
def layout(trial: Trial) -> Iterator[Residual]:
    case = trial.case
    _ = trial.observed.sequence  # who cannot run a sequence is not asked about its layout
    given = _awkward_cell(case.cell), awkward(case.inputs), awkward(case.state)
    yield from _in_the_balls(trial, trial.observed.as_given("sequence", *given), "read backwards")


def _in_the_balls(trial: Trial, answer: Any, how: str) -> Iterator[Residual]:
    outputs, last = trial.observed.checked_sequence(answer)
    for t, (actual, ball) in enumerate(zip(outputs, trial.exact.run.states[1:], strict=True)):
        yield compare(f"outputs[t={t}], {how}", "bi", actual, ball, scale=STATES)
    yield compare(f"last, {how}", "bi", last, trial.exact.run.states[-1], scale=STATES)


def _arguments(case: Case, method: str) -> tuple[Any, ...]:
    cell, x, h = unlocked(case.cell), case.inputs.copy(), case.state.copy()
    if method == "step":
        return cell, x[0].copy(), h
    return (cell, x, h) if method == "sequence" else (cell, x, h, case.d_outputs.copy(), case.d_last.copy())


def _own_memory(method: str) -> Callable[[Trial], Iterator[Residual]]:
    def check(trial: Trial) -> Iterator[Residual]:
        before, arguments = getattr(trial.observed, method), _arguments(trial.case, method)
        answers = _arrays(trial.observed.as_given(method, *arguments))
        others = {**_arrays(arguments[1:], "argument"), **arguments[0].packed(), **_arrays(before, "earlier answer")}
        names = list(answers)
        for i, name in enumerate(names):
            beside = {**others, **{other: answers[other] for other in names[i + 1 :]}}
            shared = [other for other, array in beside.items() if np.shares_memory(answers[name], array)]
            yield violated(f"{name} of {method} shares memory with {shared[0]}") if shared else holds(name)

    return check


def _arrays(value: Any, name: str = "answer") -> dict[str, NDArray]:
    """The arrays of an answer, or of arguments, by what they are called; empty ones share nothing."""
    if isinstance(value, Gradients):
        parts = {f"{name} {part}": array for part, array in value.items()}
    elif isinstance(value, tuple):
        parts = {f"{name} {i}": array for i, array in enumerate(value)}
    else:
        parts = {name: value}
    return {what: array for what, array in parts.items() if isinstance(array, np.ndarray)}


for _method in ("step", "sequence", "sequence_vjp"):
    invariant(
        f"contract/own-memory-{_method.replace('_', '-')}",
        f"what {_method} returns shares no memory with its arguments, with another answer, or with an earlier one",
        source="the Backend contract; mistake P20",
        bound="exact",
        needs=[_method],
        asks_more=True,
    )(_own_memory(_method))


# -- the same object with other weights, and another thread -----------------------------------------------------------


def negated(case: Case) -> Case:
    """Other parameters of the same sizes: their negatives."""
    packed: dict[str, Any] = {name: -array for name, array in case.cell.packed().items()}
    return replace(case, cell=replace(case.cell, **packed), regimes=())


@invariant(
    "contract/fresh-weights",
    "a cell whose arrays hold other numbers at the next call has their answer; with the first again, the first answer",
    source="the Backend contract; fault S40",
    needs=["sequence"],
    asks_more=True,
)
def fresh_weights(trial: Trial) -> Iterator[Residual]:
    other, case, first = trial.on(negated), trial.case, trial.observed.sequence
    cell = unlocked(case.cell)
    for now in (case.cell, other.case.cell, case.cell):
        for name, array in cell.packed().items():
            array[...] = getattr(now, name)
        answer = trial.observed.as_given("sequence", cell, case.inputs.copy(), case.state.copy())
        if now is case.cell:
            yield from _same(trial, first, answer, "with the first weights")
        else:
            yield from _in_the_balls(other, answer, "with other weights")


@invariant(
    "contract/second-thread",
    "the same call in a second thread returns the same bits",
    source="the Backend contract; fault S26",
    bound="exact",
    needs=["sequence"],
    asks_more=True,
)
def second_thread(trial: Trial) -> Iterator[Residual]:
    first = trial.observed.sequence
    with ThreadPoolExecutor(1) as executor:
        again = executor.submit(trial.observed.raw_sequence).result()
    yield from _same(trial, first, again, "in a second thread")


def _same(trial: Trial, first: tuple[NDArray, NDArray], answer: Any, how: str) -> Iterator[Residual]:
    outputs, last = trial.observed.checked_sequence(answer)
    yield equal(f"outputs, {how}", "tbi", outputs, first[0])
    yield equal(f"last, {how}", "bi", last, first[1])
