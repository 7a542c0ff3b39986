"""An xfails file brought up to date: what fails now is in it, what does not is not, and what its
author wrote stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, TypeAlias

from gruverify._visible import visible
from gruverify.arithmetic import FORMATS
from gruverify.engine._result import Result
from gruverify.engine._selection import Entry, entry_of, matches
from gruverify.engine._tally import Tally
from gruverify.invariants import INVARIANTS

#: An invariant in a format.
Place: TypeAlias = tuple[str, str]
#: What a run found there: that it fails, or holds; that nothing is there to fail, for the target
#: lacks the method or the format, or no bound claims anything; or nothing, because it was not
#: asked, or not in all
#: cases, or blocked.
Found: TypeAlias = Literal["fails", "holds", "absent", "unknown"]

_SHORT = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}
_ALL = tuple(fmt.name for fmt in FORMATS)
#: A reason is a line in a file, and not a report.
_LONGEST = 160

_HEAD = (
    "# What gruverify check is expected to find, as --update-xfails writes it: ID "
    "[FORMATS] [# reason]\n"
)


def updated_xfails(
    text: str, result: Result, file: str = "the file", *, all_formats: bool = True
) -> tuple[str, str]:
    """The text of an xfails file after a run, and how many entries it has, in words.

    all_formats: whether the run was about all formats that the target claims.

    Lines of what still fails stay as they are, and so do comments but those that stand directly
    above lines of which none is left. A line about more than what still fails is made narrower,
    with its reason. What fails and is in no line comes at the end. What the run did not ask, or not
    in all its cases, it leaves alone.
    """
    state = _State(result, all_formats)
    blocks = list(_blocks(text, file))
    before = sum(len(block.entries) for block in blocks)
    kept = [block.updated(state) for block in blocks]
    lines = [*chain.from_iterable(block.lines for block in kept)]
    known = [*chain.from_iterable(block.entries for block in kept)]
    new = list(_new(result, state, known))
    said = f"has {len(known) + len(new)} entries: {len(new)} new, {before} before"
    return _HEAD * (not text) + "".join(f"{line}\n" for line in [*lines, *new]), said


class _State:
    """What a run found of each invariant in each format."""

    def __init__(self, result: Result, all_formats: bool) -> None:
        self._all_judged = all(drawn.judged >= drawn.planned for drawn in result.drawn.values())
        if all_formats:
            self._absent = set(_ALL).difference(result.header["formats"])
        else:
            self._absent = set[str]()
        self.rows = result.by_format

    def found_at(self, id: str, fmt: str) -> Found:
        """What it found there."""
        if fmt in self._absent:
            return "absent"
        tally = self.rows.get(id, {}).get(fmt)
        # Blocked: the obstacle is reported by another invariant, and what this one does is not
        # known.
        if tally is None or tally.mark == "skip" or tally.blocked:
            return "unknown"
        if tally.falsified or tally.error:
            return "fails"
        # A failure is one whenever it comes; that something holds is only known at the end.
        if not self._all_judged:
            return "unknown"
        if tally.passed:
            return "holds"
        return "absent"


@dataclass
class _Block:
    """Comments and the entries directly below them, each entry with its line."""

    comments: list[str] = field(default_factory=list)
    entries: list[tuple[Entry, str]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [*self.comments, *(line for _, line in self.entries)]

    def updated(self, state: _State) -> _Block:
        """What is left of it."""
        left = [*chain.from_iterable(_narrowed(entry, line, state) for entry, line in self.entries)]
        return _Block(self.comments if left or not self.entries else [], left)


def _blocks(text: str, file: str) -> Iterator[_Block]:
    """A block ends with an empty line, or where a comment follows an entry."""
    block = _Block()
    for number, line in enumerate(text.splitlines(), 1):
        entry = entry_of(f"{file}:{number}", line)
        if entry is not None:
            block.entries.append((entry, line))
            continue
        # A comment belongs to the entries below it, and goes when all of them go.
        if block.entries or not line.strip():
            yield block
            block = _Block()
        block.comments.append(line)
        if not line.strip():
            yield block
            block = _Block()
    yield block


def _narrowed(entry: Entry, line: str, state: _State) -> Iterator[tuple[Entry, str]]:
    """The line, if nothing that it is about holds now; else a line for each invariant of it that
    does not.
    """
    ids = [id for id in INVARIANTS if matches(entry.pattern, id)]
    found = dict[str, dict[str, str]]()
    for id in ids:
        found[id] = {fmt: state.found_at(id, fmt) for fmt in entry.formats or _ALL}
    # A glob stays a glob as long as all of it fails: its author meant it so.
    if not any("holds" in row.values() for row in found.values()):
        yield entry, line
        return
    for id, row in found.items():
        if left := [fmt for fmt, is_ in row.items() if is_ in ("fails", "unknown")]:
            yield _entry(id, left, line.partition("#")[2].strip())


def _new(result: Result, state: _State, known: list[tuple[Entry, str]]) -> Iterator[str]:
    """A line for each invariant that fails in formats that no line is about."""
    for id, row in state.rows.items():
        fails = [fmt for fmt in row if state.found_at(id, fmt) == "fails"]
        # In the order of the formats, however the run came by them: files are compared line by
        # line.
        fresh = [fmt for fmt in _ALL if fmt in fails and not _is_covered(id, fmt, known)]
        if fresh:
            yield _entry(id, fresh, _reason(result, id, {fmt: row[fmt] for fmt in fresh}))[1]


def _is_covered(id: str, fmt: str, known: list[tuple[Entry, str]]) -> bool:
    return any(entry.covers(id, fmt) for entry, _ in known)


def _entry(id: str, formats: Iterable[str], reason: str) -> tuple[Entry, str]:
    listed = tuple(formats)
    if set(listed) == set(_ALL):
        where = ""
    else:
        where = " " + ",".join(_SHORT[fmt] for fmt in listed)
    why = f"  # {reason}" if reason else ""
    return Entry(id, () if set(listed) == set(_ALL) else listed, reason), f"{id}{where}{why}"


def _reason(result: Result, id: str, row: dict[str, Tally]) -> str:
    """Why it fails, in one line: that it does not repeat, what the target said, or how far off it
    is.
    """
    # A line has room for one reason: that of the format in which most cases fail.
    fmt = max(row, key=lambda fmt: (row[fmt].falsified, row[fmt].largest))
    if flaky := result.flaky.get((id, fmt)):
        return _shortened(f"flaky: {flaky.text}")
    if row[fmt].reason:
        return _shortened(row[fmt].reason)
    witness = result.witnesses.get((id, fmt))
    if witness:
        where = f" at {witness.residual.where}"
    else:
        where = ""
    return _shortened(f"error up to {row[fmt].largest:.3g} times the bound in {fmt}{where}")


def _shortened(reason: str) -> str:
    flat = visible(" ".join(reason.split()))
    if len(flat) <= _LONGEST:
        return flat
    return f"{flat[: _LONGEST - 1]}…"
