"""What every rendering says of a document: each invariant in each format, the counts, the verdict
in a sentence.
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gruverify._named import JsonObject
from gruverify.engine import (
    PROFILES,
    Replay,
    decode_witness,
    is_of_few_shapes,
    replay_lines,
    run_as,
    severity,
    sizes_of,
)
from gruverify.invariants import INVARIANTS
from gruverify.reporting._console import GATES_VISITED, LESS_ACCURATE, SIZES_VISITED
from gruverify.reporting._lines import by_formats, unrepeated
from gruverify.reporting._reader import Document
from gruverify.reporting._snippets import is_shown, read_from_result

#: The gravest first: what an invariant's status over several formats is, and the order in which
#: counts are told.
STATUSES = (
    "died",
    "falsified",
    "error",
    "xpassed",
    "blocked",
    "xfailed",
    "nothing claimed",
    "passed",
    "skipped",
    "not applicable",
)
#: Statuses of what was judged: these have a margin.
JUDGED = ("falsified", "passed", "xfailed", "xpassed")


@dataclass(frozen=True)
class Fate:
    """How an invariant fared in a format: the gravest status, all cases, and the largest margin
    over the variants.

    `claimed` is the share of the entries of which the bounds claim something; None if nothing was
    compared, or nobody counted.
    """

    id: str
    format: str
    status: str
    cases: int
    margin: float
    claimed: float | None
    reason: str
    rows: tuple[JsonObject, ...]

    @property
    def judged(self) -> bool:
        """Whether there is a margin."""
        return self.status in JUDGED


def fates(document: Document) -> dict[str, dict[str, Fate]]:
    """Invariant, then format, to its fate; in the document's order."""
    grouped: dict[str, dict[str, list[JsonObject]]] = {}
    for row in document["invariants"]:
        grouped.setdefault(row["id"], {}).setdefault(row["format"], []).append(row)
    found = dict[str, dict[str, Fate]]()
    for id, formats in grouped.items():
        found[id] = {fmt: _fate(rows) for fmt, rows in formats.items()}
    return found


def _fate(rows: list[JsonObject]) -> Fate:
    # Where one variant passed and of another nothing was claimed, something was claimed in this
    # format.
    passed = any(row["status"] == "passed" for row in rows)
    told = [row for row in rows if not (passed and row["status"] == "nothing claimed")]
    gravest = min(told, key=lambda row: STATUSES.index(row["status"]))
    return Fate(
        gravest["id"],
        gravest["format"],
        gravest["status"],
        cases=sum(row["cases"] for row in rows),
        margin=max(float(row["margin"]["max"]) for row in rows),
        claimed=_claimed(rows),
        reason=gravest["reason"],
        rows=tuple(rows),
    )


def _claimed(rows: list[JsonObject]) -> float | None:
    entries = [row["entries"] for row in rows if row["entries"] is not None]
    compared: int = sum(each["compared"] for each in entries)
    claimed: int = sum(each["claimed"] for each in entries)
    if compared:
        return claimed / compared
    return None


def worst(row: Iterable[Fate]) -> Fate:
    """The gravest of several fates, and of those the one with the largest margin."""
    return min(row, key=lambda fate: (STATUSES.index(fate.status), -fate.margin))


def counts(document: Document) -> dict[str, int]:
    """How many pairs of invariant and format there are of each status that there is any of, the
    gravest first.
    """
    found = Counter[str]()
    for row in fates(document).values():
        found.update(fate.status for fate in row.values())
    return {status: found[status] for status in STATUSES if found[status]}


def verdict(document: Document) -> str:
    """The verdict in words: of one that is falsified, whether it is only less accurate than
    declared.
    """
    word: str = document["verdict"]
    if document["less_accurate"]:
        return f"{word}: {LESS_ACCURATE}"
    return word


def sentence(document: Document) -> str:
    """The verdict in a sentence."""
    found = counts(document)
    cases = sum(row["cases"] for row in document["invariants"])
    told = ", ".join(f"{count} {status}" for status, count in found.items())
    seconds = document["timing"]["seconds"]
    took = f" in {seconds:.1f} s" if seconds else ""
    return f"{told or 'nothing was judged'}; {cases:,} judgements{took}"


def root_causes(document: Document) -> list[JsonObject]:
    """What stood in the way: the invariant that reported it, why, and those blocked by it; most
    blocked first.
    """
    causes: dict[str, dict[str, str]] = {}
    for row in document["invariants"]:
        if row["status"] == "blocked":
            causes.setdefault(row["cause"], {})[row["id"]] = row["reason"]
    told = [
        {"id": id, "reason": min(of.values()), "blocked": list(of)} for id, of in causes.items()
    ]
    return sorted(told, key=lambda cause: -len(cause["blocked"]))


def seed(document: Document) -> str:
    """The run's seed, in words where Hypothesis drew one for each test."""
    if document["seed"] is None:
        return "drawn by Hypothesis"
    return str(document["seed"])


def command(document: Document) -> str:
    """What repeats the run, quoted for a shell: what was typed, where that was not `gruverify
    check`.
    """
    # pytest and Python write the command themselves: `gruverify check` would not repeat those
    # runs.
    if "command" in document:
        typed: str = document["command"]
        return typed
    profile = PROFILES.get(document["profile"])
    if profile and profile.cases == document["cases"]:
        cases = []
    else:
        cases = ["--max-cases", str(document["cases"])]
    options = ["--profile", document["profile"], *cases, "--seed", str(document["seed"])]
    return shlex.join(
        [
            "gruverify",
            "check",
            document["target"],
            *options,
            "--format",
            ",".join(document["formats"]),
        ]
    )


