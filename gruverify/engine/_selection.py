"""Which invariants a run checks, and which it expects to fail: patterns, and files of them.

A pattern is an id (`agreement/step`), a family (`agreement`), a glob (`*/gradient-*`) or the
beginning of ids (`regimes/order-`). A file has one entry per line:

    # a comment
    contract/same-bits                 # why: shown in reports
    agreement/gradient-* f16,bf16      # in these formats only
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Any

from gruverify._files import read_text
from gruverify.arithmetic import format_named
from gruverify.invariants import FAMILIES, INVARIANTS


class BadSelection(ValueError):
    """A pattern matches no invariant, or a file of them cannot be read; the message says where and
    what is near.
    """


@dataclass(frozen=True)
class Entry:
    """A line of a skips or xfails file: a pattern, the names of formats (none: all), why, and where
    it was read.
    """

    pattern: str
    formats: tuple[str, ...] = ()
    reason: str = ""
    place: str = ""

    def covers(self, id: str, format: str) -> bool:
        """Whether it speaks of the invariant in the format."""
        return matches(self.pattern, id) and (not self.formats or format in self.formats)


def _values(entry: Entry) -> dict[str, Any]:
    """An entry as JSON values."""
    return {**asdict(entry), "formats": list(entry.formats)}


@dataclass(frozen=True)
class Selection:
    """Which invariants are checked. Built by `selection`, which checks the patterns.

    only: patterns, any of which lets an invariant in (none: all are checked); skips: entries
    that are not checked; xfails: entries that are expected to fail, and of which no witness is
    looked for; strict: whether the run fails if one of them does not. Where both cover an
    invariant it is skipped.
    """

    only: tuple[str, ...] = ()
    skips: tuple[Entry, ...] = ()
    xfails: tuple[Entry, ...] = ()
    strict: bool = False

    def wants(self, id: str) -> bool:
        """Whether the invariant is among those that the run is about."""
        return not self.only or any(matches(pattern, id) for pattern in self.only)

    def skips_it(self, id: str, format: str) -> Entry | None:
        """The entry that skips the invariant in the format, by the format's name."""
        return next((entry for entry in self.skips if entry.covers(id, format)), None)

    def xfails_it(self, id: str, format: str) -> Entry | None:
        """The entry that expects the invariant to fail in the format, unless it is skipped."""
        # Nobody expects anything of what is not checked.
        if self.skips_it(id, format):
            return None
        return next((entry for entry in self.xfails if entry.covers(id, format)), None)

    def values(self) -> dict[str, Any]:
        """The selection as JSON values."""
        return {
            "only": list(self.only),
            "skips": [_values(entry) for entry in self.skips],
            "xfails": [_values(entry) for entry in self.xfails],
            "strict": self.strict,
        }


#: Every invariant is checked, and none is expected to fail.
EVERYTHING = Selection()


def selection(
    *,
    only: str | Iterable[str] = (),
    skip: str | Iterable[str] = (),
    skips_files: Iterable[str | Path] = (),
    xfails_files: Iterable[str | Path] = (),
    strict: bool = False,
) -> Selection:
    """A selection from patterns (one alone may be given as it is) and files, which add up.

    Raises:
        BadSelection: a pattern matches no invariant, or a file or a line of it cannot be read.
    """
    given = _patterns("only", only), _patterns("skip", skip)
    for pattern in (*given[0], *given[1]):
        require_known(pattern)
    direct = (Entry(pattern, reason="--skip", place="--skip") for pattern in given[1])
    from_files = chain.from_iterable(map(read_entries, skips_files))
    xfails = chain.from_iterable(map(read_entries, xfails_files))
    return Selection(given[0], (*direct, *from_files), tuple(xfails), strict)


