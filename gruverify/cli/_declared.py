"""Declarations of accuracy on the command line."""

from __future__ import annotations

from typing import Any

from gruverify._named import Keywords
from gruverify.cli._values import Parsed


def _declaration(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value a number, true or false, or a word."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(text)
    words = {"true": True, "false": False}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, float(value)
    except ValueError:
        # Quotes that a shell has left, as in accumulates='"float64"'.
        return name, value.strip("'\"")


_RULE = "must be NAME=VALUE, e.g. kappa_sigma=5 or accumulates=float64"

#: The settings of --declare, which several commands have.
DECLARE: Keywords = {
    "type": Parsed(_declaration, _RULE),
    "multiple": True,
    "metavar": "NAME=VALUE",
    "help": "What the implementation declares of its accuracy: kappa_sigma=5, "
    "accumulates=float64, products=tf32, ...",
}
