"""--known FILE: causes that somebody knows of, and that wake nobody.

A line of the file is a cause as the campaign prints it, with * for any text; what comes after " # "
says why it is known. Empty lines and those that begin with # say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from gruverify._files import read_text
from gruverify.campaigning._causes import Cause


class BadKnown(ValueError):
    """The file cannot be read, or has nothing in it; the message is one line."""


@dataclass(frozen=True)
class Known:
    """An entry: the pattern of causes, why they are known, and the line it is on."""

    pattern: str
    reason: str
    place: str

    def means(self, cause: str) -> bool:
        """Whether it is about that cause; of special characters only * has a meaning."""
        return fnmatchcase(cause, self.pattern.replace("[", "[[]").replace("?", "[?]"))


def known_causes(path: str | Path) -> tuple[Known, ...]:
    """The entries of a file.

    Raises:
        BadKnown: it cannot be read.
    """
    try:
        text = read_text(Path(path))
    except OSError as missing:
        raise BadKnown(f"{path} cannot be read: {missing.strerror}") from None
    except UnicodeDecodeError as other:
        raise BadKnown(f"{path} is not UTF-8 text: {other.reason} at byte {other.start}") from None
    found = list[Known]()
    for number, line in enumerate(text.splitlines(), 1):
        # With blanks around it: a cause may have a # of its own.
        pattern, _, reason = line.partition(" # ")
        if pattern.strip() and not line.lstrip().startswith("#"):
            found.append(Known(pattern.strip(), reason.strip() or "known", f"{path}:{number}"))
    return tuple(found)


def marked(causes: Sequence[Cause], known: Sequence[Known]) -> list[Cause]:
    """The rows, those marked that some entry is about."""
    found = list[Cause]()
    for row in causes:
        entry = next((each for each in known if each.means(row.cause)), None)
        found.append(row if entry is None else replace(row, known=entry.reason))
    return found


def stale(causes: Sequence[Cause], known: Sequence[Known]) -> list[Known]:
    """The entries that are about nothing that failed."""
    return [each for each in known if not any(each.means(row.cause) for row in causes)]
