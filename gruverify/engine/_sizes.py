"""A survey of sizes: what goes wrong only where a case is large, long, or of sizes that coincide.

One axis at a time is at each of the sizes at which loops, tiles and vectors end, and the others are
small. A case of the survey is asked only what compares all that a method answers to it: what else
there is to ask says as much of small cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from gruverify._named import Keywords
from gruverify.backends import (
    Backend,
    Declarations,
    Sizes,
    declarations_of,
    has_room_for_jacobians,
    has_room_for_steps,
    long_run,
    offers,
)

#: The sizes of H, I and B.
EXTENTS = (8, 9, 16, 17, 33, 65, 129, 256)
#: The steps of a run, other remainders of a chunk among them, and of one that is long beside: it
#: loses track of what it started from.
STEPS = (8, 10, 16, 17, 33, 70, 139, 256)
LONG = 300
#: What the other axes have, no two the same and none a multiple of another's that code may confuse.
_SMALL = {"H": 4, "I": 5, "B": 3, "T": 1}
#: What they have beside each of the extents of one step: every size below 16 that is none of these,
#: so that each remainder of a vector is there. Few members where the cell is large.
_BESIDE = {
    "H": {"I": (15, 14, 13, 12, 7, 6, 10, 11), "B": (14, 13, 1, 11, 3, 10, 3, 1)},
    "I": {"H": (15, 14, 13, 12, 10, 11, 7, 6), "B": (14, 15, 12, 13, 7, 10, 6, 11)},
    "B": {"H": (20, 24, 18, 14, 13, 12, 11, 10), "I": (15, 14, 13, 12, 10, 11, 7, 6)},
}
#: The steps of a cell that has as many members.
_RUN = 32
#: The units of a case in which another size is a multiple of theirs.
_UNITS = 6
#: From that many steps on a stack has one layer in one direction, which can be held step by step.
_ONE_LAYER = 33
_OF_SEQUENCES = ("sequence", "sequence_vjp", "sequence_jvp", "sequence_hvp", "sequence_hvp_reverse")


class _Wanted(NamedTuple):
    """The sizes that a case is about, and what the others are where they need not be small."""

    about: Sizes
    beside: Sizes = MappingProxyType({})


def cell_sizes(backend: Backend, max_size: int | None) -> list[Sizes]:
    """The sizes of the survey's cells that the backend can be called at, none above `max_size`."""
    declared = declarations_of(backend)
    if declared.shapes == "few":
        if _has_sequences(backend):
            return _sizes_of_few(declared, "HIBT", max_size)
        return []
    least, runs = shortest(backend), _has_sequences(backend)
    wanted = list[_Wanted]()
    for each in (*_along_axes(), *_coincidences(declared, max_size, _RUN)):
        # A step is the same however long the case. Where several then are, `_allowed` has one.
        steps = each.about.get("T", 1) if runs else 1
        wanted.append(_Wanted({**each.about, "T": max(least, steps)}, each.beside))
    found = _allowed(wanted, declared, max_size)
    if offers(backend, "step_jacobian"):
        return [sizes for sizes in found if has_room_for_jacobians(sizes)]
    return found


def stack_sizes(backend: Backend, max_size: int | None) -> list[Sizes]:
    """The sizes of the survey's stacks: by turns of two layers and of two directions."""
    declared, wanted = declarations_of(backend), list[_Wanted]()
    if declared.shapes == "few":
        return _sizes_of_few(declared, "HIBTLD", max_size)
    H, two = declared.hidden_size or _UNITS, declared.bidirectional
    members = _up_to(max_size, 32, _SMALL["B"])
    above = (
        _Wanted({"H": H, "B": members, "I": H, "L": 2, "D": 1}),
        _Wanted({"H": H, "I": 2 * H, "B": 1, "T": 4, "L": 2, "D": 2}),
        _Wanted({"T": 2, "L": 4, "D": 1}),
    )
    # By turns: two layers in one direction, one layer in two, so that neither doubles the survey.
    coinciding = _coincidences(declared, max_size)
    for number, each in enumerate((*_along_axes(), *coinciding, *above)):
        steps = each.about.get("T", 1)
        layers, directions = 1 + number % 2, 2 - number % 2
        if steps >= _ONE_LAYER:
            layers = directions = 1
        shape = {"L": layers, "D": directions if two is None else 1 + two, **each.about}
        shape["L"] = declared.num_layers or shape["L"]
        shape["T"] = max(1, declared.min_length, steps)
        wanted.append(_Wanted(shape, each.beside))
    return _allowed(wanted, declared, max_size)


def shortest(backend: Backend) -> int:
    """The steps that a case of a cell has at least: as many as the backend's sequences take, and of
    steps alone 1.
    """
    if _has_sequences(backend):
        return max(1, declarations_of(backend).min_length)
    return 1


def _has_sequences(backend: Backend) -> bool:
    return any(offers(backend, method) for method in _OF_SEQUENCES)


def _sizes_of_few(declared: Declarations, letters: str, max_size: int | None) -> list[Sizes]:
    """The one large case of a target that is called with few shapes."""
    sizes = {letter: size for letter, size in long_run(declared).items() if letter in letters}
    if is_within(sizes, max_size):
        return [sizes]
    return []