def witnesses(document: Document) -> dict[str, list[JsonObject]]:
    """Invariant to its witnesses, the smallest case first; the invariants that failed most gravely
    first.
    """
    found: dict[str, list[JsonObject]] = {}
    for witness in document["witnesses"]:
        found.setdefault(witness["invariant"], []).append(witness)
    smallest = {id: sorted(each, key=_size) for id, each in found.items()}
    return dict(
        # `sorted` is stable: those as grave as each other stay in the document's order.
        sorted(smallest.items(), key=lambda item: -severity(decode_witness(item[1][0]).residual))
    )


def _size(witness: JsonObject) -> int:
    return math.prod(witness["sizes"].values())


def sizes(witness: JsonObject) -> str:
    """The sizes of a witness's case, with the lengths of its members where it has them."""
    return sizes_of(decode_witness(witness).case)


def runs(document: Document, witness: JsonObject) -> list[str]:
    """The cases that were made of the witness's and really run; unknown of an invariant that there
    is no longer.
    """
    found = decode_witness(witness)
    if found.invariant in INVARIANTS:
        few = is_of_few_shapes(document)
        return run_as(INVARIANTS[found.invariant], found.residual, found.case, few=few)
    return []


def condition(document: Document, witness: JsonObject) -> str:
    """Under which condition the witness's invariant fails in its format; empty if there is none."""
    place = witness["invariant"], witness["format"]
    return next(
        (row["condition"] for row in document["invariants"] if (row["id"], row["format"]) == place),
        "",
    )


def snippet(document: Document, witness: JsonObject) -> str:
    """Python that raises the witness's failure when pasted; of a large case, where the document's
    file is.
    """
    decoded = decode_witness(witness)
    if is_shown(decoded):
        return decoded.snippet
    return read_from_result(decoded, document["witnesses"].index(witness))


def flaky(document: Document) -> list[str]:
    """What failures do not repeat, a line for each reason; none where nobody looked."""
    found = document.get("flaky", [])
    return unrepeated(
        (each["invariant"], each["format"], each["manner"], each["text"]) for each in found
    )


def flaky_of(document: Document, id: str, fmt: str) -> str:
    """How a failure does not repeat; empty if it does, as far as anybody knows."""
    found = document.get("flaky", [])
    return next(
        (each["text"] for each in found if (each["invariant"], each["format"]) == (id, fmt)), ""
    )


def replayed(document: Document) -> list[str]:
    """What became of the witnesses that earlier runs had saved; nothing where none was tried."""
    lines = [
        f"saved witness not tried: {line}"
        for line in document.get("replayed", {}).get("left_out", [])
    ]
    return [*replay_lines([Replay(**each) for each in document.get("replays", [])]), *lines]


def covered(document: Document) -> list[str]:
    """What the run covered: cases and sizes, claims, gates, declarations, saved witnesses, what was
    left out.
    """
    lines = [*by_formats(document["covers"], document["formats"]), *replayed(document)]
    lines += [f"hint: {line}" for line in by_formats(document["hints"], document["formats"])]
    shares = {GATES_VISITED: gates_visited(document), SIZES_VISITED: sizes_visited(document)}
    return [*lines, *(f"{what}: {share}" for what, share in shares.items() if share)]


def doubted(document: Document) -> list[str]:
    """Why a run in which nothing failed is inconclusive."""
    if document["verdict"] == "inconclusive":
        return by_formats(document["doubts"], document["formats"])
    return []


def gates_visited(document: Document) -> str:
    """How much of z × r × c was visited, by format; empty if nobody counted."""
    shares = gate_shares(document)
    return ", ".join(f"{fmt} {shares[fmt]:.1f} %" for fmt in document["formats"] if fmt in shares)


def gate_shares(document: Document) -> dict[str, float]:
    """Format to the percentage of z × r × c that was visited; without the formats in which nobody
    counted.
    """
    return {
        one["format"]: one["groups"][0]["percent"] for one in document["coverage"] if one["groups"]
    }


def sizes_visited(document: Document) -> str:
    """Of how many of the sizes that there are answers were compared, by format; empty if nobody
    counted.
    """
    return ", ".join(f"{fmt} {percent:.1f} %" for fmt, percent in size_shares(document).items())


def size_shares(document: Document) -> dict[str, float]:
    """Format to the percentage of the sizes of which answers were compared; without those in which
    nobody counted.
    """
    shares = dict[str, float]()
    for one in document["coverage"]:
        groups = [group for group in one["groups"] if is_of_sizes(group)]
        if reachable := sum(group["reachable"] for group in groups):
            # Weighted by bins: a small covergroup must not count as much as a large one.
            covered = sum(group["percent"] * group["reachable"] for group in groups)
            shares[one["format"]] = covered / reachable
    return shares


def is_of_sizes(group: JsonObject) -> bool:
    """Whether a covergroup counts the sizes of which answers were compared."""
    return len(group["axes"]) == 2 and group["axes"][0]["name"] == "of"


def numbers(residual: JsonObject) -> dict[str, str]:
    """The residual's numbers in words."""
    if residual["relation"] == "=":
        limit = "must be"
    else:
        limit = "limit"
    shown = {"is": residual["actual"], limit: residual["expected"]}
    if residual["actual"] == residual["expected"] == "nan":
        return {}
    if residual["expected"] == "nan":  # no mathematics: the target answered it
        shown = {"is": residual["actual"], "beside the target's other answer": "nan"}
    exact = {name: repr(float(value)) for name, value in shown.items()}
    return {
        **exact,
        **{name: f"{float(residual[name]):.4g}" for name in ("error", "bound", "margin")},
    }
