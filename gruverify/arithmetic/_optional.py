"""Packages that an extra brings: imported when an arithmetic that needs them is."""

from __future__ import annotations

import importlib
from typing import Any


def optional(module: str, package: str, extra: str) -> Any:
    """The module called `module`, which `package` brings.

    Raises:
        ImportError: it is not installed; the message names the extra that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"gruverify.arithmetic.{extra} needs {package}, which is not installed: pip install "
            f"'gruverify[{extra}]'",
            name=module,
        ) from missing
