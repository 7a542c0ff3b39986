"""What `gruverify accuracy --json` measured, next to what came of the same targets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gruverify.reporting._reader import LARGEST_MB, BadResult
from gruverify.reporting.targets._row import Outcome

#: The worst error of each function by target and format: of σ and tanh in ulp, of a step in units
#: of roundoff; infinite where it is not a number.
Measured = dict[str, dict[str, dict[str, float]]]


def load_accuracies(path: Path) -> Measured | None:
    """What a file of `gruverify accuracy --json` has; None if it is another file.

    Raises:
        BadResult: it is such a file, and damaged.
    """
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_MB * 1e6:
            return None
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    # A result and an account of many are objects.
    if not isinstance(read, list) or not read:
        return None
    from gruverify.accuracy import COMPARED

    found: Measured = {}
    try:
        for one in read:
            worst = {each["function"]: _number(each["worst"]) for each in one["functions"]}
            # Whoever measured with an earlier version has no Jacobians and gradients.
            answers = {method: one.get(method) for method in COMPARED}
            worst |= {name: _number(each["worst"]) for name, each in answers.items() if each}
            found.setdefault(one["target"], {})[one["format"]] = worst
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadResult(f"{path} is not a result, and not what accuracy --json writes") from None
    return found


def _number(value: float | None) -> float:
    # JSON has no infinity: `accuracy_document` writes null.
    if value is None:
        return math.inf
    return float(value)


def with_accuracies(
    outcomes: Sequence[Outcome], measured: Sequence[Measured]
) -> tuple[list[Outcome], list[str]]:
    """The outcomes with what was measured of their targets, and the targets that were measured and
    are not among them.
    """
    of_each: Measured = {}
    for one in measured:
        for target, formats in one.items():
            of_each.setdefault(target, {}).update(formats)
    found = list[Outcome]()
    for outcome in outcomes:
        accuracy = {**outcome.row.accuracy, **of_each.get(outcome.row.target, {})}
        found.append(replace(outcome, row=replace(outcome.row, accuracy=accuracy)))
    names = {outcome.row.target for outcome in outcomes}
    return found, [target for target in of_each if target not in names]
