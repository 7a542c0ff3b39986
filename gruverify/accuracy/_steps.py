"""The errors of steps over cases that are drawn as `gruverify check` draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gruverify.arithmetic import Format, NDArray
from gruverify.backends import Backend, NumpyBackend
from gruverify.cell import AnyCase, Case
from gruverify.engine import draw, streams_for
from gruverify.invariants import Trial

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepErrors:
    """The errors of next states, each an entry (N,), in units of roundoff of the format: states lie
    in [-1, 1], and an error of 1 is one of the last digit of 1/2 to 1. refused: how many cases were
    not answered.
    """

    errors: Floats
    refused: int

    @property
    def worst(self) -> float:
        """The largest error; NaN if there is none."""
        return self.percentile(100)

    def percentile(self, percent: float) -> float:
        """The error that that many percent of the entries do not exceed."""
        if not self.errors.size:
            return np.nan
        return float(np.percentile(self.errors, percent, method="higher"))


def step_errors(backend: Backend, fmt: Format, cases: int, seed: int) -> StepErrors:
    """Over the cases of cells that a run of that seed draws first; those whose exact next state is
    not finite or larger than 1 are left out.
    """
    found, refused = list[Floats](), 0

    def visit(case: AnyCase) -> None:
        nonlocal refused
        if not isinstance(case, Case):
            return
        try:
            answered = Trial(case, backend).observed.step
        except Exception:  # whatever the target raises
            refused += 1
            return
        # Next to the target's own call: an error of ours is not a refusal of its.
        found.append(_errors(case, answered))

    for stream in streams_for(backend, fmt, seed, cases):
        # The survey draws what is rare on purpose, and would weigh too much in percentiles.
        if stream.kind == "cells" and not stream.survey:
            draw(stream.strategy, stream.count, stream.seed, visit)
    return StepErrors(np.concatenate([np.zeros(0), *found]), refused)


def _errors(case: Case, answered: NDArray) -> Floats:
    exact = Trial(case, NumpyBackend()).exact.next_state.mid
    error = np.abs(answered.astype(np.float64) - exact) / case.format.unit_roundoff
    error = np.where(np.isnan(error), np.inf, error)
    return np.asarray(error[np.abs(exact) <= 1], np.float64)
