"""What a result covers and doubts, line by line: formats of which the same is true share a line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence


def by_formats(lines: Iterable[str], formats: Sequence[str]) -> list[str]:
    """The lines, where those that say `FORMAT: the same` are one that says `FORMAT, FORMAT: the
    same`.

    Any other line stays as it is. A joint line stands where the first of its lines stood.
    """
    joint: dict[tuple[bool, str], list[str]] = {}
    for line in lines:
        name, colon, said = line.partition(": ")
        # A colon alone is no sign: only what stands before it may be a format.
        is_of_format = bool(colon) and name in formats
        joint.setdefault((is_of_format, said if is_of_format else line), []).append(name)
    return [f"{', '.join(names)}: {said}" if of else said for (of, said), names in joint.items()]


def unrepeated(found: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """What failures do not repeat, from invariants, formats, manners and texts: a line for each
    manner, with the first of them.
    """
    by_manner: dict[str, list[str]] = {}
    for id, fmt, manner, text in found:
        by_manner.setdefault(manner, []).append(f"{id} in {fmt} {text}")
    return [
        f"{first}; {len(others)} more like it" if others else first
        for first, *others in by_manner.values()
    ]


def wrapped(line: str, width: int) -> str:
    """A line over several, the others indented; words such as ids and commands stay whole."""
    return textwrap.fill(
        line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
