"""Recorded outputs held against derived bounds, in a test of any kind: in place of assert_allclose
and a guess.
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
    **declared: Any,
) -> None:
    """Assert that outputs differ from the mathematics of a GRU by rounding alone; no tolerance is
    chosen.

        gruverify.testing.assert_gru_close(cell, inputs, outputs, state=state)

    model: a `Cell` or `Stack`; inputs: (T, B, I), or (B, T, I) with batch_first, or (T, I) without
    a batch; outputs: (T, B, D·H) alike, or (L, T, B, D·H) those of every layer; state: the initial
    one, (L·D, B, H) or, of a single cell, (B, H), zeros unless given; lengths: (B,); format: that
    it was computed in, the weights' unless given; activations: the functions of the gates and of
    the candidate, as ("hard_sigmoid(0.2, 0.5)", "relu"), or those of both directions; keep,
    restart, zero_outputs: masked steps, zoneout and steps that start from zeros, as
    `gruverify.judging.judge` has them; declared: what it declares of its accuracy, such as
    kappa_sigma=5 (see docs/tolerances.md).

    Raises:
        AssertionError: a number is beyond its bound, or the bounds claim too little; it says which,
            and what explains it.
        BadRecord: an array does not fit the weights.
        BadDeclaration: there is no such declaration, or it cannot have that value.
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
        **declared,
    )
    if ruling.verdict != "rounding":
        raise AssertionError("\n  ".join([*ruling_lines(ruling), *ruling.notes]))