def _along_axes() -> Iterator[_Wanted]:
    for letter in "HIB":
        for number, size in enumerate(EXTENTS):
            beside = {other: sizes[number] for other, sizes in _BESIDE[letter].items()}
            yield _Wanted({letter: size}, beside)
    for size in (*STEPS, LONG):
        yield _Wanted({"T": size})


def _coincidences(
    declared: Declarations, max_size: int | None, run: int = _UNITS
) -> Iterator[_Wanted]:
    """Sizes that code may confuse, and multiples of 8, one less and one more; run: the steps of as
    many members.

    What is free to be so is 32, 64 or 128: loops over whole tiles and nothing else may be wrong
    there alone.
    """
    H, up_to = declared.hidden_size or _UNITS, partial(_up_to, max_size)
    steps, square = up_to(run, _UNITS), declared.hidden_size or up_to(64, _UNITS)
    if not has_room_for_steps({"H": H, "B": steps, "T": steps}):
        steps = _UNITS
    narrow, wide = {"I": up_to(32, _SMALL["I"])}, {"I": up_to(128, _SMALL["I"])}
    if declared.input_size is not None:
        narrow = wide = {}
    # Time and batch confused, a batch that is taken for packed rows, inputs for states.
    yield _Wanted({"T": steps, "B": steps})
    yield _Wanted({"H": H, "B": 3 * H, **narrow})
    yield _Wanted({"H": square, "I": square})
    yield _Wanted({"H": H, "I": 3 * H, "B": up_to(128, _SMALL["B"])})
    yield _Wanted({"H": 1, "T": 5, "B": up_to(64, _SMALL["B"]), **wide})
    # One of them has as many members as steps, and is short enough for second derivatives.
    for more, members in ((0, 16), (-1, 7), (1, 17)):
        yield _Wanted({"H": 32 + more, "I": 24 + more, "B": members, "T": 8 + more})
    yield _Wanted({"H": 128})


def _up_to(max_size: int | None, size: int, small: int) -> int:
    """The size, or the small one where that is more than may be."""
    if max_size is None or size <= max_size:
        return size
    return small


def _allowed(
    wanted: Sequence[_Wanted], declared: Declarations, max_size: int | None
) -> list[Sizes]:
    """Those that can be had, none twice. What a case is not about is as the target is built, or
    small: few members beside units that are not ours to choose.
    """
    built = {"H": declared.hidden_size, "I": declared.input_size}
    fixed = {letter: size for letter, size in built.items() if size is not None}
    found = list[Sizes]()
    for about, beside in wanted:
        others = {**_SMALL}
        if "H" not in fixed:
            others |= {letter: _up_to(max_size, n, _SMALL[letter]) for letter, n in beside.items()}
        own = {**others, **fixed, **about}
        if "B" not in about and not has_room_for_steps(own):
            own["B"] = 1  # what is known of the steps of more would take too much memory
        right = all(own[letter] == size for letter, size in fixed.items())
        if declared.bidirectional is not None and "D" in own:
            right = right and own["D"] == 1 + declared.bidirectional
        if right and is_within(own, max_size) and has_room_for_steps(own) and own not in found:
            found.append(own)
    return found


def is_long_alone(sizes: Sizes) -> bool:
    """Whether a case has many steps, and is small otherwise: one step of it is that of others."""
    return sizes["T"] > 1 and all(sizes[letter] == _SMALL[letter] for letter in "HIB")


def is_within(sizes: Sizes, max_size: int | None) -> bool:
    """Whether none of H, I, B and T is above `max_size`; None: there is no cap."""
    return max_size is None or all(
        size <= max_size for letter, size in sizes.items() if letter in "HIBT"
    )


def size_arguments(sizes: Sizes, letters: str) -> Keywords:
    """The arguments of `cases`, or of `stack_cases`, for cases that have these sizes of those
    letters.
    """
    found: Keywords = {}
    for letter in letters:
        if letter in "HIBT":
            found |= {f"min_{letter}": sizes[letter], f"max_{letter}": sizes[letter]}
    if "L" in letters:
        found |= {
            "min_layers": sizes["L"],
            "max_layers": sizes["L"],
            "bidirectional": sizes["D"] == 2,
        }
    return found


def bounds(sizes: Sizes, declared: Declarations) -> Keywords:
    """The arguments of `cases`, or of `stack_cases`, for a case of these sizes.

    Its cell contracts, so that the bounds of a whole run claim something of a long one, too.
    """
    # Free, for a gate driven to z = 1 carries, and what carries does not contract.
    contracting = {"regimes": ("free",), "weights": ("contractive",)}
    if declared.shapes == "few":
        return size_arguments(sizes, "".join(sizes)) | contracting
    fixed = {"H": declared.hidden_size, "I": declared.input_size}
    found: Keywords = {f"max_{x}": sizes[x] for x in "HIBT" if fixed.get(x) is None}
    found |= {**contracting, "full": "HIBT"}
    if "L" in sizes:
        found["full"] = "HIBTLD"
        if sizes["D"] == 1:
            found["bidirectional"] = False
        else:
            found["bidirectional"] = declared.bidirectional
        if declared.num_layers is None:
            found["max_layers"] = sizes["L"]
    return found
