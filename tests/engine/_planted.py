"""GRUs with planted faults, as a user would write them; tests copy this file to where a target is
looked for.
"""

import os
import signal
import time
from dataclasses import replace

import numpy as np

from gruverify import Variant
from gruverify.backends import NumpyBackend

NUMPY = NumpyBackend()


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def split(cell, x, h):
    i, b = (
        np.split(x @ cell.weight_ih.T + cell.bias_ih, 3, 1),
        np.split(h @ cell.weight_hh.T + cell.bias_hh, 3, 1),
    )
    return sigmoid(i[0] + b[0]), sigmoid(i[1] + b[1]), i[2], b[2]


def right(cell, x, h):
    return NUMPY.step(cell, x, h)


def inverted(cell, x, h):
    r, z, i_n, h_n = split(cell, x, h)
    return (z * np.tanh(i_n + r * h_n) + (1 - z) * h).astype(h.dtype)


def outside(cell, x, h):
    r, z, i_n, h_n = split(cell, x, h)
    b_hc = np.split(cell.bias_hh, 3)[2]
    return ((1 - z) * np.tanh(i_n + r * (h_n - b_hc) + b_hc) + z * h).astype(h.dtype)


def half(cell, x, h):
    return right(cell, x, h).astype(np.float16).astype(h.dtype)


def halved(cell, x, h):
    return right(cell, x, h) / 2


def raises(cell, x, h):
    raise ZeroDivisionError("no gate")


def dies(cell, x, h):
    if h.dtype == np.float32:
        os._exit(7)
    return right(cell, x, h)


def is_killed(cell, x, h):
    if h.dtype == np.float32:
        os.kill(os.getpid(), signal.SIGKILL)
    return right(cell, x, h)


def dies_or_raises(cell, x, h):
    dies(cell, x, h)
    raise ZeroDivisionError("no gate")


class Scaled(NumpyBackend):
    """dL/db_hc lacks the factor r."""

    name = "scaled"
    variants = (Variant(),)

    def step_vjp(self, *arguments):
        return lacking_r(super().step_vjp(*arguments))

    def sequence_vjp(self, *arguments):
        return lacking_r(super().sequence_vjp(*arguments))


def lacking_r(gradients):
    (r, z, _), (_, _, n) = np.split(gradients.bias_hh, 3), np.split(gradients.bias_ih, 3)
    return replace(gradients, bias_hh=np.concatenate([r, z, n]))


def hangs(cell, x, h):
    if h.dtype == np.float32:
        time.sleep(3600)
    return right(cell, x, h)


def slow(cell, x, h):
    time.sleep(1.2)
    return right(cell, x, h)


KEPT = {}


def forever(cell, x, h):
    """The first answer for arguments of some shapes is that for all of them."""
    return KEPT.setdefault((x.shape, h.shape, h.dtype), right(cell, x, h)).copy()


LAST = {}


def stale(cell, x, h):
    """The answer to the last call is that of the next one, if its arguments have the same
    shapes.
    """
    kind, arguments = (x.shape, h.shape, h.dtype), x.tobytes() + h.tobytes()
    before, LAST[kind] = LAST.get(kind), (arguments, right(cell, x, h))
    return (LAST[kind] if before is None or before[0] == arguments else before)[1].copy()


RANDOM = np.random.default_rng(1)


def sometimes(cell, x, h):
    return halved(cell, x, h) if RANDOM.random() < 0.3 else right(cell, x, h)


class Fragile(NumpyBackend):
    """Its sequence ends the process."""

    name = "fragile"
    variants = (Variant(),)

    def sequence(self, *arguments):
        os.abort()
