"""Balls as plain numbers: one by itself, and the rows of several as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._exactness import joined


def plain(ball: Ball) -> Ball:
    """The ball rounded, without what it is made of: of one that is only compared with other numbers
    that is most of its memory.
    """
    return Ball(ball.mode, ball.mid, ball.rad)


def joined_rows(balls: Sequence[Ball]) -> Ball:
    """The rows of all balls (B, n), each rounded, as one (ΣB, n): what is exact of one stays so."""
    each = [ball.rounded() for ball in balls]
    if len(each) == 1:
        return each[0]
    exactly = all(ball.exactly for ball in each)
    radius = None if exactly else np.concatenate([ball.radius for ball in each])
    shapes = [ball.shape for ball in each]
    return Ball(each[0].mode, np.concatenate([ball.mid for ball in each]), radius).known(
        nonzero=joined([ball.nonzero for ball in each], shapes),
        rough=joined([ball.rough for ball in each], shapes),
    )
