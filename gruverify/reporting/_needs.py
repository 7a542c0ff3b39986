"""The packages of the extra `report`, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any


class ReportUnavailable(Exception):
    """A package is missing; the message says how to get it."""


def needed(module: str) -> Any:
    """A module of the extra `report`.

    Raises:
        ReportUnavailable: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ReportUnavailable(
            f"reports need {package}: pip install 'gruverify[report]'"
        ) from None


def require_packages() -> None:
    """Raise ReportUnavailable if a package of the extra `report` is not installed."""
    for module in ("fastjsonschema", "jinja2", "matplotlib"):
        needed(module)
