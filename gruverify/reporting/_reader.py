"""Reading a result's document back from a file, and saying clearly why one cannot be."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from gruverify.engine import BadWitness, decode_witness
from gruverify.reporting._json import SCHEMA
from gruverify.reporting._needs import needed
from gruverify.reporting._schema_1 import upgraded

Document: TypeAlias = dict[str, Any]

#: The schemas that are read, each with the file that describes it.
_FILES = {1: "result-1.schema.json", SCHEMA: "result.schema.json"}
#: A deep run of everything in all formats, falsified everywhere, writes some 10 MB.
LARGEST_MB = 32


class BadResult(ValueError):
    """The file is not a result that this version can read."""


def load_document(path: Path) -> Document:
    """The document of a result file, checked against `result.schema.json`; one of schema 1 in the
    shape of schema 2.

    Raises:
        BadResult: it cannot be read, or is cut short, foreign, of another schema, damaged or too
        large.
        ReportUnavailable: fastjsonschema is not installed.
    """
    try:
        size = path.stat().st_size / 1e6
        if size > LARGEST_MB:
            raise BadResult(f"{path} has {size:.1f} MB: a result has at most {LARGEST_MB}")
        return parse_document(path.read_bytes())
    except OSError as missing:
        raise BadResult(f"{path} cannot be read: {missing.strerror}") from None
    except BadResult as bad:
        raise (bad if str(bad).startswith(str(path)) else BadResult(f"{path} {bad}")) from None


def parse_document(text: str | bytes) -> Document:
    """The document that a text holds, as `load_document` reads it.

    Raises:
        BadResult: as there; the message begins with a verb, for a name to stand before it.
        ReportUnavailable: fastjsonschema is not installed.
    """
    document = _parsed(text)
    if isinstance(document, dict) and document.get("kind") == "gruverify targets":
        raise BadResult(
            "holds many targets: name the result of one, N-TARGET/result.json in their report"
        )
    if isinstance(document, dict) and document.get("kind") == "gruverify campaign":
        raise BadResult("is a campaign, with a result for each target: `gruverify report` reads it")
    if not isinstance(document, dict) or "schema" not in document:
        raise BadResult(
            "is not a gruverify result: expected a JSON object with schema, target, invariants "
            "and so on"
        )
    if document.get("kind") == "gruverify witness":
        raise BadResult("is a witness, not a result: `gruverify replay` reads it")
    version = _version(document["schema"])
    _check_schema(document, version)
    # Beyond the schema: shapes and bits of a case are checked by whoever decodes it.
    _check_witnesses(document["witnesses"])
    if version == SCHEMA:
        return document
    return upgraded(document)


def _version(given: Any) -> int:
    """The schema that a document says it keeps to, if it can be read."""
    number = type(given) in (int, float)
    if number and given in _FILES:
        return int(given)
    newer = number and given > SCHEMA
    if newer:
        way_out = "upgrade gruverify to read it"
    else:
        way_out = "check the target again with it"
    readable = " and ".join(map(str, _FILES))
    raise BadResult(f"has schema={reprlib.repr(given)}: this version reads {readable}; {way_out}")


def schema(version: int = SCHEMA) -> dict[str, Any]:
    """The JSON Schema of a result's document: of the newest version, or of an older one that is
    read.
    """
    text = (
        resources.files("gruverify.reporting").joinpath(_FILES[version]).read_text(encoding="utf-8")
    )
    found: dict[str, Any] = json.loads(text)
    return found


def _parsed(text: str | bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a number of JSON")

    try:
        # Python reads NaN and Infinity; JSON has neither, and a file with them was not written
        # here.
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise BadResult("is not a gruverify result: it is nested too deeply") from None
    except ValueError as bad:  # of the text, or of the bytes it should be made of
        raise BadResult(f"is not JSON, or was cut short: {bad}") from None


def _check_schema(document: Document, version: int) -> None:
    needed("fastjsonschema")
    check, broken_rule = _validator(version)
    try:
        check(document)
    except broken_rule as broken:
        place = broken.name.removeprefix("data").lstrip(".") or "the result"
        raise BadResult(
            f"is damaged: {place} {broken.message.removeprefix(broken.name).strip()}"
        ) from None


@cache
def _validator(version: int) -> tuple[Callable[[Document], Document], Any]:
    """What checks a document, and what it raises: of one and the same import of the library."""
    library = needed("fastjsonschema")
    return library.compile(schema(version)), library.JsonSchemaValueException


def _check_witnesses(witnesses: list[Any]) -> None:
    for i, witness in enumerate(witnesses):
        try:
            decode_witness(witness)
        except BadWitness as damaged:
            raise BadResult(f"is damaged: witnesses[{i}]: {damaged}") from None
