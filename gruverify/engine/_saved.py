"""Witnesses that earlier runs saved: which of a folder are of a target, and which of them a run can
try again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gruverify._visible import visible
from gruverify.arithmetic import FORMATS, Format
from gruverify.backends import Backend, declarations_of, declared_variants
from gruverify.engine._asked import claims_of, why_not
from gruverify.engine._judge import reads
from gruverify.engine._selection import Selection, file_name_of
from gruverify.engine._sizes import is_within
from gruverify.engine._witness import BadWitness, Witness, load_witness
from gruverify.invariants import FAMILIES, INVARIANTS

#: What became of a saved witness: it failed again, or the invariant holds now, or the target does
#: not answer it.
Fate: TypeAlias = Literal["failed", "held", "not answered"]


@dataclass(frozen=True, order=True)
class Replay:
    """A saved witness that was tried: its invariant and format, and what became of it."""

    invariant: str
    format: str
    fate: Fate


@dataclass(frozen=True)
class Saved:
    """Witnesses to try before anything is drawn, and a line for each reason why others are left
    out.
    """

    witnesses: tuple[Witness, ...] = ()
    left_out: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """How many there are and the lines, as JSON values."""
        return {"tried": len(self.witnesses), "left_out": list(self.left_out)}


NOTHING_SAVED = Saved()


def witness_file(folder: Path, witness: Witness) -> Path:
    """Where the witness is saved: one for each target, invariant and format."""
    return (
        folder
        / f"{_prefix(witness.target)}{_tail(witness.invariant, witness.case.format.name)}.json"
    )


def _prefix(target: str) -> str:
    return f"{file_name_of(target)}-"


def _tail(id: str, fmt: str) -> str:
    return f"{id.replace('/', '-')}-{fmt}"


def saved_witnesses(folder: str | Path, target: str) -> Saved:
    """The witnesses of a target that are saved in a folder; none if there is no such folder.

    What is no witness is left out, with a line that names the file and says why. Files of other
    targets are not read, or not minded.
    """
    found, lines, folder = list[Witness](), list[str](), Path(folder)
    try:
        if folder.exists():
            files = sorted(folder.iterdir())
        else:
            files = []
    except OSError as refused:
        return Saved((), (f"{folder}: {refused.strerror}",))
    # By their names first: a folder may have the witnesses of many targets, and large ones.
    prefix = _prefix(target)
    for file in files:
        if not file.name.startswith(prefix) or file.suffix != ".json":
            continue
        try:
            witness = load_witness(file)
        except BadWitness as wrong:
            if _names_a_family(file.name.removeprefix(prefix)):
                if str(wrong).startswith(str(file)):
                    said = str(wrong)
                else:
                    said = f"{file}: {wrong}"
                lines.append(visible(" ".join(said.split())))
            continue
        # Characters of a target that no file name takes become -, so names of two targets may be
        # alike.
        if witness.target == target:
            found.append(witness)
    # The smallest first: where it fails again, -x ends the format with it.
    return Saved(tuple(sorted(found, key=Witness.order)), tuple(lines))


def _names_a_family(tail: str) -> bool:
    """Whether a file of that name is ours, and not that of a target whose name begins as this one's
    does.
    """
    return any(tail.startswith(f"{family}-") for family in FAMILIES)


def fitting(
    saved: Saved,
    backend: Backend,
    formats: Sequence[Format],
    *,
    profile: str,
    chosen: Selection,
    max_size: int | None = None,
) -> Saved:
    """Those that a run can try: of its formats, of invariants that it asks, of cases that the
    target claims.
    """
    kept, left_out = list[Witness](), dict[str, list[str]]()
    for witness in saved.witnesses:
        # One reason is enough, the first: those after it may follow from it.
        why = next(_obstacles(witness, backend, formats, profile, chosen, max_size), "")
        if why:
            left_out.setdefault(why, []).append(
                f"{witness.invariant} in {witness.case.format.name}"
            )
        else:
            kept.append(witness)
    lines = (
        visible(" ".join(f"{_places_in_words(places)}: {why}".split()))
        for why, places in left_out.items()
    )
    return Saved(tuple(kept), (*saved.left_out, *lines))


def _places_in_words(places: list[str]) -> str:
    if len(places) == 1:
        return places[0]
    return f"{places[0]} and {len(places) - 1} more"


def _obstacles(
    witness: Witness,
    backend: Backend,
    formats: Sequence[Format],
    profile: str,
    chosen: Selection,
    max_size: int | None,
) -> Iterator[str]:
    """Why a witness is left out, one reason after the other; the first is what is reported."""
    id, case = witness.invariant, witness.case
    if id not in INVARIANTS:
        yield f"there is no invariant {id!r} any more"
        return
    if case.format not in formats:
        yield f"{case.format.name} is not a format of this run"
        return
    if not chosen.wants(id):
        yield "the selection leaves the invariant out"
    if not reads(INVARIANTS[id], case):
        yield "the invariant does not read such a case"
    if not_asked := why_not(
        INVARIANTS[id], backend, case.format, profile, chosen, claims_of(backend)
    ):
        yield not_asked.reason
    if case.variant not in declared_variants(backend) or not INVARIANTS[id].applies(case.variant):
        yield f"the target does not claim {case.variant}"
    if case.sizes["T"] < (least := declarations_of(backend).min_length):
        yield f"declared min_length={least}"
    if not is_within(case.sizes, max_size):
        yield f"larger than --max-size {max_size}"


#: The order in which formats are told, wherever they are.
_ORDER = [fmt.name for fmt in FORMATS]


def replay_lines(replays: Sequence[Replay]) -> tuple[str, ...]:
    """What became of the saved witnesses that were tried, one line per fate; nothing where none
    was.
    """
    by_fate: dict[str, dict[str, list[str]]] = {}
    for replay in sorted(replays, key=lambda each: _ORDER.index(each.format)):
        by_fate.setdefault(replay.fate, {}).setdefault(replay.invariant, []).append(replay.format)
    lines = list[str]()
    for fate, words in _WORDS.items():
        if places := by_fate.get(fate):
            count = sum(map(len, places.values()))
            named = [f"{id} in {', '.join(formats)}" for id, formats in sorted(places.items())]
            if len(named) > _NAMED:
                more = f" and {len(named) - _NAMED} more"
            else:
                more = ""
            lines.append(
                f"{count} of {len(replays)} saved witnesses {words}: "
                f"{'; '.join(named[:_NAMED])}{more}"
            )
    return tuple(lines)


#: So many invariants are named.
_NAMED = 3
_WORDS = {
    "failed": "fail again",
    "held": "no longer fail",
    "not answered": "show nothing now, for the target does not answer them or nothing is claimed",
}
