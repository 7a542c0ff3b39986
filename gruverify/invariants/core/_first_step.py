"""A loss of the state after the first step, which the steps that follow have no part in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gruverify.cell import Case
from gruverify.invariants.core._changes import single
from gruverify.invariants.core._trial import Trial


def with_loss_of_first_step(trial: Trial) -> Trial:
    """The trial of the first step alone; of few shapes, of all steps, for one step would have to be
    compiled anew.
    """
    if trial.declared.shapes == "few":
        return trial.on(of_first_step)
    return trial.on(single)


def of_first_step(case: Case) -> Case:
    """The case with a loss of the state after its first step, at the cotangent of its last."""
    if len(case.inputs) == 1:
        return case
    d_outputs = np.zeros_like(case.d_outputs)
    d_outputs[0] = case.d_last
    return replace(case, d_outputs=d_outputs, d_last=np.zeros_like(case.d_last))
