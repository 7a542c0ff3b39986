"""Small cases that a backend claims to handle, drawn besides those of a run: one failure alone says
little.
"""

from __future__ import annotations

from collections.abc import Sequence

from gruverify._named import Keywords
from gruverify.arithmetic import Format
from gruverify.backends import Backend, declarations_of, drawn_sizes
from gruverify.cell import Case, StackCase, Variant
from gruverify.engine._search import arrangement, fixed_sizes, seed_for, stack_strategy_for
from gruverify.engine._sizes import shortest, size_arguments
from gruverify.engine._stream import draw

_SMALL = {"max_H": 4, "max_I": 3, "max_B": 2}


def drawn_for(
    backend: Backend,
    fmt: Format,
    variants: Sequence[Variant],
    seed: int,
    count: int,
    steps: int | None = None,
) -> list[Case]:
    """Small cases of some variants that the backend claims to handle; steps: how many
    each has; as few as can be, or one more, unless given.
    """
    from gruverify_strategies import cases

    found: list[Case] = []
    declared = declarations_of(backend)
    least = shortest(backend)
    small = _SMALL | {"min_T": least, "max_T": least + 1}
    if steps is not None:
        small |= {"min_T": max(least, steps), "max_T": max(least, steps)}
    sizes: Keywords = small | fixed_sizes(backend, H="hidden_size", I="input_size")
    if declared.shapes == "few":
        # A target of few shapes may compile for each: all cases have the same one, of several
        # units, which a run has had.
        sizes = size_arguments(drawn_sizes(declared)[:2][-1], "HIBT")
    sizes["zero_state"] = not declared.initial_state
    strategy = cases(formats=(fmt,), variants=tuple(variants), **sizes)
    # A stream of its own: asking more of a failure must not change what a run draws.
    draw(strategy, count, seed_for(seed, fmt, f"/identify {variants[0]}"), found.append)
    return found


def stacks_drawn_for(
    backend: Backend, fmt: Format, variants: Sequence[Variant], seed: int, count: int
) -> list[StackCase]:
    """Small stacks of some variants that the backend claims to handle, over a few steps."""
    found: list[StackCase] = []
    declared = declarations_of(backend)
    # What happens again after two steps is told from what happens once in five.
    steps = max(5, declared.min_length)
    sizes: Keywords = _SMALL | {"max_layers": 2, "min_T": steps, "max_T": steps}
    sizes |= fixed_sizes(backend, H="hidden_size", I="input_size", layers="num_layers")
    if declared.shapes == "few":
        # Two layers in two directions, called in one way.
        sizes = size_arguments(drawn_sizes(declared)[0], "HIBTLD") | {"padded": False}
        sizes |= arrangement(declared, 0, "HIBTLD")
    strategy = stack_strategy_for(backend, fmt, variants=tuple(variants), **sizes)
    draw(strategy, count, seed_for(seed, fmt, f"/stacks of {variants[0]}"), found.append)
    return found
