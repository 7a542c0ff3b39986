"""Rows of several balls as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gruverify.arithmetic._ball import Ball
from gruverify.arithmetic._exactness import joined


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
