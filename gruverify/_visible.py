"""What a target says, in words that cannot be taken for ours."""

from __future__ import annotations

import re

#: What makes a line a command of a CI system, wherever it is shown: `::error` begins one,
#: `##[error]`, `##vso[` and `##teamcity[` need not.
_COMMAND = re.compile(r"(?<!\S):(?=:\w)|#(?=#\w*\[)")
#: Of a longer text so much is shown.
LONGEST = 2000


def visible(text: str) -> str:
    """The text on one line: what has no glyph (line ends, control, bidi and escape characters, half
    of a surrogate pair) is spelled as Python spells it, and so is the first character of what
    commands a CI system.
    """
    if text.isprintable():
        spelled = text
    else:
        spelled = "".join(c if c.isprintable() else _spelled(c) for c in text)
    return _COMMAND.sub(lambda first: f"\\x{ord(first[0]):02x}", spelled)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str) -> str:
    """The beginning of a long text, and how much was left out."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} ... and {len(text) - LONGEST:,} characters more"


def error_line(error: BaseException) -> str:
    """The type of an exception and what it says, on one line; whatever its own methods do."""
    try:
        # Of a target's own exception even __str__ may raise.
        said = str(error)
    except Exception as another:
        said = f"(its text cannot be read: {type(another).__name__})"
    name = type(error).__name__
    return visible(shortened(f"{name}: {said}" if said else name))
