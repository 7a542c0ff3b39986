"""The arguments of every strategy, checked in one place, in the three shapes of message that
Hypothesis uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hypothesis.errors import InvalidArgument

from gruverify.arithmetic import Format, bfloat16, float16, float32, float64
from gruverify.cell import VARIANTS, Variant

#: The smallest and the largest size of each axis by its letter, in the order in which they are
#: drawn.
Limits: TypeAlias = dict[str, tuple[int, int]]

#: What strategies take for `formats` and `variants`: None is all of them.
Formats: TypeAlias = Sequence[Format] | None
Variants: TypeAlias = Sequence[Variant] | None

#: What the largest size is where none is asked for.
_DEFAULT_MAX = {"H": 5, "I": 5, "B": 5, "T": 4}


def limits(empty: str = "", **bounds: tuple[int, int | None]) -> Limits:
    """Sizes by letter; a maximum of None is the default one, or the minimum if that is larger.

    empty: the letters of the axes that may have no slot at all.

    Raises:
        InvalidArgument: a size is not an integer of at least 1 (of 0, where it may be empty), or a
            minimum exceeds its maximum.
    """
    return {
        letter: _limit(letter, low, high, 1 - (letter in empty))
        for letter, (low, high) in bounds.items()
    }


def _limit(letter: str, low: int, high: int | None, at_least: int) -> tuple[int, int]:
    check_size(f"min_{letter}", low, at_least)
    if high is None:
        return low, max(low, _DEFAULT_MAX[letter])
    check_range(letter, low, high, at_least)
    return low, high


def check_range(name: str, low: Any, high: Any, at_least: int = 1) -> None:
    """Raise InvalidArgument unless min_name and max_name are sizes, the first no larger than the
    second.
    """
    check_size(f"min_{name}", low, at_least)
    check_size(f"max_{name}", high, at_least)
    if high < low:
        raise InvalidArgument(f"Cannot have max_{name}={high!r} < min_{name}={low!r}")


def check_size(name: str, value: Any, at_least: int = 1) -> None:
    """Raise InvalidArgument unless `value` is an integer that large."""
    # A bool is an int in Python, and True would be a size of 1.
    if isinstance(value, bool):
        raise _unexpected("int", name, value)
    check_type(int, name, value)
    if value < at_least:
        raise InvalidArgument(
            f"{name}={value!r} must be at least {at_least}{_WHY.get((name[-2:], value), '')}"
        )


#: Why what is possible for arrays alone is not possible here.
_WHY = {
    ("_T", 0): ": a case has a step (arrays alone, as of `inputs`, may have none)",
    ("_B", 0): ": a case has a member (arrays alone, as of `inputs`, may have none)",
}


def check_formats(formats: Formats) -> Sequence[Format]:
    """The formats to draw from, the simplest first; all four for None, the one that reads best
    first.

    Raises:
        InvalidArgument: `formats` is empty, or not a sequence of formats.
    """
    return _check_choice("formats", formats, Format, (float32, float64, float16, bfloat16))


def check_variants(variants: Variants) -> Sequence[Variant]:
    """The variants to draw from, the simplest first, those with biases three times as often; all
    eight for None.

    Raises:
        InvalidArgument: `variants` is empty, or not a sequence of variants.
    """
    chosen = _check_choice("variants", variants, Variant, VARIANTS)
    found = list[Variant]()
    for variant in chosen:
        # Half of the eight variants have no biases, and no mistake about biases shows in those.
        found += [variant] * (3 if variant.bias else 1)
    return found


def _check_choice(
    name: str, given: object, kind: type[Any], default: Sequence[Any]
) -> Sequence[Any]:
    if given is None:
        return default
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _unexpected(f"a sequence of {kind.__name__}", name, given)
    if not given:
        raise InvalidArgument(f"{name}={given!r} must have at least one element")
    for index, member in enumerate(given):
        check_type(kind, f"{name}[{index}]", member)
    return given


def check_names(name: str, given: object, options: Sequence[str]) -> Sequence[str]:
    """Some of the options; all of them for None.

    Raises:
        InvalidArgument: `given` is empty or not a sequence of strings, or one is not an option.
    """
    chosen = _check_choice(name, given, str, options)
    for index, member in enumerate(chosen):
        check_option(f"{name}[{index}]", member, *options)
    return chosen


def check_type(kind: type[Any], name: str, value: object) -> None:
    """Raise InvalidArgument unless `value` is a `kind`."""
    if not isinstance(value, kind):
        raise _unexpected(kind.__name__, name, value)


def check_reach(name: str, value: object, formats: Sequence[Format]) -> None:
    """Raise InvalidArgument unless `value` bounds numbers that every one of the formats can
    hold.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unexpected("float", name, value)
    smallest = min(formats, key=lambda f: f.max)
    if not 0 <= value <= smallest.max / 8:
        raise InvalidArgument(
            f"{name}={value!r} must be between 0 and {smallest.max / 8!r}: {smallest.name} holds "
            "no more"
        )


def check_letters(name: str, value: Any, letters: str) -> None:
    """Raise InvalidArgument unless `value` is some of the letters, each of which stands for an
    axis.
    """
    check_type(str, name, value)
    if set(value) - set(letters):
        raise InvalidArgument(f"{name}={value!r} must be letters of {letters}")


def check_option(name: str, value: object, *options: object) -> None:
    """Raise InvalidArgument unless `value` is one of the options."""
    if value not in options:
        raise InvalidArgument(f"{name}={value!r} must be one of {', '.join(map(repr, options))}")


def _unexpected(what: str, name: str, value: object) -> InvalidArgument:
    return InvalidArgument(
        f"Expected {what} but got {name}={value!r} (type={type(value).__name__})"
    )
