"""What may become of the state between steps that each are right: where a run starts, and what each
step goes on from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gruverify.arithmetic import USUAL, Array, Functions, carried, placed
from gruverify.cell import Parameters, Variant
from gruverify.formulas import Run, step

#: What is said of who does not use the initial state.
FROM_ZEROS = "its initial state is ignored"
#: From the states so far, the initial one first, to the one that the next step goes on from.
Before: TypeAlias = Callable[[Sequence[Any]], Array]
#: No state is reset after more steps than these, or the words for it would never end.
MOST = 64


def _given(state: Array) -> Array:
    return state


def _zeros(state: Array) -> Array:
    return placed(state, state.shape)


def _last(states: Sequence[Any]) -> Array:
    before: Array = states[-1]
    return before


@dataclass(frozen=True)
class Loss:
    """start: the state (B, H) that a run starts from, from the one that it is given; before: what
    each step after the first goes on from.
    """

    start: Callable[[Array], Array] = _given
    before: Before = _last

    def states(
        self,
        v: Variant,
        p: Parameters,
        inputs: Sequence[Array],
        state: Array,
        f: Functions = USUAL,
    ) -> list[Any]:
        """The states of a run, T arrays (B, H), from inputs, T arrays (B, I)."""
        shown, states = list[Any](), [self.start(state)]
        for x in inputs:
            h = states[-1]
            if shown:
                h = self.before(states)
            shown.append(step(v, p, x, h, f))
            states.append(carried(shown[-1]))
        return shown

    def run(self, v: Variant, p: Parameters, inputs: Sequence[Array], state: Array) -> Run:
        """The same, as a run of which nothing but its states is known."""
        return Run(v, p, [], [state, *self.states(v, p, inputs, state)])


#: Each step goes on from the state before it.
NO_LOSS = Loss()


def _anew(states: Sequence[Any]) -> Array:
    return _zeros(states[0])


def _first(states: Sequence[Any]) -> Array:
    first: Array = states[0]
    return first


def _where(now: Callable[[int], bool], otherwise: Before) -> Loss:
    """A step after which `now` is true of the number of steps before it goes on otherwise."""

    def before(states: Sequence[Any]) -> Array:
        if now(len(states) - 1):
            return otherwise(states)
        return _last(states)

    return Loss(before=before)


#: Of where a run starts.
_STARTS: Mapping[str, Loss] = {
    FROM_ZEROS: Loss(start=_zeros),
    "its initial state is that of another member, the last for the first": Loss(
        start=lambda h: h[::-1]
    ),
    "its initial state is that of the first member for every member": Loss(
        start=lambda h: h[[0] * h.shape[0]]
    ),
}
#: Of what each step goes on from.
_BETWEEN: Mapping[str, Loss] = {
    "each step starts from zeros: no state is handed on": Loss(start=_zeros, before=_anew),
    "each step but the first starts from zeros: no state is handed on": Loss(before=_anew),
    "each step starts from the initial state: no state is handed on": Loss(before=_first),
    "each step goes on from the state of another member, the last for the first": Loss(
        before=lambda states: states[-1][::-1]
    ),
    "each step goes on from the state of two steps before it": Loss(
        before=lambda states: states[-2]
    ),
}
#: Of what happens after {k} steps.
_AFTER: Mapping[str, Callable[[int], Loss]] = {
    "after every {k} steps it starts from zeros again": lambda k: _where(
        lambda t: t % k == 0, _anew
    ),
    "after every {k} steps it starts from the initial state again": lambda k: _where(
        lambda t: t % k == 0, _first
    ),
    "after step {k} it starts from zeros once more": lambda k: _where(lambda t: t == k, _anew),
    "after step {k} it starts from the initial state once more": lambda k: _where(
        lambda t: t == k, _first
    ),
    "after step {k} each step starts from zeros: no state is handed on": lambda k: _where(
        lambda t: t >= k, _anew
    ),
}
#: All of these, in words.
LOST = (*_STARTS, *_BETWEEN, *_AFTER)


def shows_from_zeros(words: str) -> bool:
    """Whether a loss is one, and by no other name, of runs that all start from zeros."""
    return "initial state" not in words and "but the first" not in words


def losses(first: int | None) -> dict[str, Loss]:
    """All that may become of the state, in words; first: the first step, counted from 0, that does
    not go on from the state before it, if there is one.
    """
    found = {**_STARTS, **_BETWEEN}
    if first is not None and 1 < first <= MOST:
        found |= {words.format(k=first): of(first) for words, of in _AFTER.items()}
    elif first == 1:
        once = [words for words in _AFTER if "once more" in words]
        found |= {words.format(k=1): _AFTER[words](1) for words in once}
    return found


def _all() -> Iterator[tuple[str, Loss]]:
    yield from losses(None).items()
    for k in range(1, MOST + 1):
        yield from losses(k).items()


#: By what is said of each.
LOSSES: Mapping[str, Loss] = dict(_all())
