"""Three tasks for which theory says what the gates of a GRU must do, drawn with NumPy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

NDArray: TypeAlias = npt.NDArray[Any]

#: T of each task.
STEPS = {"adding": 30, "delay": 31, "integrator": 60}


def adding(rng: np.random.Generator, members: int) -> tuple[NDArray, NDArray]:
    """Values and markers (T, B, 2), two markers each, one in either half; the sum of the two marked
    values after the last step, (1, B, 1).
    """
    T = STEPS["adding"]
    values, markers = rng.uniform(-0.5, 0.5, (T, members)), np.zeros((T, members))
    for half in (range(1, T // 2), range(T // 2, T - 5)):
        markers[rng.choice(half, members), np.arange(members)] = 1
    return _single(np.stack([values, markers], -1)), _single(
        (values * markers).sum(0)[None, :, None]
    )


def delay(rng: np.random.Generator, members: int) -> tuple[NDArray, NDArray]:
    """A value in the first step and silence (T, B, 1); the value after the last step, (1, B, 1)."""
    xs = np.zeros((STEPS["delay"], members, 1))
    xs[0] = rng.uniform(-0.8, 0.8, (members, 1))
    return _single(xs), _single(xs[:1])


def integrator(rng: np.random.Generator, members: int) -> tuple[NDArray, NDArray]:
    """Noise (T, B, 1), and the sum of it so far after every step, (T, B, 1)."""
    xs = rng.normal(size=(STEPS["integrator"], members, 1)) / 4
    return _single(xs), _single(xs.cumsum(0))


def _single(array: NDArray) -> NDArray:
    return array.astype(np.float32)


TASKS = {"adding": adding, "delay": delay, "integrator": integrator}
