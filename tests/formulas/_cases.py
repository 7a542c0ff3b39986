"""Drawn cases in float64, and their formulas in balls."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gruverify import Case, float64
from gruverify import strategies as gst
from gruverify.arithmetic import Ball, Rounding
from gruverify.cell import Parameters

NDArray = npt.NDArray[Any]
MODE = Rounding(float64)


def cases(**arguments: Any) -> st.SearchStrategy[Case]:
    """Cases in float64 whose gates may be anywhere."""
    return gst.cases(formats=[float64], **arguments)


def ball(array: NDArray) -> Ball:
    """An exact ball."""
    return Ball.exact(MODE, array)


def balls(case: Case) -> tuple[Parameters, list[Ball], Ball]:
    """Parameters, inputs and state."""
    return case.cell.parameters(ball), [ball(x) for x in case.inputs], ball(case.state)


def escapes(found: NDArray, expected: Ball) -> bool:
    """Whether an entry lies outside its ball."""
    return not bool((np.abs(np.asarray(found) - expected.mid) <= expected.radius).all())
