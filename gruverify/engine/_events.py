"""What happens in a run, as it happens: reporters listen, the engine does not know them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gruverify._named import JsonObject
from gruverify.coverage import Coverage
from gruverify.engine._deaths import Death
from gruverify.engine._drawn import Drawn, Kind
from gruverify.engine._flaky import Flaky
from gruverify.engine._result import Result
from gruverify.engine._tally import Tally
from gruverify.engine._witness import Witness


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The target is a backend, and the plan makes sense for it; `header` is that of the result."""

    header: JsonObject


@dataclass(frozen=True, slots=True)
class FormatStarted:
    """The cases of a format begin; `cases` is how many at most."""

    format: str
    cases: int


@dataclass(frozen=True, slots=True)
class CaseJudged:
    """One case was put to the backend; `falsified` are the invariants that it is the first to
    falsify.
    """

    format: str
    number: int
    falsified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """Something failed in a format for the first time, in the case of that number, or, if that is
    0, in the case of a saved witness; `text` describes it.
    """

    format: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class NotRepeated:
    """An invariant failed in a format, and not in every call with the same arguments: its case is
    not shrunk.
    """

    format: str
    invariant: str
    flaky: Flaky


@dataclass(frozen=True, slots=True)
class Shrinking:
    """The smallest case that falsifies an invariant is being looked for."""

    format: str
    invariant: str


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A small case was found for a failed invariant."""

    witness: Witness


@dataclass(frozen=True, slots=True)
class SoFar:
    """What there is of a format, whose end may never come: its witnesses are as they were drawn."""

    format: str
    tallies: dict[tuple[str, str, str], Tally]
    witnesses: dict[tuple[str, str], Witness]
    coverage: Coverage
    drawn: dict[tuple[str, Kind], Drawn]


@dataclass(frozen=True, slots=True)
class FormatFinished:
    """Everything of a format is done; `part` is its part of the result."""

    format: str
    part: Result


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """What was found of a case, as `engine._journal` encodes it, with the processor seconds that it
    took; and where the case was drawn: the stream, by its seed, and its number there, from 0.
    """

    stream: str
    number: int
    found: bytes
    cpu: float


@dataclass(frozen=True, slots=True)
class CasesJudged:
    """Cases of a format were judged since this was last sent: for those who keep them."""

    format: str
    cases: tuple[JudgedCase, ...]


@dataclass(frozen=True, slots=True)
class ProcessDied:
    """A process ended in a call of the target, which is not repeated; `note` is what the
    result says of it, and `number` how many cases of the format had been judged.
    """

    death: Death
    note: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Alive:
    """The backend still answers: sent about once a second, between the other events."""

    format: str


@dataclass(frozen=True)
class Compiling:
    """A backend of few shapes is called with new sizes, as "H=3, I=2, B=4, T=3", which may take
    long.
    """

    format: str
    sizes: str


Event: TypeAlias = (
    RunStarted
    | FormatStarted
    | CaseJudged
    | FirstFailure
    | NotRepeated
    | Shrinking
    | Shrunk
    | SoFar
    | FormatFinished
    | CasesJudged
    | ProcessDied
    | Alive
    | Compiling
)
Listener: TypeAlias = Callable[[Event], None]
