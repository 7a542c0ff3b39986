"""Compare recorded outputs with derived bounds, in a test of any kind: in place of assert_allclose
and a guessed tolerance.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from gruverify.arithmetic import Format, Said
from gruverify.cell import Cell, Stack
from gruverify.judging import judge
from gruverify.reporting import ruling_lines


def assert_gru_close(
    model: Cell | Stack,
    inputs: npt.ArrayLike,
    outputs: npt.ArrayLike,
    *,
    state: npt.ArrayLike | None = None,
    lengths: npt.ArrayLike | None = None,
    format: Format | str | None = None,
    batch_first: bool = False,
    activations: Said = ("sigmoid", "tanh"),
    keep: npt.ArrayLike | None = None,
    restart: npt.ArrayLike | None = None,
    zero_outputs: bool = False,
    leaning: bool = True,
    **declared: Any,
) -> None:
    """Assert that outputs differ from the mathematics of a GRU only by rounding. Nobody chooses a
    tolerance.

        gruverify.testing.assert_gru_close(cell, inputs, outputs, state=state)

    Args:
        model: The weights, as a `Cell` or a `Stack`.
        inputs: (T, B, I), or (B, T, I) with batch_first, or (T, I) without a batch.
        outputs: (T, B, D·H), laid out as the inputs are; or (L, T, B, D·H), those of every layer.
        state: The initial state, (L·D, B, H) or, of a single cell, (B, H); zeros unless given.
        lengths: The number of steps of each member, (B,); T unless given.
        format: The format of the computation; that of the weights unless given.
        batch_first: Whether inputs and outputs begin with the batch.
        activations: The functions of the gates and of the candidate, such as
            ("hard_sigmoid(0.2, 0.5)", "relu"), or those of both directions.
        keep: 1 where a step is masked and the state stays, (T, B); or zoneout's share, per unit.
        restart: 1 where a step starts from zeros, (T, B).
        zero_outputs: Whether the outputs of masked steps are 0.
        leaning: Whether it also fails where each number is within its bound, and the errors of all
            steps together lean as if a weight were another one.
        **declared: What the implementation declares of its accuracy, such as kappa_sigma=5 (see
            docs/tolerances.md).

    Raises:
        AssertionError: A number is beyond its bound, the bounds claim too little, or the errors
            lean; it says which, and what explains it.
        BadRecord: An array does not fit the weights.
        BadDeclaration: There is no such declaration, or it cannot have that value.
    """
    __tracebackhide__ = True
    ruling = judge(
        model,
        inputs,
        outputs,
        state=state,
        lengths=lengths,
        format=format,
        batch_first=batch_first,
        activations=activations,
        keep=keep,
        restart=restart,
        zero_outputs=zero_outputs,
        leaning=leaning,
        **declared,
    )
    if ruling.verdict != "rounding":
        raise AssertionError("\n  ".join([*ruling_lines(ruling), *ruling.notes]))
