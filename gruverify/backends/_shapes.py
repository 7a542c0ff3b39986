"""The few sizes that a target is called with whose calls are slow at every new shape: it traces, or
compiles, them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from gruverify.backends._declarations import Declarations

#: Size by letter: H hidden, I input, B batch, T time; of a stack, L layers and D directions.
Sizes: TypeAlias = Mapping[str, int]

#: What is drawn: one unit; as many units as inputs, and members as steps, which no other has; and,
#: where there are surveys beside, three units. Any two axes differ in one of the first two.
DRAWN: tuple[Sizes, ...] = (
    {"H": 1, "I": 2, "B": 2, "T": 3, "L": 2, "D": 2},
    {"H": 4, "I": 4, "B": 2, "T": 2, "L": 1, "D": 1},
    {"H": 3, "I": 2, "B": 4, "T": 3, "L": 1, "D": 2},
)
#: As many units as the survey of gates has in a cell.
WIDE: Sizes = {"H": 48, "I": 8, "B": 2, "T": 2}
#: A run that is long enough to lose track of what it started from.
LONG: Sizes = {"H": 3, "I": 2, "B": 4, "T": 300, "L": 1, "D": 1}


def is_compiled(function: object) -> bool:
    """Whether it is made by `jax.jit` or `torch.compile`, and so traced again at every shape.

    What a function of one's own calls cannot be seen from without.
    """
    jitted = callable(getattr(function, "lower", None)) and callable(
        getattr(function, "trace", None)
    )
    return jitted or hasattr(function, "_torchdynamo_orig_callable")


def drawn_sizes(declared: Declarations) -> list[Sizes]:
    """What is drawn for a target of few shapes: the sizes that it is built for stand in for those
    of the pool.
    """
    found = list[Sizes]()
    for sizes in DRAWN:
        own = _built(sizes, declared)
        if own not in found:
            found.append(own)
    return found


def wide_cell(declared: Declarations) -> Sizes:
    """What the survey of gates asks such a target about."""
    return _built(WIDE, declared)


def long_run(declared: Declarations) -> Sizes:
    """What the survey of sizes asks such a target about."""
    return _built(LONG, declared)


def sizes_of_few(declared: Declarations, letter: str) -> set[int]:
    """All that it is called with along one axis, a letter of "HIBT"."""
    every = (*drawn_sizes(declared), wide_cell(declared), long_run(declared))
    return {sizes[letter] for sizes in every} | ({1} if letter in "BT" else set())


def _built(sizes: Sizes, declared: Declarations) -> dict[str, int]:
    """The sizes, but for those that the target is built for."""
    if declared.bidirectional is None:
        two = None
    else:
        two = 1 + declared.bidirectional
    fixed = {
        "H": declared.hidden_size,
        "I": declared.input_size,
        "L": declared.num_layers,
        "D": two,
    }
    own = {letter: fixed.get(letter) or size for letter, size in sizes.items()}
    return {**own, "T": max(own["T"], declared.min_length)}


def is_of_few(declared: Declarations, sizes: Sizes) -> bool:
    """Whether a target of few shapes is called with these sizes, of a step (without T), a sequence
    or a stack.

    Besides what is drawn it is called with one layer in one direction of it, at the first of the
    sizes about no step and no member, and at the others with one step and one member.
    """
    drawn = drawn_sizes(declared)
    for number, one in enumerate(drawn):
        less = set[int]()
        if number == 0:
            less.add(0)
        if number > 0 or len(drawn) == 1:
            less.add(1)
        near = {
            "B": {one["B"]} | less,
            "T": {one["T"]} | less,
            "L": {one["L"], 1},
            "D": {one["D"], 1},
        }
        if all(size in near.get(letter, {one[letter]}) for letter, size in sizes.items()):
            return True
    further = (wide_cell(declared), long_run(declared))
    for own in further:
        if all(own.get(letter, 1) == size for letter, size in sizes.items()):
            return True
    return False
