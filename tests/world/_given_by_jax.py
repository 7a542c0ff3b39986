"""What a library of JAX is asked for: the adapter fills in and sets to 0, before and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gruverify.backends import offers
from gruverify.backends.contract import NDArray
from gruverify.cell import Cell, Stack

#: Those with lengths or a mask, and those with cotangents.
_WITH_MARKS = ("sequence_masked", "stack_masked", "stack")
_PULLED = ("sequence_vjp", "sequence_hvp", "sequence_masked_vjp", "stack_masked_vjp", "stack_vjp")


def methods_as_given(backend: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods of a backend, whose outputs are 0 at steps that are skipped and at padding, and
    nothing comes back from there; which is always given both cotangents; and whose Jacobian is that
    of its step.
    """
    for name in _WITH_MARKS:
        if offers(backend, name):
            yield name, _hidden(getattr(backend, name))
    for name in _PULLED:
        if offers(backend, name):
            yield name, _with_both(getattr(backend, name), name.removesuffix("_vjp"))
    if offers(backend, "step_vjp"):
        yield "step_jacobian", _jacobian_of_step(backend)


def _hidden(method: Any) -> Callable[..., Any]:
    def run(subject: Any, inputs: NDArray, start: Any, marks: Any, *order: bool) -> Any:
        outputs, last = method(subject, inputs, start, marks, *order)
        return _shown(outputs, marks, *order), last

    return run


def _with_both(method: Any, name: str) -> Callable[..., Any]:
    # Behind the cell, inputs and states come marks and the order of axes, as each method has them.
    marked, ordered = name in _WITH_MARKS, name.startswith("stack")
    before = marked + ordered

    def pull(subject: Any, inputs: NDArray, start: Any, *others: Any) -> Any:
        where, (d_outputs, d_last, *tangent) = others[:before], others[before:]
        order = where[marked:]
        cotangents = _both(subject, inputs, d_outputs, d_last, *order)
        if marked:
            cotangents = _shown(cotangents[0], *where), cotangents[1]
        return method(subject, inputs, start, *where, *cotangents, *tangent)

    return pull


def _both(
    subject: Cell | Stack, inputs: NDArray, d_outputs: Any, d_last: Any, batch_first: bool = False
) -> tuple[NDArray, NDArray]:
    H, D, rows = subject.hidden_size, 1, ()
    if isinstance(subject, Stack):
        D, rows = subject.directions, (subject.layers * subject.directions,)
    members = inputs.shape[slice(0, 1) if batch_first else slice(1, -1)]
    if d_outputs is None:
        d_outputs = np.zeros((*inputs.shape[:-1], D * H), inputs.dtype)
    if d_last is None:
        d_last = np.zeros((*rows, *members, H), inputs.dtype)
    return d_outputs, d_last


def _shown(steps: NDArray, marks: Any, batch_first: bool = False) -> NDArray:
    """0 where a member skips a step, by a mask or behind its length."""
    if marks is None:
        return steps
    if marks.ndim == 2:
        skipped = marks
    else:
        skipped = np.arange(steps.shape[int(batch_first)])[:, None] >= marks
        skipped = skipped.T if batch_first else skipped
    return np.where(skipped[..., None], np.zeros_like(steps), steps)


def _jacobian_of_step(backend: Any) -> Callable[..., tuple[NDArray, NDArray]]:
    """From the gradients at each unit's cotangent."""

    def step_jacobian(cell: Cell, x: NDArray, h: NDArray) -> tuple[NDArray, NDArray]:
        rows = [
            backend.step_vjp(cell, x, h, np.broadcast_to(unit, h.shape).copy())
            for unit in np.eye(cell.hidden_size, dtype=h.dtype)
        ]
        dh, dx = (np.stack([getattr(g, name) for g in rows], 1) for name in ("state", "inputs"))
        return dh, dx

    return step_jacobian
