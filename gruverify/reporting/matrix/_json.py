"""The kill matrix as JSON, schema 1."""

from __future__ import annotations

import json
from dataclasses import asdict

from gruverify._named import JsonObject
from gruverify.matrix import Fate, Matrix

SCHEMA = 1


def matrix_document(matrix: Matrix) -> str:
    """The matrix as text, ending in a newline. Everything but seconds depends on the seed and the
    versions alone.
    """
    return json.dumps(_values(matrix), indent=1, ensure_ascii=False) + "\n"


def _values(matrix: Matrix) -> JsonObject:
    alone, cover = matrix.alone(), matrix.cover
    return {
        "schema": SCHEMA,
        "kind": "gruverify kill matrix",
        **matrix.header,
        "complete": matrix.complete,
        "seconds": round(matrix.seconds, 1),
        "summary": matrix.summary(),
        "cover": asdict(cover),
        "invariants": {
            id: {"catches": faults, "alone": alone.get(id, [])}
            for id, faults in matrix.catches().items()
        },
        "fates": [
            {**asdict(fate), "seconds": round(fate.seconds, 3)}
            for fate in (*matrix.faults, *matrix.rewrites)
        ],
    }


def decode_matrix(text: str) -> Matrix:
    """The matrix that `matrix_document` wrote.

    Raises:
        ValueError: it is something else, or of another schema.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("kind") != "gruverify kill matrix":
        raise ValueError(
            "this is not a gruverify kill matrix: expected a JSON object with that kind"
        )
    if document.get("schema") != SCHEMA:
        raise ValueError(
            f"schema={document.get('schema')!r} cannot be read: this version reads schema {SCHEMA}"
        )
    ours = ("schema", "kind", "complete", "seconds", "summary", "cover", "invariants", "fates")
    # The header is whatever else there is, as it was written into the same object.
    header = {name: value for name, value in document.items() if name not in ours}
    fates = tuple(Fate(**values) for values in document["fates"])
    return Matrix(header, fates, document["seconds"], document.get("complete", True))