def file_name_of(target: str) -> str:
    """The target in the name of a file: what has no place there becomes -."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in target)


def file_in(folder: Path, target: str) -> Path:
    """The skips or xfails file of a target in a folder that has one for each."""
    return folder / f"{file_name_of(target)}.txt"


def files_for(target: str, given: Iterable[str | Path]) -> tuple[Path, ...]:
    """The skips or xfails files of a target: those given and, of a folder, its own if it is
    there.
    """
    found = list[Path]()
    for name in given:
        path = Path(name)
        # The path of an empty name is the current folder, and nobody means that: reading it fails.
        if name == "" or not path.is_dir():
            found.append(path)
        elif (mine := file_in(path, target)).exists():
            found.append(mine)
    return tuple(found)


def missing_in(folder: str | Path, targets: Iterable[str]) -> dict[str, Path]:
    """The targets that have no file of their own there, with its path; none, if it is no folder."""
    path = Path(folder)
    if str(folder) == "" or not path.is_dir():
        return {}
    files = {target: file_in(path, target) for target in targets}
    return {target: file for target, file in files.items() if not file.exists()}


def _patterns(option: str, given: Any) -> tuple[str, ...]:
    """The patterns given: one, or several."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        each = (given,)
    else:
        each = tuple(given)
    if wrong := [one for one in each if not isinstance(one, str)]:
        raise BadSelection(
            f"{option} has {wrong[0]!r}: it must be one pattern or several, such as 'agreement'"
        )
    return each


def matches(pattern: str, id: str) -> bool:
    """Whether a pattern means the invariant: an id means itself alone, though other ids may begin
    with it.
    """
    # Else agreement/step would mean agreement/step-vjp, too, which begins with it.
    if pattern in INVARIANTS:
        return pattern == id
    if "*" in pattern or "?" in pattern or "[" in pattern:
        return fnmatchcase(id, pattern)
    return id.startswith(pattern if "/" in pattern else f"{pattern}/")


def require_known(pattern: str, place: str = "") -> None:
    """Raise BadSelection if the pattern matches no invariant; the message begins with the place."""
    if any(matches(pattern, id) for id in INVARIANTS):
        return
    # A pattern that matches nothing would leave a check out in silence, or skip nothing.
    near = difflib.get_close_matches(pattern, [*INVARIANTS, *FAMILIES], cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"families: {', '.join(FAMILIES)}."
    raise BadSelection(
        f"{place}{': ' if place else ''}no invariant matches {pattern!r}: {hint} `gruverify list` "
        "has all"
    )


def read_entries(file: str | Path) -> tuple[Entry, ...]:
    """The entries of a skips or xfails file, in order.

    Raises:
        BadSelection: the file cannot be read, or a line is not an entry; the message names file
        and line.
    """
    lines = (
        (f"{file}:{number}", line) for number, line in enumerate(text_of(file).splitlines(), 1)
    )
    return tuple(entry for place, line in lines if (entry := entry_of(place, line)) is not None)


def text_of(file: str | Path) -> str:
    """The text of a skips or xfails file.

    Raises:
        BadSelection: the file cannot be read.
    """
    try:
        return read_text(Path(file))
    except OSError as missing:
        raise BadSelection(f"{file} cannot be read: {missing.strerror}") from None
    except UnicodeDecodeError as other:
        raise BadSelection(
            f"{file} is not UTF-8 text: {other.reason} at byte {other.start}"
        ) from None


def entry_of(place: str, line: str) -> Entry | None:
    """The entry of a line, None if it has none; `place` is what a message calls the line.

    Raises:
        BadSelection: the line is not an entry, or matches no invariant.
    """
    # Patterns have no #, so the first one begins the reason, which may have more.
    said, _, reason = line.partition("#")
    words = said.split()
    if not words:
        return None
    if len(words) > 2:
        raise BadSelection(f"{place}: expected ID [FORMATS] [# reason], got {said.strip()!r}")
    require_known(words[0], place)
    return Entry(words[0], _formats(place, words[1]) if words[1:] else (), reason.strip(), place)


def _formats(place: str, listed: str) -> tuple[str, ...]:
    try:
        return tuple(format_named(name).name for name in listed.split(","))
    except ValueError as unknown:
        raise BadSelection(f"{place}: {unknown}") from None
