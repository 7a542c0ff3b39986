"""gruverify tells the author of a GRU whether it is right, and shows the smallest case in which it
is not.

    gruverify check torch                 the command line
    gruverify.check(target)               the same from Python
    from gruverify import strategies      Hypothesis strategies for other test suites

Importing the package loads neither torch nor hypothesis; what is heavy is imported when it is first
used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gruverify.arithmetic import FORMATS as FORMATS
    from gruverify.arithmetic import Format as Format
    from gruverify.arithmetic import bfloat16 as bfloat16
    from gruverify.arithmetic import float16 as float16
    from gruverify.arithmetic import float32 as float32
    from gruverify.arithmetic import float64 as float64
    from gruverify.backends import Backend as Backend
    from gruverify.backends import TargetUnavailable as TargetUnavailable
    from gruverify.backends import UnknownTarget as UnknownTarget
    from gruverify.backends import backend as backend
    from gruverify.backends import torch_backend as torch_backend
    from gruverify.cell import VARIANTS as VARIANTS
    from gruverify.cell import Case as Case
    from gruverify.cell import Cell as Cell
    from gruverify.cell import Gradients as Gradients
    from gruverify.cell import Stack as Stack
    from gruverify.cell import StackCase as StackCase
    from gruverify.cell import StackGradients as StackGradients
    from gruverify.cell import Variant as Variant
    from gruverify.diagnosis import Diagnosis as Diagnosis
    from gruverify.diagnosis import diagnose as diagnose
    from gruverify.engine import Identity as Identity
    from gruverify.engine import Result as Result
    from gruverify.engine import Witness as Witness
    from gruverify.engine import assert_holds as assert_holds
    from gruverify.engine import check as check
    from gruverify.engine import identify as identify
    from gruverify.reaching import Reach as Reach
    from gruverify.reaching import reach as reach

__version__ = "0.2.0"

_HOMES = {
    "gruverify.arithmetic": ("FORMATS", "Format", "bfloat16", "float16", "float32", "float64"),
    "gruverify.backends": (
        "Backend",
        "TargetUnavailable",
        "UnknownTarget",
        "backend",
        "torch_backend",
    ),
    "gruverify.cell": (
        "VARIANTS",
        "Case",
        "Cell",
        "Gradients",
        "Stack",
        "StackCase",
        "StackGradients",
        "Variant",
    ),
    "gruverify.diagnosis": ("Diagnosis", "diagnose"),
    "gruverify.engine": ("Identity", "Result", "Witness", "assert_holds", "check", "identify"),
    "gruverify.reaching": ("Reach", "reach"),
}
_HOME_OF = dict[str, str]()
for _home, _names in _HOMES.items():
    _HOME_OF |= dict.fromkeys(_names, _home)

# Spelled out for type checkers and editors; a test holds it against the names above.
__all__ = [
    "FORMATS",
    "VARIANTS",
    "Backend",
    "Case",
    "Cell",
    "Diagnosis",
    "Format",
    "Gradients",
    "Identity",
    "Reach",
    "Result",
    "Stack",
    "StackCase",
    "StackGradients",
    "TargetUnavailable",
    "UnknownTarget",
    "Variant",
    "Witness",
    "assert_holds",
    "backend",
    "bfloat16",
    "check",
    "diagnose",
    "float16",
    "float32",
    "float64",
    "identify",
    "reach",
    "torch_backend",
]


#: Imported with the name, so that `import gruverify` is all that a test file needs.
_MODULES = ("faults", "strategies", "testing")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"gruverify.{name}")
    # An AttributeError, as hasattr expects of a module.
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gruverify' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF, *_MODULES])
