"""Relations between sizes: coincidences that hide a swapped axis, and the tails of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis.errors import InvalidArgument

from gruverify_strategies._validation import Limits

RELATIONS = ("H=1", "I=H", "T=B", "B=3H", "distinct", "simd")

#: The largest sizes of a relation where none is asked for; elsewhere they are the usual ones.
DEFAULT_MAX: Mapping[str, Mapping[str, int]] = {"B=3H": {"B": 15}, "simd": {"H": 33}}

#: The numbers of float32 in the smallest vector register that kernels are written for.
_LANES = 8


def check_possible(relation: str, within: Limits) -> None:
    """Raise InvalidArgument unless sizes within the limits have the relation."""
    if not all(
        allowed(relation, within, {}, letter)
        for letter in ("HIBT" if relation == "distinct" else "HB")
    ):
        bounds = ", ".join(f"{low}<={letter}<={high}" for letter, (low, high) in within.items())
        raise InvalidArgument(f"relations={relation!r} cannot hold with {bounds}: widen the bounds")


def allowed(relation: str, within: Limits, chosen: Mapping[str, int], letter: str) -> Sequence[int]:
    """The sizes that an axis may have, with those of the axes before it chosen, in the order H, I,
    B, T.
    """
    span = _span(within, letter)
    if relation == "distinct":
        rest = [
            set(_span(within, other)) for other in within if other not in chosen and other != letter
        ]
        return [
            n for n in span if n not in chosen.values() and _can_differ(rest, {n, *chosen.values()})
        ]
    if relation == "simd" and letter == "H":
        return [n for n in span if n > 1 and n % _LANES in (0, 1, _LANES - 1)]
    if relation == "H=1" and letter == "H":
        return [n for n in span if n == 1]
    for name, first, second, factor in (
        ("I=H", "H", "I", 1),
        ("T=B", "B", "T", 1),
        ("B=3H", "H", "B", 3),
    ):
        if relation == name and letter == first:
            return [n for n in span if factor * n in _span(within, second)]
        if relation == name and letter == second and first in chosen:
            return [factor * chosen[first]]
    return span


def _span(within: Limits, letter: str) -> range:
    low, high = within[letter]
    return range(low, high + 1)


def _can_differ(spans: Sequence[set[int]], taken: set[int]) -> bool:
    """Whether a number can be taken from each span, all of them different."""
    if not spans:
        return True
    # Of four axes, one with that many numbers to spare finds its own.
    free = sorted(spans[0] - taken)[: len(spans)]
    return any(_can_differ(spans[1:], taken | {n}) for n in free)
