"""Text of others on one line of ours."""

from __future__ import annotations


def in_one_line(text: str) -> str:
    """The text with single spaces between its words, and escapes for what cannot be seen."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
