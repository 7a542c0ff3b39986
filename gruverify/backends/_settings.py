"""The settings that a program shares: who leaves one changed changes what all others compute."""

from __future__ import annotations

import gc
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

#: By the function that sets it, what a setting is.
Settings: TypeAlias = dict[str, Any]

#: Numbers whose products and sums tell how the processor rounds.
_SMALLEST, _SMALLEST_NORMAL, _TINY = math.ulp(0.0), sys.float_info.min, sys.float_info.epsilon**2


def settings() -> Settings:
    """What is set now, of the process, of Python, of NumPy and, once it is loaded, of PyTorch."""
    found: Settings = {
        "os.chdir": _folder(),
        "gc.enable": gc.isenabled(),
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "np.seterr": np.geterr(),
        "np.seterrcall": np.geterrcall(),
        "np.set_printoptions": np.get_printoptions(),
        "the processor's rounding": _rounding(),
    }
    if (torch := sys.modules.get("torch")) is not None:
        found |= {
            "torch.set_default_dtype": torch.get_default_dtype(),
            "torch.set_grad_enabled": torch.is_grad_enabled(),
            "torch.set_num_threads": torch.get_num_threads(),
            "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "torch.autograd.set_detect_anomaly": torch.is_anomaly_enabled(),
        }
    return found


def _folder() -> str:
    """The current folder; "" if it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _rounding() -> dict[str, bool]:
    """How the floating point of this thread is set. As answers: where subnormal numbers are read
    as 0, two that differ are equal.
    """
    return {
        "flushes": _SMALLEST_NORMAL * 0.5 == 0.0,
        "reads subnormal numbers as 0": _SMALLEST * 1.0 == 0.0,
        "rounds up": 1.0 + _TINY > 1.0,
        "rounds down": -1.0 - _TINY < -1.0,
        "rounds towards 0": 1.0 - _TINY < 1.0,
    }


@contextmanager
def noticing_settings(found: dict[str, str]) -> Iterator[None]:
    """Add to `found` which settings are left changed, and how; they are set back, so that the next
    who changes them is noticed, too.
    """
    before = settings()
    try:
        yield
    finally:
        after = settings()
        if after != before:
            # What was loaded meanwhile was not set to anything before.
            for name in before:
                if after[name] != before[name]:
                    found[name] = _difference(before[name], after[name])
                    _set_back(name, before[name])


def _difference(before: object, after: object) -> str:
    """From what to what; of a setting of many parts, those that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        return ", ".join(
            f"{part} from {before[part]!r} to {after[part]!r}"
            for part in before
            if before[part] != after[part]
        )
    return f"from {before!r} to {after!r}"


def _set_back(name: str, before: Any) -> None:
    torch: Any = sys.modules.get("torch")
    setters: dict[str, Callable[[Any], object]] = {
        "os.chdir": lambda folder: os.chdir(folder or "."),
        "gc.enable": lambda enabled: gc.enable() if enabled else gc.disable(),
        "sys.setrecursionlimit": sys.setrecursionlimit,
        "np.seterr": lambda kinds: np.seterr(**kinds),
        "np.seterrcall": np.seterrcall,
        "np.set_printoptions": lambda options: np.set_printoptions(**options),
    }
    if torch is not None:
        setters |= {
            "torch.set_default_dtype": torch.set_default_dtype,
            "torch.set_grad_enabled": torch.set_grad_enabled,
            "torch.set_num_threads": torch.set_num_threads,
            "torch.use_deterministic_algorithms": torch.use_deterministic_algorithms,
            "torch.autograd.set_detect_anomaly": torch.autograd.set_detect_anomaly,
            # How it rounds nobody can set from Python; whether it flushes PyTorch can.
            "the processor's rounding": lambda was: torch.set_flush_denormal(was["flushes"]),
        }
    if name in setters:
        setters[name](before)
