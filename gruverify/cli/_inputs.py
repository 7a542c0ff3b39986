"""Recorded arrays on the command line: what they may be called, and how their axes are told."""

from __future__ import annotations

from gruverify.cli._options import Fail

#: What arrays of a file with several are looked for under.
INPUT_NAMES = ("inputs", "input", "x", "X")
STATE_NAMES = ("state", "states", "initial_state", "initial_h", "h0", "h_0", "hx")
LENGTH_NAMES = ("lengths", "sequence_lens")


def begins_with_batch(shape: tuple[int, ...], said: bool | None) -> bool:
    """Whether inputs begin with the batch; asked for, because a guess may make a right GRU look
    wrong.
    """
    if said is None and len(shape) == 3:
        raise Fail(
            f"inputs has shape {shape}: say --time-first if that is (T, B, I), or --batch-first "
            "if it is (B, T, I)"
        )
    # Two axes have no batch: nothing needs to be said.
    return bool(said)
