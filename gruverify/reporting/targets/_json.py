"""Many targets as JSON, schema 1 of its own: written, read back, and several as one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gruverify.reporting._needs import needed
from gruverify.reporting._reader import LARGEST_MB, BadResult, load_document, parse_document
from gruverify.reporting.targets._row import FamilyMargin, Outcome, Row, Worst, outcome_of

SCHEMA = 1
KIND = "gruverify targets"
_FILE = "targets.schema.json"
#: What a campaign calls itself.
CAMPAIGN = "gruverify campaign"


def targets_document(rows: Iterable[Row]) -> dict[str, Any]:
    """The rows as JSON values."""
    return {"kind": KIND, "schema": SCHEMA, "targets": [_encoded(row) for row in rows]}


def targets_schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = resources.files("gruverify.reporting").joinpath(_FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def load_outcomes(path: Path) -> list[Outcome]:
    """What came of the targets of a file: of a result the one, of a campaign each, of
    `targets.json` each, with those results that lie in folders beside it; of the folder of a report
    the same.

    Raises:
        BadResult: it cannot be read, or is neither.
        ReportUnavailable: fastjsonschema is not installed.
    """
    if path.is_dir():
        path = _file_in(path)
    read = _read(path)
    if isinstance(read, dict) and read.get("kind") == CAMPAIGN:
        return [_of_campaign(each, path) for each in read.get("results", ())]
    if not isinstance(read, dict) or read.get("kind") != KIND:
        return [outcome_of(load_document(path))]
    _check(read, path)
    return [_with_result(_decoded(row), path.parent) for row in read["targets"]]


def merged_outcomes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those of several runs as those of one, targets in the order in which they come first.

    Of a target that could be asked in one run and not in another, what was found stays. Runs of the
    same target that differ, in versions say, stand side by side; of runs that do not, the last
    stays.
    """
    found: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        mine = found.setdefault(outcome.row.target, {})
        # Taken out first, so that the last one also stands last.
        mine.pop(_identity(outcome.row), None)
        mine[_identity(outcome.row)] = outcome
    merged = list[Outcome]()
    for mine in found.values():
        asked = [outcome for outcome in mine.values() if outcome.row.asked]
        # Unavailable here and checked elsewhere is checked.
        merged += asked or [*mine.values()][-1:]
    return merged


def _of_campaign(result: Any, path: Path) -> Outcome:
    """What came of one target of a campaign."""
    try:
        return outcome_of(parse_document(json.dumps(result)))
    except BadResult as wrong:
        raise BadResult(f"{path}, a result of the campaign {wrong}") from None


def _identity(row: Row) -> str:
    """What two rows share that are of the same run of the same target."""
    same = (row.asked, row.seed, row.profile, row.cases, row.formats)
    return repr((same, sorted(row.declarations.items()), sorted(row.versions.items())))


def _file_in(folder: Path) -> Path:
    for name in ("targets.json", "result.json"):
        if (folder / name).is_file():
            return folder / name
    raise BadResult(f"{folder} is not a report: it has neither targets.json nor result.json")


def _read(path: Path) -> Any:
    """The values of a file; None where a reader of results is to say what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_MB * 1e6:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _check(read: dict[str, Any], path: Path) -> None:
    if read.get("schema") != SCHEMA:
        raise BadResult(
            f"{path} has schema={read.get('schema')!r}: this version reads {SCHEMA} of many "
            "targets; check them again with it"
        )
    check, broken_rule = _validator()
    try:
        check(read)
    except broken_rule as broken:
        place = broken.name.removeprefix("data").lstrip(".")
        said = broken.message.removeprefix(broken.name).strip()
        raise BadResult(f"{path} is damaged: {place} {said}") from None


@cache
def _validator() -> tuple[Any, Any]:
    library = needed("fastjsonschema")
    return library.compile(targets_schema()), library.JsonSchemaValueException


def _with_result(row: Row, folder: Path) -> Outcome:
    """The row with its result, if that lies where it says."""
    # Relative to the rows: a report's folder may be moved, or fetched from a CI job.
    file = folder / row.result
    if not row.result or not file.is_file():
        return Outcome(replace(row, result=""))
    return Outcome(row, load_document(file))


def _encoded(row: Row) -> dict[str, Any]:
    values = asdict(row)
    for each in (*values["families"], values["worst"]):
        if each is not None and not math.isfinite(each["margin"]):
            each["margin"] = repr(each["margin"])
    for errors in values["accuracy"].values():
        for function, worst in errors.items():
            if not math.isfinite(worst):
                errors[function] = repr(worst)
    return values


def _decoded(values: dict[str, Any]) -> Row:
    worst = values["worst"]
    lists = {name: tuple(values[name]) for name in ("formats", "doubts", "unexpected")}
    families = tuple(
        FamilyMargin(**{**each, "margin": float(each["margin"])}) for each in values["families"]
    )
    found = None if worst is None else Worst(**{**worst, "margin": float(worst["margin"])})
    accuracy = dict[str, dict[str, float]]()
    # Files of before there was accuracy have neither.
    for fmt, errors in values.get("accuracy", {}).items():
        accuracy[fmt] = {function: float(worst) for function, worst in errors.items()}
    lists["not_asked"] = tuple(values.get("not_asked", ()))
    return Row(**{**values, **lists, "families": families, "worst": found, "accuracy": accuracy})
