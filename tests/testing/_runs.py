"""Runs of pytest inside pytest, on a directory of their own."""

from __future__ import annotations

import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

#: In a checkout that was not installed since they are there, plugin and profiles have no entry
#: points.
PLUGIN: tuple[str, ...] = (
    () if entry_points(group="pytest11", name="gruverify") else ("-p", "gruverify._pytest")
)
PROFILES = "import hypothesis\nfrom gruverify import _hypothesis\n_hypothesis.register()\n"
#: What the user's environment may add is not part of these tests.
CALM = ("-p", "no:randomly", "-p", "no:cacheprovider")

#: A step that adds the recurrent bias of the candidate outside the reset product.
FAULTY = """
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(cell, x, h):
    W_r, W_z, W_n = np.split(cell.weight_ih, 3)
    U_r, U_z, U_n = np.split(cell.weight_hh, 3)
    b_r, b_z, b_n = np.split(cell.bias_ih, 3)
    c_r, c_z, c_n = np.split(cell.bias_hh, 3)
    r = sigmoid(x @ W_r.T + b_r + h @ U_r.T + c_r)
    z = sigmoid(x @ W_z.T + b_z + h @ U_z.T + c_z)
    n = np.tanh(x @ W_n.T + b_n + r * (h @ U_n.T) + c_n)
    return (1 - z) * n + z * h
"""

#: A right GRU that has a step and says that it has no Jacobian.
DECLINING = """
from gruverify.backends import NumpyBackend


class Declining:
    name = "declining"
    variants, formats = NumpyBackend().variants, NumpyBackend().formats
    step = NumpyBackend().step

    def step_jacobian(self, cell, x, h):
        raise NotImplementedError("no Jacobian yet")
"""


class Imported:
    """A plugin that notes, at the end of a run, the modules that are not the test's own.

    pytester forgets what was imported since it was made. A package that was half imported before
    would then become two that do not know each other's classes: the directory's conftest.py puts
    these modules back.
    """

    modules: ClassVar[dict[str, ModuleType]] = {}

    def __init__(self, own: Path) -> None:
        self._own = str(own)

    def pytest_unconfigure(self) -> None:
        """Note them."""
        for name, module in sys.modules.items():
            if not (getattr(module, "__file__", None) or "").startswith(self._own):
                self.modules[name] = module


def inside(
    pytester: pytest.Pytester, *arguments: str, plugin: tuple[str, ...] = PLUGIN, **files: str
) -> pytest.RunResult:
    """A run in this process."""
    _write(pytester, files)
    pytester.syspathinsert()
    for name in files:  # another test of this process may have had one of that name
        sys.modules.pop(name, None)
    return pytester.runpytest_inprocess(
        *CALM, *plugin, *arguments, plugins=[Imported(pytester.path)]
    )


def apart(pytester: pytest.Pytester, *arguments: str, **files: str) -> pytest.RunResult:
    """A run in a process of its own, as a user's."""
    _write(pytester, files | ({"conftest": PROFILES} if PLUGIN else {}))
    return pytester.runpytest_subprocess("-p", "no:randomly", *PLUGIN, *arguments)


def _write(pytester: pytest.Pytester, files: dict[str, str]) -> None:
    for name, text in files.items():
        pytester.path.joinpath(f"{name}.py").write_text(text)


def outcomes(run: pytest.RunResult) -> dict[str, int]:
    """How many passed, failed and so on."""
    return {
        name: count
        for name, count in run.parseoutcomes().items()
        if name not in ("warnings", "warning")
    }


def ids(run: pytest.RunResult) -> list[str]:
    """What was collected, as --collect-only -q prints it."""
    return [line for line in run.outlines if re.fullmatch(r"\S+::\S+", line)]


def one_test(target: str, **options: Any) -> str:
    """A test file of one line."""
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"import gruverify\n\ntest_my_gru = gruverify.testing.conformance({target!r}{given})\n"
